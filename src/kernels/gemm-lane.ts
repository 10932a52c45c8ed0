/**
 * GEMM family `lane`: one subgroup computes a tile of TM x (SG * TN), for adapters that run WGSL on the CPU.
 *
 * There a load costs about as much as 14 multiply-adds, whatever its pattern and wherever it reads, and workgroup memory is
 * as dear as storage; the only cheap reuse is a subgroup broadcast. So per k each lane loads TM / SG elements of A and TN of
 * B, then TM broadcasts feed TM * TN multiply-adds into named scalars (a private array would be indexed through memory).
 * Traffic per tile and k: TM + SG * TN elements, that is (1/TM + 1/(SG*TN)) * M * N * K in all.
 *
 * Compile time on a CPU grows faster than the code, so the store is one loop over rows that picks each row's accumulators
 * with a chain of selects, instead of TM * TN store statements: 0.1 s instead of 1 s.
 */
import type { Gemm, GemmMain } from './gemm.ts';
import type { KernelTarget } from './kernel.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Whether the adapter runs this family: software, with one fixed subgroup size that the generator knows. */
export function laneFits(target: KernelTarget): boolean {
  return target.software && [4, 8, 16, 32].includes(target.subgroupSize);
}

/** TM 32 by 4 columns a lane; 8 rows where M is small; two steps of k at a time where K is even. */
export function laneMain(lanes: number, problem: Pick<Gemm, 'a' | 'b' | 'M' | 'K'>): GemmMain {
  const rows = problem.M > 16 ? 32 : 8;
  const unroll = problem.K % 2 === 0 ? 2 : 1;
  return lane(lanes, rows, 4, unroll, problem.a, problem.b);
}

function lane(SG: number, TM: number, TN: number, U: number, a: string, b: string): GemmMain {
  const rowLoads = range(Math.ceil(TM / SG));
  const columns = range(TN);
  const steps = range(U);
  const rows = range(TM);
  const lines = (text: readonly string[], indent: number): string => text.join(`\n${' '.repeat(indent)}`);

  const rowNames = rowLoads.map((i) => `let row${i} = min(m0 + ${i * SG}u + lane, gemm.M - 1u);`);
  const columnNames = columns.map(
    (j) => `let column${j} = columnAt(slice, min(n0 + ${j * SG}u + lane, slice.columns - 1u));`,
  );
  const accumulators = rows.map((i) => columns.map((j) => `var c${i}_${j} = 0.0;`).join(' '));
  const offsets = [
    ...rowLoads.map((i) => `let offset${i} = rowOffset(slice, row${i}, segment);`),
    ...columns.map((j) => `let tap${j} = tapAt(slice, column${j}, segment);`),
  ];
  const loads = steps.flatMap((u) => [
    `let a_${u} = (k + ${u}u) * gemm.strideA;`,
    `let b_${u} = (k + ${u}u) * gemm.strideB;`,
    ...rowLoads.map((i) => `let a${i}_${u} = ${a}[offset${i} + a_${u}];`),
    ...columns.map((j) => `let b${j}_${u} = select(0.0, ${b}[tap${j}.offset + b_${u}], inside(tap${j}, k + ${u}u));`),
  ]);
  const products = rows.flatMap((i) => [
    steps.map((u) => `let s${i}_${u} = subgroupBroadcast(a${Math.floor(i / SG)}_${u}, ${i % SG}u);`).join(' '),
    columns.flatMap((j) => steps.map((u) => `c${i}_${j} = fma(s${i}_${u}, b${j}_${u}, c${i}_${j});`)).join(' '),
  ]);
  const rowOf = (j: number): string =>
    rows.slice(1).reduce((chain, i) => `select(${chain}, c${i}_${j}, i == ${i}u)`, `c0_${j}`);
  const stores = columns.map(
    (j) =>
      `let value${j} = ${rowOf(j)};\n    if (n0 + ${j * SG}u + lane < slice.columns) { ` +
      `finish(value${j}, outputAt(slice, column${j}, m0 + i), place.split); }`,
  );

  return {
    variant: `lane${TM}x${SG * TN}u${U}`,
    enables: 'enable subgroups;\n',
    tileM: TM,
    tileN: SG * TN,
    wgsl: /* wgsl */ `
@compute @workgroup_size(${SG})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let index = flatWorkgroup(workgroup, workgroups);
  if (index >= gemm.workgroups) {
    return;
  }
  let place = placeAt(index);
  let slice = sliceAt(place.z);
  let m0 = place.row * ${TM}u;
  let n0 = place.column * ${SG * TN}u;
  if (n0 >= slice.columns) {
    return;
  }
  // Rows and columns past the end repeat the last one; they are computed and not stored.
  ${lines(rowNames, 2)}
  ${lines(columnNames, 2)}
  ${lines(accumulators, 2)}
  let firstSegment = (place.split / gemm.depthSplits) * gemm.segmentChunk;
  let lastSegment = min(firstSegment + gemm.segmentChunk, slice.segments);
  let firstK = (place.split % gemm.depthSplits) * gemm.depthChunk;
  let lastK = min(firstK + gemm.depthChunk, gemm.K);
  for (var segment = firstSegment; segment < lastSegment; segment++) {
    ${lines(offsets, 4)}
    for (var k = firstK; k < lastK; k += ${U}u) {
      ${lines(loads, 6)}
      ${lines(products, 6)}
    }
  }
  let rows = min(${TM}u, gemm.M - m0);
  for (var i = 0u; i < rows; i++) {
    ${lines(stores, 4)}
  }
}`,
  };
}
