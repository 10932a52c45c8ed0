/** What the ONNX forms of ops write to. */
import type { DType } from '../../core/dtype.ts';
import type { BatchedOp } from './trace.ts';
import type { Attribute } from './write.ts';

/** Emits the ONNX nodes of one op. Inputs and outputs are names of values in the graph. */
export interface Emitter {
  /** The op's inputs; '' for one that is absent. */
  readonly inputs: readonly string[];
  /** Adds a node and gives the name of its output: the op's own for the last one, which `last` marks. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>, last?: 'last'): string;
  /** A constant: a scalar, or a vector of int64. */
  scalar(value: number, dtype?: DType): string;
  longs(values: readonly number[]): string;
  /** The batch size, a vector of one int64. */
  batch(): string;
  /** One value for each channel. */
  vector(length: number, value: number): string;
}

export type Rule = (e: Emitter, op: BatchedOp) => void;

/** Attributes of whole numbers, of floats, of lists. */
export const i = (n: number | boolean): Attribute => ({ i: Number(n) });
export const f = (n: number): Attribute => ({ f: n });
export const text = (s: string): Attribute => ({ s });
export const ints = (list: readonly number[]): Attribute => ({ ints: list });
