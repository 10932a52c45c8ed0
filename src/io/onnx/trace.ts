/** A model's forward pass as a list of ops, with what depends on the batch size told from what does not. */
import { ArgumentError } from '../../core/errors.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { trial } from '../../graph/scope.ts';
import { hostValue, type Value } from '../../graph/value.ts';
import type { Module } from '../../nn/index.ts';
import { inMode } from '../../nn/modes.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type TracedOp, traceOps } from '../../tensor/trace.ts';

/** An op, and its output's shape where sizes that follow the batch are `null`. */
export interface BatchedOp extends TracedOp {
  readonly openShape: readonly (number | null)[];
}

export interface ModelTrace {
  /** The ops that the output depends on, in order. */
  readonly ops: readonly BatchedOp[];
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly outputShape: readonly (number | null)[];
}

/** Two batch sizes that nothing in a network is likely to equal by chance. */
const BATCHES = [2, 3] as const;

/**
 * Records a forward pass in evaluation mode twice, with batches of two sizes, and compares: nothing is computed, and modes and
 * statistics stay as they are.
 * @throws ArgumentError if the batch size changes more than sizes.
 */
export function traceModel(model: Module, inputShapes: readonly Shape[]): ModelTrace {
  const [first, second] = BATCHES.map((batch) => {
    const shapes = inputShapes.map((shape) => [batch, ...shape.slice(1)]);
    return record(model, shapes);
  }) as [Run, Run];
  if (first.ops.length !== second.ops.length || first.ops.some(({ name }, i) => name !== second.ops[i]!.name))
    throw new ArgumentError(
      'exportOnnx: the model does something else for another batch size, which no graph can hold.',
    );
  const needed = new Set([first.output]);
  const ops: BatchedOp[] = [];
  for (let i = first.ops.length - 1; i >= 0; i--) {
    const op = first.ops[i]!;
    if (!needed.has(op.output)) continue;
    const values = op.name === 'batchNorm2d' ? statisticsOf(op) : [];
    for (const value of [...op.inputs, ...values]) if (value) needed.add(value);
    ops.unshift({ ...op, openShape: openShape(op.output.shape, second.ops[i]!.output.shape) });
    if (op.name !== 'reshape' && op.name !== 'expand' && plain(op) !== plain(second.ops[i]!))
      throw new ArgumentError(
        `exportOnnx: the options of '${op.name}' depend on the batch size (${plain(op)} for ${BATCHES[0]}, ` +
          `${plain(second.ops[i]!)} for ${BATCHES[1]}): no graph can hold that.`,
      );
  }
  const outputShape = openShape(first.output.shape, second.output.shape);
  return { ops, inputs: first.inputs, output: first.output, outputShape };
}

interface Run {
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly ops: readonly TracedOp[];
}

function record(model: Module, shapes: readonly Shape[]): Run {
  const inputs = shapes.map((shape) => hostValue(shape, 'float32', () => new Float32Array(sizeOf(shape))));
  const forward = () => model.forward(...inputs.map((input) => new Tensor(input))).value;
  return trial(
    () => traceOps(() => noGrad(() => inMode(model, false, forward))),
    ({ result, ops }) => ({ inputs, output: result, ops }),
  );
}

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
