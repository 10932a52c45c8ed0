/** The shape of a matrix product, and the tiles that it can be cut into. */
import type { MatrixConfig } from '../../device/adapter.ts';

/** One subgroup a tile (lane.ts): rows of the tile, columns a lane. */
export interface LaneTile {
  readonly family: 'lane';
  readonly rows: number;
  readonly columns: number;
}

/** One workgroup a tile (tile.ts): a grid of threads, the elements that each computes, steps of k in workgroup memory at a time. */
export interface WorkgroupTile {
  readonly family: 'tile';
  readonly threadRows: number;
  readonly threadColumns: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/**
 * One workgroup a tile (matrix.ts): a grid of subgroups, the fragments that each holds, steps of k in workgroup memory at a time.
 * M, N, K and the component are those of a fragment.
 */
export interface MatrixTile extends MatrixConfig {
  readonly family: 'matrix';
  readonly subgroupRows: number;
  readonly subgroupColumns: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** A cut of a product among workgroups. */
export type Tile = LaneTile | WorkgroupTile | MatrixTile;

/** The sizes by which a tile is chosen. */
export interface ProductShape {
  /** Rows, columns (of the widest slice), length of a segment, segments (of the longest slice), slices. */
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly segments: number;
  readonly slices: number;
  /** Elements between successive k of A and of B inside a segment. */
  readonly strideA: number;
  readonly strideB: number;
  /** True if both operands are kept in float16 and the adapter multiplies matrices of it: such products are tuned by themselves. */
  readonly float16?: boolean;
}
