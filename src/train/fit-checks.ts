/** What is looked at before a model is trained on a loader's batches by an optimizer. */
import { check, DECAY } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkFunction, shown } from '../core/options.ts';
import { formatShape } from '../core/shape.ts';
import type { DataLoader } from '../data/data-loader.ts';
import type { Sample } from '../data/dataset.ts';
import { BatchNorm2d } from '../nn/batchnorm.ts';
import type { AnyModule } from '../nn/module.ts';
import { EMA } from '../optim/ema.ts';
import { type AnyOptimizer, forgotten, Optimizer } from '../optim/optimizer.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { FitOptions } from './fit-options.ts';
import type { Progress } from './progress.ts';

/** @throws ArgumentError for an option of the wrong kind, or a number out of range. */
export function checkFitOptions({ train, validation, epochs, accumulate = 1, ...options }: FitOptions): void {
  for (const [name, data] of Object.entries({ train, validation }))
    if ((data || name === 'train') && typeof data?.length !== 'number')
      throw new ArgumentError(`fit: expected ${name} as a data set, got ${shown(data)}. Pass new ImageFolder(folder).`);
  for (const [name, value, least] of [
    ['epochs', epochs, 0],
    ['accumulate', accumulate, 1],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new ArgumentError(`fit: expected ${name} as a whole number of ${least} or more, got ${shown(value)}.`);
  const { optimizer, schedule, loss, ema, mix, onEpoch } = options;
  if (optimizer && !(optimizer instanceof Optimizer))
    throw new ArgumentError(
      `fit: expected an optimizer, got ${shown(optimizer)}. Pass new AdamW(model.parameters(), { lr: 1e-3 }).`,
    );
  if (ema !== undefined && !(ema instanceof EMA)) check('fit', 'ema', ema, DECAY);
  if (schedule && typeof schedule.step !== 'function')
    throw new ArgumentError(
      `fit: expected a schedule, got ${shown(schedule)}. Pass new CosineAnnealingLR(optimizer, epochs).`,
    );
  if (mix && typeof mix.apply !== 'function')
    throw new ArgumentError(
      `fit: expected mix as a transform of batches, got ${shown(mix)}. Pass new MixUp({ numClasses: 10 }).`,
    );
  if (loss) checkFunction('fit', 'loss', loss, '(outputs, labels) => mseLoss(outputs, labels)');
  if (onEpoch) checkFunction('fit', 'onEpoch', onEpoch, '(record) => console.log(record)');
}

/** @throws ArgumentError for a loss of the user's that gives no tensor. */
export function checkLoss(value: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  throw new ArgumentError(
    `fit: expected a tensor from loss, got ${shown(value)}. Return what is computed from the outputs.`,
  );
}

/** A batch norm that is trained never meets a batch of one. */
export function mergeSingleImage(
  model: AnyModule,
  loader: DataLoader<unknown, Sample>,
  progress?: Progress | null,
): void {
  loader.mergeSingle ||= model.modules().some((module) => module instanceof BatchNorm2d && !module.frozen);
  loader.onSingle = () => {
    progress?.note(
      'An image is left out of an epoch where no other of its batch can be read: no batch norm can learn from one.',
    );
    loader.onSingle = undefined;
  };
  if (loader.mergesLast)
    progress?.note(
      'The last batch would be of one image, from which no batch norm can learn: it goes to the batch before.',
    );
}

/** @throws ArgumentError if the model has trainable parameters that the optimizer has not. */
export function checkGroups(model: AnyModule, optimizer: AnyOptimizer): void {
  const grouped = new Set(optimizer.paramGroups.flatMap((g) => g.params as Tensor[]));
  const missing = model.namedParameters().filter(([, p]) => p.requires_grad && !grouped.has(p));
  if (missing.length)
    throw forgotten(
      'fit',
      missing.map(([name, p]) => ({ label: `${name} ${formatShape(p.shape)}` })),
    );
}
