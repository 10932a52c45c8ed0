/**
 * GEMM family `matrix`: a workgroup computes BM x BN through workgroup memory with the matrices of subgroups, for GPUs that have units for
 * them (tensor cores). Needs WebGPU's `chromium-experimental-subgroup-matrix`, so only the tuner chooses it.
 *
 * Per BK steps of k the workgroup copies a BM x BK piece of A and a BK x BN piece of B into workgroup memory, each as it lies in memory
 * (k along the rows where k is contiguous); then each subgroup multiplies the fragments of its part of the tile. Components are float16
 * only where both operands are kept so: nothing is rounded on the way, and sums are float32 as in the other families.
 * Traffic: (1/BM + 1/BN) * M * N * K elements read, M * N written.
 *
 * A workgroup has room for its subgroups at their largest. Where the hardware's are smaller there are more of them: the rest only copies
 * and stores. Results go through workgroup memory, a fragment of each subgroup at a time, to the invocations that store them.
 */

import { ceilDiv } from '../kernel.ts';
import { enterTile, ownPart, stagedLoads } from './main.ts';
import type { Gemm, GemmMain } from './problem.ts';
import type { MatrixTile } from './shape.ts';
import { matrixPad } from './tiles.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** One operand's piece in workgroup memory: `side` rows of A, or columns of B, by `depth` steps of k. */
interface Piece {
  readonly elements: number;
  /** WGSL: where element (`at`, `k`) lies. */
  at(at: string, k: string): string;
  /** WGSL: an element's place from its number `e`, so that neighbouring invocations read neighbouring addresses. */
  readonly place: string;
  /** WGSL: how many numbers there are for `depth` steps. */
  readonly count: string;
  readonly pitch: number;
  /** True if a row of the piece holds successive k. */
  readonly alongK: boolean;
}

function pieceOf(side: number, depth: number, pad: number, alongK: boolean): Piece {
  const pitch = (alongK ? depth : side) + pad;
  return {
    elements: (alongK ? side : depth) * pitch,
    at: (at, k) => (alongK ? `(${at}) * ${pitch}u + ${k}` : `(${k}) * ${pitch}u + ${at}`),
    place: alongK
      ? `let k = e % ${depth}u;\n        let at = e / ${depth}u;`
      : `let k = e / ${side}u;\n        let at = e % ${side}u;`,
    count: alongK ? `${side * depth}u` : `depth * ${side}u`,
    pitch,
    alongK,
  };
}

