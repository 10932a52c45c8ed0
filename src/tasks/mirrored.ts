/** A model that looks at an image twice, as it is and mirrored, and answers once. */
import { type AnyModule, Module } from '../nn/module.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The outputs for two views of the same images as outputs for one. */
export type MeanOutputs = (first: Tensor, second: Tensor) => Tensor;

/** The model over images [N, C, H, W] and their mirror images, its outputs put together by `mean`. */
export class Mirrored extends Module {
  readonly model: AnyModule;
  readonly mean: MeanOutputs;

  constructor(model: AnyModule, mean: MeanOutputs) {
    super();
    this.model = model;
    this.mean = mean;
  }

  override forward(images: Tensor): Tensor {
    return this.mean(this.model.forward(images), this.model.forward(images.flip([3])));
  }
}

/** Logits of classes whose probabilities are the means of those of two. */
export const meanOfClasses: MeanOutputs = (first, second) => logMean(first.logSoftmax(1), second.logSoftmax(1));

/** Logits of labels whose probabilities are the means of those of two. */
export const meanOfLabels: MeanOutputs = (first, second) =>
  logMean(logSigmoid(first), logSigmoid(second)).sub(logMean(logSigmoid(first.neg()), logSigmoid(second.neg())));

/** The means of numbers. */
export const meanOfValues: MeanOutputs = (first, second) => first.add(second).mul(0.5);

/** log((e^a + e^b) / 2), which no logarithm of a small probability underflows. */
function logMean(a: Tensor, b: Tensor): Tensor {
  const most = a.maximum(b);
  return most.add(a.sub(most).exp().add(b.sub(most).exp()).mul(0.5).log());
}

const logSigmoid = (x: Tensor): Tensor => x.minimum(0).sub(x.abs().neg().exp().add(1).log());
