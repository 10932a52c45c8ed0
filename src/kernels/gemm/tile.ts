/**
 * GEMM family `tile`: a workgroup computes BM x BN through workgroup memory, for GPUs.
 *
 * Per BK steps of k the workgroup copies a BM x BK piece of A and a BK x BN piece of B into workgroup memory (k-major, in
 * vec4s along m and n, rows padded by one vec4 against bank conflicts), then each thread multiplies TM values of A with TN of
 * B per k: (TM + TN) / 4 vec4 reads for TM * TN multiply-adds. Sizes: tiles.ts.
 * Traffic: (1/BM + 1/BN) * M * N * K elements read, M * N written.
 *
 * Row offsets and taps are computed once per segment, one row and one column a thread, and shared through workgroup memory,
 * so the copy may run along whichever axis is contiguous.
 */

import { enterTile, ownPart, stagedLoads } from './main.ts';
import type { Gemm, GemmMain } from './problem.ts';
import type { WorkgroupTile } from './shape.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export function tileMain(
  { threadRows, threadColumns, rows: TM, columns: TN, depth: BK }: WorkgroupTile,
  { a, b, strideA, strideB }: Pick<Gemm, 'a' | 'b' | 'strideA' | 'strideB'>,
): GemmMain {
  const [BM, BN] = [threadRows * TM, threadColumns * TN];
  const threads = threadRows * threadColumns;
  const [pitchA, pitchB] = [BM / 4 + 1, BN / 4 + 1];
  // Steps of k at a time: about 64 multiply-adds.
  const U = 64 / (TM * TN);
  const [vectorsA, vectorsB] = [range(TM / 4), range(TN / 4)];
  const rows = range(TM);
  const lines = (text: readonly string[], indent: number): string => text.join(`\n${' '.repeat(indent)}`);
  const component = (i: number, u: number): string => `a${Math.floor(i / 4)}_${u}.${'xyzw'[i % 4]}`;

  // The axis along which neighbouring threads read neighbouring addresses: k, or the tile's side.
  const unit = (alongK: boolean, side: number): string =>
    alongK
      ? `let k = unit % ${BK}u;\n        let v = unit / ${BK}u;`
      : `let k = unit / ${side / 4}u;\n        let v = unit % ${side / 4}u;`;
  const units = (alongK: boolean, side: number): string => (alongK ? `${(BK * side) / 4}u` : `depth * ${side / 4}u`);

  const accumulators = rows.map((i) => vectorsB.map((j) => `var c${i}_${j} = vec4f();`).join(' '));
  const products = range(U).flatMap((u) => [
    ...vectorsA.map(
      (v) => `let a${v}_${u} = tileA[(k + ${u}u) * ${pitchA}u + threadRow * ${vectorsA.length}u + ${v}u];`,
    ),
    ...vectorsB.map((v) => `let b${v}_${u} = tileB[(k + ${u}u) * ${pitchB}u + threadColumn + ${v * threadColumns}u];`),
    ...rows.map((i) =>
      vectorsB.map((j) => `c${i}_${j} = fma(vec4f(${component(i, u)}), b${j}_${u}, c${i}_${j});`).join(' '),
    ),
  ]);
  const rowOf = (j: number): string =>
    rows.slice(1).reduce((chain, i) => `select(${chain}, c${i}_${j}, i == ${i}u)`, `c0_${j}`);
  const values = vectorsB.map((v) => `let value${v} = ${rowOf(v)};`);

  return {
    variant: `tile${BM}x${BN}x${BK}t${TM}x${TN}${strideA === 1 ? 'k' : 'm'}${strideB === 1 ? 'k' : 'n'}`,
    enables: '',
    wgsl: /* wgsl */ `
var<workgroup> tileA: array<vec4f, ${BK * pitchA}>;
var<workgroup> tileB: array<vec4f, ${BK * pitchB}>;${stagedLoads(a, b, BM, BN)}

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  ${enterTile(BM, BN)}
  // Rows and columns past the end repeat the last one; they are computed and not stored.
  let row = min(m0 + thread, gemm.M - 1u);
  let column = columnAt(slice, min(n0 + thread, slice.columns - 1u));
  let threadRow = thread / ${threadColumns}u;
  let threadColumn = thread % ${threadColumns}u;
  ${lines(accumulators, 2)}
  ${ownPart}
  for (var segment = firstSegment; segment < lastSegment; segment++) {
    if (thread < ${BM}u) {
      offsets[thread] = rowOffset(slice, row, segment);
    }
    if (thread < ${BN}u) {
      taps[thread] = tapAt(slice, column, segment);
    }
    workgroupBarrier();
    for (var k0 = firstK; k0 < lastK; k0 += ${BK}u) {
      // The steps that are left, rounded up to whole iterations; the loaders fill up with zeros.
      let depth = (min(${BK}u, lastK - k0) + ${U - 1}u) / ${U}u * ${U}u;
      for (var unit = thread; unit < ${units(strideA === 1, BM)}; unit += ${threads}u) {
        ${unit(strideA === 1, BM)}
        tileA[k * ${pitchA}u + v] = vec4f(
          loadA(v * 4u, k0 + k, lastK),
          loadA(v * 4u + 1u, k0 + k, lastK),
          loadA(v * 4u + 2u, k0 + k, lastK),
          loadA(v * 4u + 3u, k0 + k, lastK),
        );
      }
      for (var unit = thread; unit < ${units(strideB === 1, BN)}; unit += ${threads}u) {
        ${unit(strideB === 1, BN)}
        tileB[k * ${pitchB}u + v] = vec4f(
          loadB(v * 4u, k0 + k, lastK),
          loadB(v * 4u + 1u, k0 + k, lastK),
          loadB(v * 4u + 2u, k0 + k, lastK),
          loadB(v * 4u + 3u, k0 + k, lastK),
        );
      }
      workgroupBarrier();
      for (var k = 0u; k < depth; k += ${U}u) {
        ${lines(products, 8)}
      }
      workgroupBarrier();
    }
  }
  let m = m0 + threadRow * ${TM}u;
  let stored = select(0u, min(${TM}u, gemm.M - m), m < gemm.M) * ${TN}u;
  for (var e = 0u; e < stored; e++) {
    let i = e / ${TN}u;
    let j = e % ${TN}u;
    ${lines(values, 4)}
    let four = ${vectorsB.length === 1 ? 'value0' : 'select(value0, value1, j >= 4u)'};
    let value = select(select(four.x, four.y, j % 4u == 1u), select(four.z, four.w, j % 4u == 3u), j % 4u >= 2u);
    let n = n0 + (threadColumn + j / 4u * ${threadColumns}u) * 4u + j % 4u;
    if (n < slice.columns) {
      finish(value, outputAt(slice, columnAt(slice, n), m + i), place.split);
    }
  }
}`,
  };
}