export function matrixMain(
  maxSubgroupSize: number,
  { component, M, N, K, subgroupRows, subgroupColumns, rows, columns, depth: BK }: MatrixTile,
  { a, b, strideA, strideB }: Pick<Gemm, 'a' | 'b' | 'strideA' | 'strideB'>,
): GemmMain {
  const [BM, BN] = [subgroupRows * rows * M, subgroupColumns * columns * N];
  const subgroups = subgroupRows * subgroupColumns;
  const threads = subgroups * maxSubgroupSize;
  const pad = matrixPad(component);
  const pieceA = pieceOf(BM, BK, pad, strideA === 1);
  const pieceB = pieceOf(BN, BK, pad, strideB === 1);
  const fragments = range(rows).flatMap((i) => range(columns).map((j) => `c${i}_${j}`));
  const lines = (text: readonly string[], indent: number): string => text.join(`\n${' '.repeat(indent)}`);

  const sidesOf = (side: number): number[] => range(ceilDiv(side, threads));
  const rowOf = (t: number): string => `let row${t} = min(m0 + thread + ${t * threads}u, gemm.M - 1u);`;
  const columnOf = (t: number): string =>
    `let column${t} = columnAt(slice, min(n0 + thread + ${t * threads}u, slice.columns - 1u));`;
  const share = (array: string, side: number, value: (t: number) => string) =>
    sidesOf(side).map((t) => {
      const at = `thread + ${t * threads}u`;
      return `if (${at} < ${side}u) { ${array}[${at}] = ${value(t)}; }`;
    });
  const major = (isRows: boolean): string => (isRows ? 'row_major' : 'col_major');
  const products = [
    ...range(rows).map((i) => {
      const from = pieceA.at(`subgroupRow + ${i * M}u`, 'k');
      return `let left${i} = subgroupMatrixLoad<Left, ${major(pieceA.alongK)}>(&pieceA, ${from}, ${pieceA.pitch}u);`;
    }),
    ...range(columns).map((j) => {
      const from = pieceB.at(`subgroupColumn + ${j * N}u`, 'k');
      return `let right${j} = subgroupMatrixLoad<Right, ${major(!pieceB.alongK)}>(&pieceB, ${from}, ${pieceB.pitch}u);`;
    }),
    ...range(rows).flatMap((i) =>
      range(columns).map((j) => `c${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, c${i}_${j});`),
    ),
  ];
  const stores = fragments.map((value, f) => {
    const label = f === fragments.length - 1 ? 'default' : `case ${f}u`;
    return `${label}: { subgroupMatrixStore<row_major>(&results, subgroup * ${M * N}u, ${value}, ${N}u); }`;
  });

  return {
    variant: `matrix${BM}x${BN}x${BK}${component}.${M}x${N}x${K}`,
    enables: `${component === 'f16' ? 'enable f16;\n' : ''}enable subgroups;\nenable chromium_experimental_subgroup_matrix;\n`,
    wgsl: /* wgsl */ `
// Columns come before rows.
alias Left = subgroup_matrix_left<${component}, ${K}, ${M}>;
alias Right = subgroup_matrix_right<${component}, ${N}, ${K}>;
alias Result = subgroup_matrix_result<f32, ${N}, ${M}>;

var<workgroup> pieceA: array<${component}, ${pieceA.elements}>;
var<workgroup> pieceB: array<${component}, ${pieceB.elements}>;
var<workgroup> results: array<f32, ${subgroups * M * N}>;${stagedLoads(a, b, BM, BN)}

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  ${enterTile(BM, BN)}
  // Rows and columns past the end repeat the last one; they are computed and not stored.
  ${lines(sidesOf(BM).map(rowOf), 2)}
  ${lines(sidesOf(BN).map(columnOf), 2)}
  let multiplies = subgroup < ${subgroups}u;
  let subgroupRow = subgroup / ${subgroupColumns}u * ${rows * M}u;
  let subgroupColumn = subgroup % ${subgroupColumns}u * ${columns * N}u;
  ${lines(
    fragments.map((c) => `var ${c}: Result;`),
    2,
  )}
  ${ownPart}
  for (var segment = firstSegment; segment < lastSegment; segment++) {
    ${lines(
      share('offsets', BM, (t) => `rowOffset(slice, row${t}, segment)`),
      4,
    )}
    ${lines(
      share('taps', BN, (t) => `tapAt(slice, column${t}, segment)`),
      4,
    )}
    workgroupBarrier();
    for (var k0 = firstK; k0 < lastK; k0 += ${BK}u) {
      // The steps that are left, rounded up to whole fragments; the loaders fill up with zeros.
      let depth = (min(${BK}u, lastK - k0) + ${K - 1}u) / ${K}u * ${K}u;
      for (var e = thread; e < ${pieceA.count}; e += ${threads}u) {
        ${pieceA.place}
        pieceA[${pieceA.at('at', 'k')}] = ${component}(loadA(at, k0 + k, lastK));
      }
      for (var e = thread; e < ${pieceB.count}; e += ${threads}u) {
        ${pieceB.place}
        pieceB[${pieceB.at('at', 'k')}] = ${component}(loadB(at, k0 + k, lastK));
      }
      workgroupBarrier();
      if (multiplies) {
        for (var k = 0u; k < depth; k += ${K}u) {
          ${lines(products, 10)}
        }
      }
      workgroupBarrier();
    }
  }
  for (var f = 0u; f < ${fragments.length}u; f++) {
    if (multiplies) {
      switch (f) {
        ${lines(stores, 8)}
      }
    }
    workgroupBarrier();
    for (var e = thread; e < ${subgroups * M * N}u; e += ${threads}u) {
      let owner = e / ${M * N}u;
      let m = m0 + (owner / ${subgroupColumns}u * ${rows}u + f / ${columns}u) * ${M}u + e % ${M * N}u / ${N}u;
      let n = n0 + (owner % ${subgroupColumns}u * ${columns}u + f % ${columns}u) * ${N}u + e % ${N}u;
      if (m < gemm.M && n < slice.columns) {
        finish(results[e], outputAt(slice, columnAt(slice, n), m), place.split);
      }
    }
    workgroupBarrier();
  }
}`,
  };
}
