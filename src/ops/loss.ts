/** Losses: cross-entropy over logits, mean squared error. */
import type { DType } from '../core/dtype.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, materialise, type Value } from '../graph/value.ts';
import * as kernels from '../kernels/rows/loss.ts';
import { defineOp, type Op } from './op.ts';
import { reduceAxes } from './reduce.ts';

/** What becomes of the losses of a batch. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of `Tensor.crossEntropy`. */
export interface CrossEntropyAttributes {
  /** Share of the target that is spread evenly over all classes; 0 by default. */
  readonly labelSmoothing?: number | undefined;
  /** Rows with this label count for nothing; -100 by default. */
  readonly ignoreIndex?: number | undefined;
  /** The mean over the rows (the default), their sum, or each. */
  readonly reduction?: Reduction | undefined;
}

/** @throws ArgumentError for a reduction that does not exist. */
function checkReduction(op: string, reduction: Reduction): void {
  if (['mean', 'sum', 'none'].includes(reduction)) return;
  throw new ArgumentError(`${op}: expected reduction 'mean', 'sum' or 'none', got ${shown(reduction)}.`);
}

function optionsOf(
  logits: Value,
  labels: Value,
  weight: Value | null | undefined,
  attributes: CrossEntropyAttributes,
): kernels.CrossEntropy {
  const [N, C, ...rest] = logits.shape as [number, number, ...number[]];
  const rows = [N, ...rest];
  if (logits.shape.length < 2)
    throw new ShapeError(
      'crossEntropy',
      `logits must have 2 dimensions or more [N, C, …], got ${formatShape(logits.shape)}.`,
      [logits.shape],
    );
  if (!sameShape(labels.shape, rows))
    throw new ShapeError(
      'crossEntropy',
      `labels must be one class per row, ${formatShape(rows)} for logits ${formatShape(logits.shape)}, got ${formatShape(labels.shape)}.`,
      [logits.shape, labels.shape],
    );
  if (labels.data.dtype !== 'int32')
    throw new ShapeError(
      'crossEntropy',
      `labels must be int32 class indices, got ${labels.data.dtype}. Pass an Int32Array, or { dtype: 'int32' }.`,
      [labels.shape],
    );
  if (weight && weight.data.count !== C)
    throw new ShapeError('crossEntropy', `weight must be [${C}], one per class, got ${formatShape(weight.shape)}.`, [
      logits.shape,
      weight.shape,
    ]);
  const { labelSmoothing = 0, ignoreIndex = -100, reduction = 'mean' } = attributes;
  checkReduction('crossEntropy', reduction);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ArgumentError(`crossEntropy: labelSmoothing must be from 0 to 1, got ${labelSmoothing}.`);
  return { N, C, inner: sizeOf(rest), weighted: !!weight, labelSmoothing, ignoreIndex, reduction };
}

/** Labels beyond are no numbers of classes. */
const MOST_OUTPUTS = 1_000_000;

/**
 * Labels that are on the host are looked at. Those that were computed on the GPU are not: nothing could be thrown before they are read, so
 * one out of range makes the loss NaN.
 */
function checkLabels(logits: Value, labels: Value, ignored: number): void {
  const classes = logits.shape[1]!;
  if (labels.data.host === null) return;
  const host = materialise(labels.data);
  const at = host.findIndex((label: number) => (label < 0 || label >= classes) && label !== ignored);
  if (at < 0) return;
  const outputs = Array.from(host).reduce((a, b) => Math.max(a, b)) + 1;
  const fix =
    host[at]! < 0 || outputs > MOST_OUTPUTS ? 'Number the classes from 0' : `Use a network with ${outputs} outputs`;
  throw new ArgumentError(
    `crossEntropy: expected labels from 0 to ${classes - 1} for logits ${formatShape(logits.shape)}, got ${host[at]} at ${at}. ` +
      `${fix}, or name rows to leave out by ignoreIndex.`,
  );
}

/** inputs: logits [N, C, …], labels int32 [N, …], class weights [C] or null. As `F.cross_entropy`. */
export const crossEntropy: Op<CrossEntropyAttributes> = defineOp<CrossEntropyAttributes>({
  name: 'crossEntropy',
  autocast: 'float32',
  forward: ([logits, labels, weight], attributes, saved) => {
    const options = optionsOf(logits!, labels!, weight, attributes);
    checkLabels(logits!, labels!, attributes.ignoreIndex ?? -100);
    const none = options.reduction === 'none';
    const inputs = [logits!, labels!, ...(weight ? [weight] : [])];
    const dtype = floatTypeOf(logits!);
    const outputs: { shape: Shape; dtype?: DType }[] = [
      { shape: none ? labels!.shape : [], dtype },
      { shape: labels!.shape },
    ];
    if (!none) outputs.push({ shape: [1] });
    const [loss, logSumExp, total] = recordKernel('crossEntropy', inputs, outputs, {
      key: Object.values(options).join(),
      lower: (target) => kernels.crossEntropy(target, options),
    });
    if (saved) Object.assign(saved, { logSumExp, ...(total && { total }) });
    return loss!;
  },
  backward: (gy, { inputs: [logits, labels, weight], attributes, saved }) => {
    const options = optionsOf(logits!, labels!, weight, attributes);
    const inputs = [logits!, labels!, saved.logSumExp!, gy, saved.total ?? gy, ...(weight ? [weight] : [])];
    const [gx] = recordKernel('crossEntropyGrad', inputs, [{ shape: logits!.shape, dtype: floatTypeOf(logits!) }], {
      key: Object.values(options).join(),
      lower: (target) => kernels.crossEntropyGrad(target, options),
    });
    return [gx!, null, null];
  },
});

/** (prediction - target)², reduced. inputs: prediction, target, of one shape. */
export const mseLoss: Op<{ reduction?: Reduction | undefined }> = defineOp<{ reduction?: Reduction | undefined }>({
  name: 'mseLoss',
  autocast: 'float32',
  forward: ([prediction, target], { reduction = 'mean' }) => {
    checkReduction('mseLoss', reduction);
    if (!sameShape(prediction!.shape, target!.shape))
      throw new ShapeError(
        'mseLoss',
        `prediction and target must have one shape, got ${formatShape(prediction!.shape)} and ${formatShape(target!.shape)}.`,
        [prediction!.shape, target!.shape],
      );
    const squares = recordElementwise('squaredError', '(a - b) * (a - b)', [prediction!, target!], prediction!.shape);
    return reduction === 'none'
      ? squares
      : reduceAxes(
          reduction,
          squares,
          prediction!.shape.map((_, d) => d),
          false,
        );
  },
  backward: (gy, { inputs, attributes: { reduction = 'mean' }, needs }) => {
    const [prediction, target] = inputs as [Value, Value];
    const scale = reduction === 'mean' ? 2 / prediction.data.count : 2;
    const towards = (factor: number) =>
      recordElementwise('squaredError.grad', '(a - b) * c * s', [prediction, target, gy], prediction.shape, {
        scalars: [factor],
      });
    return [needs[0] ? towards(scale) : null, needs[1] ? towards(-scale) : null];
  },
});
