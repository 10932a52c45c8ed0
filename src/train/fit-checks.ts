/** What is looked at before a model is trained on a loader's batches by an optimizer. */
import { formatShape } from '../core/shape.ts';
import type { DataLoader } from '../data/data-loader.ts';
import { BatchNorm2d } from '../nn/batchnorm.ts';
import type { Module } from '../nn/module.ts';
import { type AnyOptimizer, forgotten } from '../optim/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Progress } from './progress.ts';

/** A batch norm that is trained never meets a batch of one. */
export function mergeSingleImage(model: Module, loader: DataLoader<unknown>, progress?: Progress | null): void {
  loader.mergeSingle ||= model.modules().some((module) => module instanceof BatchNorm2d && !module.frozen);
  if (loader.mergesLast)
    progress?.note(
      'The last batch would be of one image, from which no batch norm can learn: it goes to the batch before.',
    );
}

/** @throws ArgumentError if the model has trainable parameters that the optimizer has not. */
export function checkGroups(model: Module, optimizer: AnyOptimizer): void {
  const grouped = new Set(optimizer.paramGroups.flatMap((g) => g.params as Tensor[]));
  const missing = model.namedParameters().filter(([, p]) => p.requires_grad && !grouped.has(p));
  if (missing.length)
    throw forgotten(
      'fit',
      missing.map(([name, p]) => ({ label: `${name} ${formatShape(p.shape)}` })),
    );
}
