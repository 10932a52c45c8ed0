/** What a computation is made of, op by op: for exporters, which need attributes that recorded kernels no longer tell. */
import type { Value } from '../graph/value.ts';

/** One applied op. */
export interface TracedOp {
  readonly name: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: unknown;
  readonly output: Value;
}

let tracing: TracedOp[] | undefined;

/** Runs `fn` and lists the ops that it applied to tensors, in order. Values are the same object wherever they are used. */
export function traceOps<T>(fn: () => T): { result: T; ops: readonly TracedOp[] } {
  const before = tracing;
  const ops: TracedOp[] = [];
  tracing = ops;
  try {
    return { result: fn(), ops };
  } finally {
    tracing = before;
  }
}

/** Called for every op that is applied. */
export function noteOp(name: string, inputs: readonly (Value | null)[], attributes: unknown, output: Value): void {
  tracing?.push({ name, inputs, attributes, output });
}
