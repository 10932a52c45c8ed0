/**
 * Kernels that few adapters run. They are loaded when one of those is opened (load-families.ts): an application whose visitors have GPUs
 * sends them nothing of the rest.
 */
import { DeviceError } from '../core/errors.ts';
import type { MeasuredAlgorithm } from './conv2d/algorithm.ts';
import type { Gemm, GemmMain, LaneOperands } from './gemm/problem.ts';
import type { LaneTile, MatrixTile } from './gemm/shape.ts';

export interface Families {
  /** software.ts */
  readonly software: {
    readonly winograd: MeasuredAlgorithm;
    readonly patches: MeasuredAlgorithm;
    laneMain(subgroupSize: number, tile: LaneTile, operands: LaneOperands): GemmMain;
  };
  /** gemm/matrix.ts */
  readonly matrix: { matrixMain(subgroupSize: number, tile: MatrixTile, problem: Gemm): GemmMain };
}

/** The families that are loaded. */
export const loaded: { -readonly [Name in keyof Families]?: Families[Name] } = {};

/** @throws DeviceError where `name` is not loaded: no adapter was opened that runs it. */
export function family<Name extends keyof Families>(name: Name): Families[Name] {
  const found = loaded[name];
  if (!found) throw new DeviceError(`regraft: the kernels '${name}' are not loaded. Call \`await init()\` first.`);
  return found;
}
