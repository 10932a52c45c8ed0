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
import { type KernelTarget, type TexelFormat, texel } from './kernel.ts';

/** Names of the operands, and as what they are bound where that is not a buffer. */
interface LaneOperands extends Pick<Gemm, 'a' | 'b'> {
  readonly texels?: { readonly a: TexelFormat; readonly b: TexelFormat } | undefined;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Whether the adapter runs this family: software, with one fixed subgroup size that the generator knows. */
export function laneFits(target: KernelTarget): boolean {
  return target.software && [4, 8, 16, 32].includes(target.subgroupSize);
}

/** Steps of k in one round of the loop, for operands that come as texels. */
const UNROLL = { r32float: 2, rgba32float: 4 } as const;

/**
 * `rows` by `columns` a lane. From buffers the loop takes one k at a time: another would cost more compilation than it saves. Where
 * A and B come as texels, each accumulator is kept for a few k; a texel of four holds neighbouring rows or columns.
 */
export function laneMain(SG: number, { rows: TM, columns: TN }: LaneTile, { a, b, texels }: LaneOperands): GemmMain {
  const wide = { a: texels?.a === 'rgba32float' ? 4 : 1, b: texels?.b === 'rgba32float' ? 4 : 1 };
  const steps = range(texels ? UNROLL[texels.b] : 1);
  const rowLoads = range(Math.ceil(TM / (wide.a * SG)));
  const columnLoads = range(TN / wide.b);
  const columns = range(TN);
  const rows = range(TM);
  const lines = (text: readonly string[], indent: number): string => text.join(`\n${' '.repeat(indent)}`);

  /** The i-th piece of a side that a lane loads begins here: at the last whole piece where it is past the end. */
  const first = (i: number, from: string, count: string, width: number): string =>
    `min(${from} + ${i * width * SG}u + lane * ${width}u, ${count} - ${width}u)`;
  const rowNames = rowLoads.map((i) => `let row${i} = ${first(i, 'm0', wide.a === 4 ? '(gemm.M + 3u) / 4u * 4u' : 'gemm.M', wide.a)};`);
  const columnNames = columnLoads.map(
    (j) => `let column${j} = columnAt(slice, ${first(j, 'n0', 'slice.columns', wide.b)});`,
  );
  const accumulators = rows.map((i) => columns.map((j) => `var c${i}_${j} = 0.0;`).join(' '));
  const offsets = [
    ...rowLoads.map((i) => `let offset${i} = rowOffset(slice, row${i}, segment);`),
    ...columnLoads.map((j) => `let tap${j} = tapAt(slice, column${j}, segment);`),
  ];
  const load = (name: string, format: TexelFormat | undefined, i: string): string =>
    !format ? `${name}[${i}]` : format === 'r32float' ? `${texel(name, i)}.x` : texel(name, `(${i}) / 4u`);
  const zero = (width: number): string => (width === 4 ? 'vec4f()' : '0.0');
  const loads = steps.flatMap((u) => {
    const k = u === 0 ? 'k' : `(k + ${u}u)`;
    // What is past the end counts as 0.
    const inRange = u === 0 ? '' : `${k} < lastK`;
    const ofA = rowLoads.map((i) => {
      const value = load(a, texels?.a, `offset${i} + ${k} * strideA`);
      return `let a${i}_${u} = ${inRange ? `select(${zero(wide.a)}, ${value}, ${inRange})` : value};`;
    });
    const ofB = columnLoads.map((j) => {
      const value = load(b, texels?.b, `tap${j}.offset + ${k} * strideB`);
      const condition = `inside(tap${j}, ${k})${inRange && ` && ${inRange}`}`;
      return `let b${j}_${u} = select(${zero(wide.b)}, ${value}, ${condition});`;
    });
    return [...ofA, ...ofB];
  });
  const part = (name: string, i: number, u: number, width: number): string =>
    width === 4 ? `${name}${Math.floor(i / 4)}_${u}.${'xyzw'[i % 4]}` : `${name}${i}_${u}`;
  const rowPart = (i: number, u: number): string => {
    const lane = Math.floor(i / wide.a) % SG;
    const piece = `a${Math.floor(i / (wide.a * SG))}_${u}${wide.a === 4 ? `.${'xyzw'[i % 4]}` : ''}`;
    return `let s${i}_${u} = subgroupBroadcast(${piece}, ${lane}u);`;
  };
  const products = rows.flatMap((i) => [
    ...steps.map((u) => rowPart(i, u)),
    columns
      .map((j) => {
        const sum = steps.reduce((c, u) => `fma(s${i}_${u}, ${part('b', j, u, wide.b)}, ${c})`, `c${i}_${j}`);
        return `c${i}_${j} = ${sum};`;
      })
      .join(' '),
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
    variant: `lane${TM}x${SG * TN}${texels ? ".texels" : ""}`,
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
    for (var k = firstK; k < lastK; k += ${steps.length}u) {
      ${lines(loads, 6)}
      ${lines(products, 6)}
    }
  }
  let rows = min(gemm.tileM, gemm.M - m0);
  let groups = (min(gemm.tileN, slice.columns - n0) + ${wide.b * SG - 1}u) / ${wide.b * SG}u * ${wide.b}u;
  for (var j = 0u; j < groups; j++) {
    let n = n0 + ${wide.b === 4 ? `(j / 4u) * ${4 * SG}u + lane * 4u + j % 4u` : `j * ${SG}u + lane`};
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
