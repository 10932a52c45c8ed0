/**
 * GEMM family `lane`: one subgroup computes a tile of TM x (SG * TN), for adapters that run WGSL on the CPU.
 *
 * There a load costs about as much as 30 multiply-adds, whatever its pattern and wherever it reads, and workgroup memory is
 * as dear as storage; the only cheap reuse is a subgroup broadcast. So per k each lane loads TM / SG elements of A and TN of
 * B, then TM broadcasts feed TM * TN multiply-adds into named scalars (a private array would be indexed through memory).
 * Traffic per tile and k: TM + SG * TN elements, that is (1/TM + 1/(SG*TN)) * M * N * K in all.
 *
 * Where textures load faster than buffers (KernelTarget.texels) the plan copies both operands to textures first, which costs less
 * than a tenth of the product: lavapipe calls a function that gathers, where a buffer's load is a loop over lanes with branches.
 * Operands whose elements lie side by side in fours (Gemm.quads) come four to a load.
 *
 * Compile time on a CPU grows with every access to memory while the accumulators live, so there is one store: loops over groups of
 * columns, blocks of rows and rows pick accumulators with selects, a few at each. Their bounds come from the uniform; a compiler that
 * knew them would unroll.
 */
import { texel } from '../kernel.ts';
import { enterTile, ownPart } from './main.ts';
import type { GemmMain, LaneOperands } from './problem.ts';
import type { LaneTile } from './shape.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** An operand in a lane's registers: pieces, each loaded at once. */
interface Pieces {
  /** Neighbouring rows (or columns) of a piece. */
  readonly width: 1 | 4;
  /** Loads piece `i` at step `u`, the element at `offset` first; 0 unless all `conditions` hold. */
  load(i: number, u: number, offset: string, conditions: readonly string[]): string;
  /** The value of step `u` and of the row (or column) `at` of the tile, in piece `i`. */
  value(i: number, u: number, at: number): string;
}

function pieces(prefix: string, binding: string, layout: 'none' | 'side' | 'depth' | undefined): Pieces {
  const inFours = layout === 'side' || layout === 'depth';
  return {
    width: layout === 'side' ? 4 : 1,
    load(i, u, offset, conditions) {
      // The first step brings all four.
      if (layout === 'depth' && u > 0) return '';
      const texels = inFours ? texel(binding, `(${offset}) / 4u`) : `${texel(binding, offset)}.x`;
      const loaded = layout === undefined ? `${binding}[${offset}]` : texels;
      const zero = inFours ? 'vec4f()' : '0.0';
      const value = conditions.length ? `select(${zero}, ${loaded}, ${conditions.join(' && ')})` : loaded;
      return `let ${prefix}${i}_${u} = ${value};`;
    },
    value(i, u, at) {
      if (layout === 'depth') return `${prefix}${i}_0.${'xyzw'[u]}`;
      return `${prefix}${i}_${u}${layout === 'side' ? `.${'xyzw'[at % 4]}` : ''}`;
    },
  };
}

/** Column n of the tile's j-th group, held in accumulator `held`: the last one where it is past the end, as the loads have it. */
const quadPlace = (SG: number): readonly string[] => [
  'let quad = j / 4u * 4u;',
  `let wanted = n0 + quad * ${SG}u + lane * 4u + j % 4u;`,
  'let begin = min(wanted - j % 4u, (slice.columns + 3u) / 4u * 4u - 4u);',
  'let inQuad = min(j % 4u, slice.columns - 1u - begin);',
  'let held = quad + inQuad;',
  'let n = begin + inQuad;',
];

const mains = new Map<string, GemmMain>();

/** {@link laneMainOf}, written once for all the products of a network. */
export function laneMain(SG: number, tile: LaneTile, operands: LaneOperands): GemmMain {
  const key = JSON.stringify([SG, tile, operands]);
  const main = mains.get(key) ?? laneMainOf(SG, tile, operands);
  mains.set(key, main);
  return main;
}

/**
 * `rows` by `columns` a lane. From buffers the loop takes one k at a time: another would cost more compilation than it saves. Where
 * A and B come as texels, a load is a call, and each accumulator is kept for two or four k.
 */
