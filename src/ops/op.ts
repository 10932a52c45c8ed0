/** An op: its shape rule and forward, and its backward, in one record. */
import type { Value } from '../graph/value.ts';

/** What backward has at hand. */
export interface Context<A> {
  readonly inputs: readonly (Value | null)[];
  readonly output: Value;
  readonly attributes: A;
  /** Per input: whether anybody wants its gradient. What nobody wants is not computed. */
  readonly needs: readonly boolean[];
  /** What forward put aside. */
  readonly saved: Record<string, Value>;
}

export interface Op<A = unknown> {
  readonly name: string;
  /** What autocast converts float operands to; absent: it leaves them as they are. */
  readonly autocast?: 'float16' | 'float32' | undefined;
  /**
   * Checks shapes (the only place that throws ShapeError) and records the computation.
   * @param saved takes what backward will need; null where there will be none
   */
  forward(inputs: readonly (Value | null)[], attributes: A, saved: Record<string, Value> | null): Value;
  /** Records the gradients of the inputs from the output's; null where there is none or none is needed. */
  readonly backward: ((gy: Value, context: Context<A>) => (Value | null)[]) | null;
}

/** Every op, by name: tests enumerate it. */
export const ops: Map<string, Op<never>> = new Map();

/** Registers an op. `backward: null` marks one that has no gradient, such as a comparison. */
export function defineOp<A>(op: Op<A>): Op<A> {
  ops.set(op.name, op as unknown as Op<never>);
  return op;
}
