/**
 * The tile of a product: the one that the adapter was tuned to (graph/tune.ts), else a default of the adapter's class.
 *
 * Shapes fall into classes, by powers of two, so that a measurement for one shape holds for its neighbours.
 */
import type { MatrixConfig } from '../../device/adapter.ts';
import { ceilDiv, type KernelTarget, laneFits } from '../kernel.ts';
import type { LaneTile, MatrixTile, ProductShape, Tile, WorkgroupTile } from './shape.ts';

const bucket = (n: number): number => Math.ceil(Math.log2(n));

/**
 * `m10n12k9x3 km`: rounded-up logarithms of rows, columns, length and number of segments; the axes along which A and B are contiguous.
 * `m10n12k9x3 km f16` for matrices of float16.
 */
export function classOf({ M, N, K, segments, slices, strideA, strideB, float16 }: ProductShape): string {
  const sizes = `m${bucket(M)}n${bucket(N)}k${bucket(K)}x${bucket(segments)}z${bucket(slices)}`;
  return `${sizes} ${strideA === 1 ? 'k' : 'm'}${strideB === 1 ? 'k' : 'n'}${float16 ? ' f16' : ''}`;
}

const lane = (rows: number, columns: number): LaneTile => ({ family: 'lane', rows, columns });
const tile = (
  [threadRows, threadColumns]: readonly [number, number],
  [rows, columns]: readonly [number, number],
  depth = 16,
): WorkgroupTile => ({ family: 'tile', threadRows, threadColumns, rows, columns, depth });

/**
 * Tiles for products that fill the adapter, and for small ones. On software adapters measured (bench/RESULTS.md); those of GPUs
 * are those of published kernels, until they are tuned.
 */
const DEFAULTS: readonly { readonly adapter: RegExp; readonly large: Tile; readonly small: Tile }[] = [
  { adapter: /swiftshader/i, large: lane(32, 4), small: lane(8, 4) },
  { adapter: /llvmpipe|lavapipe/i, large: lane(32, 8), small: lane(8, 8) },
  { adapter: /nvidia|geforce|rtx/i, large: tile([16, 8], [8, 8]), small: tile([8, 8], [4, 4]) },
  { adapter: /\bamd\b|radeon|\bintel\b|\barc\b/i, large: tile([16, 8], [4, 8]), small: tile([8, 8], [4, 4]) },
];
const ANY_LANES = { large: lane(32, 4), small: lane(8, 4) };
const ANY_GPU = { large: tile([8, 8], [8, 8]), small: tile([8, 8], [4, 4]) };

/** The tile of an adapter that was not tuned. */
export function defaultTile(target: KernelTarget, { M, N, slices }: ProductShape): Tile {
  const family = laneFits(target) ? 'lane' : 'tile';
  const known = DEFAULTS.find(({ adapter, large }) => large.family === family && adapter.test(target.adapter));
  const { large, small } = known ?? (family === 'lane' ? ANY_LANES : ANY_GPU);
  const [rows, columns] = tileSize(target, large);
  if (large.family === 'lane') {
    const { rows: height } = M > 16 ? large : (small as LaneTile);
    return lane(height, N > 4 * target.subgroupSize ? large.columns : 4);
  }
  // Fewer tiles than a GPU has cores leave most of it idle.
  const isLarge = M > 32 && N > 32 && ceilDiv(M, rows) * ceilDiv(N, columns) * slices >= 64;
  return isLarge ? large : small;
}

/** True if the product loses nothing in the tile: operands multiplied as float16 must be kept in it. */
export const suits = (t: Tile, { float16 = false }: ProductShape): boolean =>
  t.family !== 'matrix' || t.component === 'f32' || float16;

/** Rows and columns that a tile covers. */
export function tileSize(target: Pick<KernelTarget, 'subgroupSize'>, t: Tile): readonly [number, number] {
  if (t.family === 'lane') return [t.rows, t.columns * target.subgroupSize];
  if (t.family === 'matrix') return [t.subgroupRows * t.rows * t.M, t.subgroupColumns * t.columns * t.N];
  return [t.threadRows * t.rows, t.threadColumns * t.columns];
}

/** Subgroups down and across, fragments of each down and across. */
const MATRIX_GRIDS = [
  [1, 2, 2, 2],
  [2, 1, 2, 2],
  [2, 2, 2, 2],
  [2, 2, 4, 2],
  [2, 2, 2, 4],
  [2, 2, 4, 4],
  [4, 2, 2, 2],
  [2, 4, 4, 2],
] as const;

