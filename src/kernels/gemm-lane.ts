/**
 * GEMM family `lane`: one subgroup computes a tile of TM x (SG * TN), for adapters that run WGSL on the CPU.
 *
 * There a load costs about as much as 30 multiply-adds, whatever its pattern and wherever it reads, and workgroup memory is
 * as dear as storage; the only cheap reuse is a subgroup broadcast. So per k each lane loads TM / SG elements of A and TN of
 * B, then TM broadcasts feed TM * TN multiply-adds into named scalars (a private array would be indexed through memory).
 * Traffic per tile and k: TM + SG * TN elements, that is (1/TM + 1/(SG*TN)) * M * N * K in all.
 *
 * Compile time on a CPU grows with every access to memory while the accumulators live, so there is one store: a loop over
 * groups of columns picks each row's accumulator with selects, a loop over rows picks the row. The loops' bounds come
 * from the uniform; a compiler that knew them would unroll.
 */
import type { Gemm, GemmMain } from './gemm.ts';
import type { LaneTile } from './gemm-tiles.ts';
import type { KernelTarget } from './kernel.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Whether the adapter runs this family: software, with one fixed subgroup size that the generator knows. */
export function laneFits(target: KernelTarget): boolean {
  return target.software && [4, 8, 16, 32].includes(target.subgroupSize);
}

/** `rows` by `columns` a lane. */
export function laneMain(SG: number, { rows: TM, columns: TN }: LaneTile, { a, b }: Pick<Gemm, 'a' | 'b'>): GemmMain {
  const rowLoads = range(Math.ceil(TM / SG));
  const columns = range(TN);
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
  const loads = [
    ...rowLoads.map((i) => `let a${i} = ${a}[offset${i} + k * strideA];`),
    ...columns.map((j) => `let b${j} = select(0.0, ${b}[tap${j}.offset + k * strideB], inside(tap${j}, k));`),
  ];
  const products = rows.flatMap((i) => [
    `let s${i} = subgroupBroadcast(a${Math.floor(i / SG)}, ${i % SG}u);`,
    columns.map((j) => `c${i}_${j} = fma(s${i}, b${j}, c${i}_${j});`).join(' '),
  ]);
  const pick = (values: readonly string[], index: string): string =>
    values.slice(1).reduce((chain, value, i) => `select(${chain}, ${value}, ${index} == ${i + 1}u)`, values[0]!);
  const group = rows.map((i) => {
    const accumulated = columns.map((j) => `c${i}_${j}`);
    return `let c${i} = ${pick(accumulated, 'j')};`;
  });
  const value = pick(
    rows.map((i) => `c${i}`),
    'i',
  );

  return {
    variant: `lane${TM}x${SG * TN}`,
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
  let strideA = gemm.strideA;
  let strideB = gemm.strideB;
  let firstSegment = (place.split / gemm.depthSplits) * gemm.segmentChunk;
  let lastSegment = min(firstSegment + gemm.segmentChunk, slice.segments);
  let firstK = (place.split % gemm.depthSplits) * gemm.depthChunk;
  let lastK = min(firstK + gemm.depthChunk, gemm.K);
  for (var segment = firstSegment; segment < lastSegment; segment++) {
    ${lines(offsets, 4)}
    for (var k = firstK; k < lastK; k++) {
      ${lines(loads, 6)}
      ${lines(products, 6)}
    }
  }
  let rows = min(gemm.tileM, gemm.M - m0);
  let groups = (min(gemm.tileN, slice.columns - n0) + ${SG - 1}u) / ${SG}u;
  for (var j = 0u; j < groups; j++) {
    let n = n0 + j * ${SG}u + lane;
    let column = columnAt(slice, min(n, slice.columns - 1u));
    ${lines(group, 4)}
    for (var i = 0u; i < rows; i++) {
      let value = ${value};
      if (n < slice.columns) {
        finish(value, outputAt(slice, column, m0 + i), place.split);
      }
    }
  }
}`,
  };
}
