/** Scopes of recording: the nodes that a function recorded are run at its end, dropped, or taken back. */
import { ArgumentError } from '../core/errors.ts';
import { type Node, recorder } from './record.ts';
import { Data, NOT_KEPT, type Value } from './value.ts';

/**
 * Runs `fn` inside a scope; `atEnd` gets its result where it is the outermost one. The recording is dropped if `fn` throws.
 * @throws ArgumentError if `fn` returns a promise.
 */
export function scoped<T>(fn: () => T, atEnd: (result: T) => void): T {
  const outermost = recorder.scopes === 0 && recorder.depth === 0;
  const start = recorder.nodes.length;
  recorder.scopes++;
  let result: T;
  try {
    result = fn();
  } catch (error) {
    // Half a step must not run with the next one.
    settle(recorder.nodes.splice(start));
    throw error;
  } finally {
    recorder.scopes--;
  }
  if (result instanceof Promise)
    throw new ArgumentError(
      'step, noGrad: the function must be synchronous, got one that returns a promise. Await outside of it.',
    );
  if (outermost) atEnd(result);
  return result;
}

/**
 * Records what `fn` computes, hands it to `look`, and takes it back: nothing runs, no device is needed, and what was recorded before
 * stays. Tensors of the recording have shapes and cannot be read.
 */
export function trial<T, R>(fn: () => T, look: (result: T, nodes: readonly Node[]) => R): R {
  const { nodes, updated } = recorder;
  recorder.nodes = [];
  try {
    const result = scoped(fn, () => {});
    return look(result, recorder.nodes);
  } finally {
    settle(recorder.nodes, 'explain(), summary() and exports plan, and compute nothing.');
    Object.assign(recorder, { nodes, updated });
  }
}

/** Marks results that were not kept as freed, with the reason `why`. */
export function settle(nodes: readonly Node[], why: string = NOT_KEPT): void {
  for (const node of nodes) {
    if (node.inPlace) continue;
    for (const data of node.outputs) {
      data.pending = false;
      if (!data.buffer) data.freed = why;
    }
  }
}

/** Marks every tensor found in `result` (nested arrays, maps and plain objects included) as one the user holds. */
export function keep(result: unknown): void {
  if (result === null || typeof result !== 'object' || ArrayBuffer.isView(result)) return;
  const { value, data } = result as { value?: Partial<Value>; data?: unknown };
  const held = [value?.data, data].find((d) => d instanceof Data);
  if (held) held.visible = true;
  else if (Symbol.iterator in result) for (const item of result as Iterable<unknown>) keep(item);
  else if (Object.getPrototypeOf(result) === Object.prototype) for (const item of Object.values(result)) keep(item);
}