const matrixTiles = (config: MatrixConfig): MatrixTile[] =>
  MATRIX_GRIDS.flatMap(([subgroupRows, subgroupColumns, rows, columns]) =>
    [16, 32].map((depth) => ({
      ...config,
      ...{ family: 'matrix', subgroupRows, subgroupColumns, rows, columns, depth },
    })),
  );

/** Every tile worth measuring for a product. Of a software adapter few, since each costs a third of a second of compilation. */
export function candidateTiles(target: KernelTarget, problem: ProductShape): Tile[] {
  const all: Tile[] = laneFits(target)
    ? [8, 32, 64].flatMap((rows) => [4, 8].map((columns) => lane(rows, columns)))
    : (
        [
          [8, 8, 8, 8],
          [16, 8, 8, 8],
          [8, 16, 8, 8],
          [16, 16, 8, 8],
          [16, 8, 4, 8],
          [8, 16, 8, 4],
          [8, 8, 4, 8],
          [8, 8, 4, 4],
        ] as const
      ).flatMap(([threadRows, threadColumns, rows, columns]) =>
        [8, 16, 32].map((depth) => tile([threadRows, threadColumns], [rows, columns], depth)),
      );
  const component = problem.float16 ? 'f16' : 'f32';
  const configs = target.matrices?.filter((config) => config.component === component) ?? [];
  return [...all, ...configs.flatMap(matrixTiles)].filter((t) => {
    const [rows, columns] = tileSize(target, t);
    return isTile(t, target) && rows < 2 * Math.max(8, problem.M) && columns < 2 * Math.max(32, problem.N);
  });
}

/** True if `value`, perhaps read from a file, is a tile that the adapter can run. */
export function isTile(value: unknown, target: KernelTarget): value is Tile {
  const t = value as Tile | undefined;
  if (t?.family === 'lane') return laneFits(target) && [8, 16, 32, 64].includes(t.rows) && [4, 8].includes(t.columns);
  if (t?.family === 'matrix') return isMatrixTile(t, target);
  if (t?.family !== 'tile' || laneFits(target)) return false;
  const threads = t.threadRows * t.threadColumns;
  const fits = [t.threadRows, t.threadColumns].every((n) => [8, 16].includes(n));
  const each = [t.rows, t.columns].every((n) => n === 4 || n === 8);
  return (
    fits &&
    each &&
    [8, 16, 32].includes(t.depth) &&
    threads <= target.maxInvocationsPerWorkgroup &&
    workgroupBytes(t) <= target.maxWorkgroupStorageBytes
  );
}

/** Workgroup memory of tile.ts: both operands' pieces, an offset a row, a tap of up to four words a column. */
function workgroupBytes({ threadRows, threadColumns, rows, columns, depth }: WorkgroupTile): number {
  const [tall, wide] = [threadRows * rows, threadColumns * columns];
  return 16 * depth * (tall / 4 + 1 + wide / 4 + 1) + 4 * tall + 16 * wide;
}

/** Elements after each row in workgroup memory: 16 bytes, since fragments begin at multiples of that. */
export const matrixPad = (component: MatrixConfig['component']): number => (component === 'f16' ? 8 : 4);

function isMatrixTile(t: MatrixTile, target: KernelTarget): boolean {
  const { matrices = [], maxSubgroupSize = 0 } = target;
  const { component, M, N, K, subgroupRows, subgroupColumns } = t;
  const known = matrices.some((c) => c.component === component && c.M === M && c.N === N && c.K === K);
  const counts = [subgroupRows, subgroupColumns, t.rows, t.columns];
  if (!known || laneFits(target) || !counts.every((n) => [1, 2, 4].includes(n))) return false;
  const subgroups = subgroupRows * subgroupColumns;
  return (
    [16, 32].includes(t.depth) &&
    t.depth % K === 0 &&
    maxSubgroupSize > 0 &&
    subgroups * maxSubgroupSize <= target.maxInvocationsPerWorkgroup &&
    matrixBytes(t, target) <= target.maxWorkgroupStorageBytes
  );
}

/** Workgroup memory of matrix.ts: both operands' pieces, a fragment a subgroup, an offset a row, a tap of up to four words a column. */
function matrixBytes(t: MatrixTile, target: KernelTarget): number {
  const [tall, wide] = tileSize(target, t);
  const pad = matrixPad(t.component);
  const elements = [tall, wide].reduce((sum, side) => sum + side * t.depth + pad * Math.max(side, t.depth), 0);
  const results = t.subgroupRows * t.subgroupColumns * t.M * t.N;
  return elements * (t.component === 'f16' ? 2 : 4) + 4 * results + 4 * tall + 16 * wide;
}
