/** A model's forward pass as a list of ops, in which sizes that follow the batch are told from those that do not. */
import { ArgumentError } from '../../core/errors.ts';
import { shown } from '../../core/options.ts';
import type { Shape } from '../../core/shape.ts';
import { trial } from '../../graph/scope.ts';
import type { Value } from '../../graph/value.ts';
import type { AnyModule } from '../../nn/index.ts';
import { argumentsOf, type InputSpec, type Inputs, isRecord, placeholder } from '../../nn/inputs.ts';
import { inMode } from '../../nn/modes.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type TracedOp, traceOps } from '../../tensor/trace.ts';

/** An op, and its output's shape where sizes that follow the batch are `null`. */
export interface BatchedOp extends TracedOp {
  readonly openShape: readonly (number | null)[];
}

/** An output of a model; `key` is its name in the record, null where the model gives one tensor. */
export interface TracedOutput {
  readonly key: string | null;
  readonly value: Value;
  readonly openShape: readonly (number | null)[];
}

/** A forward pass. */
export interface ModelTrace {
  /** The ops that the outputs depend on, in order. */
  readonly ops: readonly BatchedOp[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly TracedOutput[];
}

/** Two batch sizes that nothing in a network is likely to equal by chance. */
const BATCHES = [2, 3] as const;

/**
 * Records a forward pass in evaluation mode twice, with batches of two sizes, and compares: nothing is computed, and modes and
 * statistics stay as they are.
 * @throws ArgumentError if the batch size changes more than sizes, or for outputs that are no tensors.
 */
export function traceModel(model: AnyModule, inputs: Inputs<InputSpec>): ModelTrace {
  const [first, second] = BATCHES.map((batch) => record(model, inputs, batch)) as [Run, Run];
  if (textOf(first) !== textOf(second))
    throw new ArgumentError(
      'exportOnnx: the model does something else for another batch size, which no graph can hold.',
    );
  const needed = new Set(first.outputs.values());
  const ops: BatchedOp[] = [];
  for (let i = first.ops.length - 1; i >= 0; i--) {
    const op = first.ops[i]!;
    // An op that has nothing to do gives its input.
    if (!needed.has(op.output) || op.inputs.includes(op.output)) continue;
    const values = op.name === 'batchNorm2d' ? statisticsOf(op) : [];
    for (const value of [...op.inputs, ...values]) if (value) needed.add(value);
    ops.unshift({ ...op, openShape: openShape(op.output.shape, second.ops[i]!.output.shape) });
    if (op.name !== 'reshape' && op.name !== 'expand' && plain(op) !== plain(second.ops[i]!))
      throw new ArgumentError(
        `exportOnnx: the options of '${op.name}' depend on the batch size (${plain(op)} for ${BATCHES[0]}, ` +
          `${plain(second.ops[i]!)} for ${BATCHES[1]}): no graph can hold that.`,
      );
  }
  const outputs = [...first.outputs].map(([key, value]) => {
    return { key, value, openShape: openShape(value.shape, second.outputs.get(key)!.shape) };
  });
  return { ops, inputs: first.inputs, outputs };
}

interface Run {
  readonly inputs: readonly Value[];
  /** Outputs by their keys; the key is null where the model gives one tensor. */
  readonly outputs: ReadonlyMap<string | null, Value>;
  readonly ops: readonly TracedOp[];
}

function record(model: AnyModule, { specs, keys }: Inputs<InputSpec>, batch: number): Run {
  const inputs = specs.map(({ shape, dtype }) => placeholder([batch, ...shape.slice(1)], dtype));
  const forward = () => outputsOf(model, model.forward(...argumentsOf(keys, inputs)));
  return trial(
    () => traceOps(() => noGrad(() => inMode(model, false, forward))),
    ({ result, ops }) => ({ inputs: inputs.map(({ value }) => value), outputs: result, ops }),
  );
}

/** The outputs of a forward pass. @throws ArgumentError for what is neither a tensor nor a record of tensors. */
function outputsOf(model: AnyModule, output: unknown): Map<string | null, Value> {
  if (output instanceof Tensor) return new Map([[null, output.value]]);
  const parts = isRecord(output) ? Object.entries(output) : [];
  const wrong = parts.find(([, part]) => !(part instanceof Tensor));
  if (parts.length > 0 && !wrong) return new Map(parts.map(([key, part]) => [key, (part as Tensor).value]));
  const got = wrong ? `${shown(wrong[1])} as '${wrong[0]}'` : shown(output);
  throw new ArgumentError(
    `exportOnnx: expected ${model.typeName}.forward to give a tensor or a record of tensors, got ${got}. Leave out of the record what is no tensor.`,
  );
}

/** The ops and outputs of a run by their names. */
const textOf = ({ ops, outputs }: Run): string => JSON.stringify([ops.map(({ name }) => name), [...outputs.keys()]]);

function openShape(first: Shape, second: Shape): (number | null)[] {
  return first.map((d, k) => (d === second[k] ? d : null));
}

/** The running statistics of a batch norm, which are attributes and no inputs. */
export function statisticsOf({ attributes }: TracedOp): (Value | null)[] {
  const { runningMean, runningVar } = attributes as { runningMean: Value | null; runningVar: Value | null };
  return [runningMean, runningVar];
}

/** Attributes as text, without the tensors among them. */
function plain({ attributes }: TracedOp): string {
  return (
    JSON.stringify(attributes, (_, value) => (value && typeof value === 'object' && 'data' in value ? null : value)) ??
    ''
  );
}