function laneMainOf(
  SG: number,
  { rows: TM, columns: TN }: LaneTile,
  { a, b, texels, sharesTerms, storesFours }: LaneOperands,
): GemmMain {
  const hasQuads = texels?.b !== undefined || texels?.a === 'depth';
  const steps = range(!texels ? 1 : hasQuads ? 4 : 2);
  const ofA = pieces('a', a, texels && (texels.a ?? 'none'));
  const ofB = pieces('b', b, texels && (texels.b ?? 'none'));
  const rowLoads = range(Math.ceil(TM / (ofA.width * SG)));
  const columnLoads = range(TN / ofB.width);
  // Columns side by side that a lane holds.
  const neighbours = storesFours ? 4 : ofB.width;
  const columns = range(TN);
  const rows = range(TM);
  const lines = (text: readonly string[], indent: number): string => text.join(`\n${' '.repeat(indent)}`);

  /** The start of the i-th piece that a lane loads: of the last whole one for what is past the end. */
  const first = (i: number, from: string, end: string, width: number): string =>
    `min(${from} + ${i * width * SG}u + lane * ${width}u, ${end} - ${width}u)`;
  const padded = (count: string, { width }: Pieces): string => (width === 4 ? `(${count} + 3u) / 4u * 4u` : count);
  const rowNames = rowLoads.map((i) => `let row${i} = ${first(i, 'm0', padded('gemm.M', ofA), ofA.width)};`);
  const columnNames = columnLoads.map((j) => {
    const held = j * ofB.width;
    const at = first(Math.floor(held / neighbours), 'n0', padded('slice.columns', ofB), neighbours);
    return `let column${j} = columnAt(slice, ${at} + ${held % neighbours}u);`;
  });
  const accumulators = rows.map((i) => columns.map((j) => `var c${i}_${j} = 0.0;`).join(' '));
  const offsets = [
    ...rowLoads.map((i) => `let offset${i} = rowOffset(slice, row${i}, segment);`),
    ...columnLoads.map((j) => `let tap${j} = tapAt(slice, column${j}, segment);`),
  ];
  const step = (u: number): string => (u === 0 ? 'k' : `(k + ${u}u)`);
  // Steps past the end count as 0.
  const inRange = (u: number): readonly string[] => (u === 0 ? [] : [`${step(u)} < lastK`]);
  // Those of A one after another: they come from far apart, and a core waits for several at once if few instructions lie between.
  const loads = [
    ...steps.flatMap((u) => rowLoads.map((i) => ofA.load(i, u, `offset${i} + ${step(u)} * strideA`, inRange(u)))),
    ...steps.flatMap((u) =>
      columnLoads.map((j) =>
        ofB.load(j, u, `tap${j}.offset + ${step(u)} * strideB`, [`inside(tap${j}, ${step(u)})`, ...inRange(u)]),
      ),
    ),
  ];
  const rowValue = (i: number, u: number): string => {
    const lane = Math.floor(i / ofA.width) % SG;
    const value = ofA.value(Math.floor(i / (ofA.width * SG)), u, i);
    return `let s${i}_${u} = subgroupBroadcast(${value}, ${lane}u);`;
  };
  const products = rows.flatMap((i) => [
    ...steps.map((u) => rowValue(i, u)),
    columns
      .map((j) => {
        const added = (sum: string, u: number): string =>
          `fma(s${i}_${u}, ${ofB.value(Math.floor(j / ofB.width), u, j)}, ${sum})`;
        return `c${i}_${j} = ${steps.reduce(added, `c${i}_${j}`)};`;
      })
      .join(' '),
  ]);
  const pick = (values: readonly string[], index: string): string =>
    values.slice(1).reduce((chain, value, i) => `select(${chain}, ${value}, ${index} == ${i + 1}u)`, values[0]!);
  const inColumn = rows.map((i) => {
    const accumulated = columns.map((j) => `c${i}_${j}`);
    const fours = range(TN / 4).map((quad) => `vec4f(${accumulated.slice(4 * quad, 4 * quad + 4).join()})`);
    if (storesFours) return `let c${i} = ${pick(fours, 'j')};`;
    return `let c${i} = ${pick(accumulated, ofB.width === 4 ? 'held' : 'j')};`;
  });
  // The number of rows whose terms a subgroup can hold.
  const blockRows = Math.min(8, SG);
  const block = range(blockRows);
  const inBlock = block.map((i) => {
    const blocks = range(TM / blockRows).map((at) => `c${at * blockRows + i}`);
    return `let r${i} = ${pick(blocks, 'block')};`;
  });
  const value = pick(
    block.map((i) => `r${i}`),
    'i',
  );
  const place = storesFours
    ? [`let wanted = n0 + j * ${4 * SG}u + lane * 4u;`, 'let n = min(wanted, slice.columns - 4u);']
    : ofB.width === 4
      ? quadPlace(SG)
      : [`let wanted = n0 + j * ${SG}u + lane;`, 'let n = min(wanted, slice.columns - 1u);'];
  const termsOfBlock = sharesTerms
    ? 'let at = outputAt(slice, column, min(first + lane, gemm.M - 1u)); let own = termsAt(at.row, at.column);'
    : '';
  const ofRow = 'vec2f(subgroupShuffle(own.x, i), subgroupShuffle(own.y, i))';
  const termsOfRow = sharesTerms ? `let found = select(${ofRow}, own, terms.columns != gemm.swapped);` : '';
  const store = sharesTerms ? 'finishWith(value, found, to);' : 'finish(value, to, place.split);';

  return {
    variant: `lane${TM}x${SG * TN}${texels ? (hasQuads ? '.quads' : '.texels') : ''}`,
    enables: 'enable subgroups;\n',
    block: blockRows,
    wgsl: /* wgsl */ `
@compute @workgroup_size(${SG})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  ${enterTile(TM, SG * TN)}
  // Rows and columns past the end repeat the last one; they are not stored.
  ${lines(rowNames, 2)}
  ${lines(columnNames, 2)}
  ${lines(accumulators, 2)}
  let strideA = gemm.strideA;
  let strideB = gemm.strideB;
  ${ownPart}
  for (var segment = firstSegment; segment < lastSegment; segment++) {
    ${lines(offsets, 4)}
    for (var k = firstK; k < lastK; k += ${steps.length}u) {
      ${lines(loads, 6)}
      ${lines(products, 6)}
    }
  }
  let rows = min(gemm.tileM, gemm.M - m0);
  let groups = (min(gemm.tileN, slice.columns - n0) + ${neighbours * SG - 1}u) / ${neighbours * SG}u${storesFours ? '' : ` * ${neighbours}u`};
  for (var j = 0u; j < groups; j++) {
    ${lines(place, 4)}
    let column = columnAt(slice, n);
    ${lines(inColumn, 4)}
    for (var block = 0u; block * ${blockRows}u < rows; block++) {
      ${lines(inBlock, 6)}
      let first = m0 + block * ${blockRows}u;
      ${termsOfBlock}
      let count = min(gemm.block, rows - block * ${blockRows}u);
      for (var i = 0u; i < count; i++) {
        let value = ${value};
        let to = outputAt(slice, column, first + i);
        ${termsOfRow}
        if (wanted < slice.columns) {
          ${store}
        }
      }
    }
  }
}`,
  };
}
