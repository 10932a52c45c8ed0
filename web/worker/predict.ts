/** A trained network on one picture. */
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { transformed } from '../../src/data/images/load-image.ts';
import type { Module } from '../../src/nn/index.ts';
import { softmaxRows } from '../../src/tasks/image-classification/metrics.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { Outcome } from '../messages.ts';
import { imageOf } from './photos.ts';
import type { Plan } from './plan.ts';

/** What training leaves. */
export interface Trained {
  /** In evaluation mode. */
  readonly model: Module;
  readonly plan: Plan;
  readonly outcome: Outcome;
  /** Photos of the run that are not there any more. */
  readonly gone: number;
}

/** Probabilities in class order. @throws DataError for what is no image. */
export async function probabilities({ model, plan }: Trained, source: File | ImageBitmap): Promise<number[]> {
  const image = await inputOf(plan, source);
  const logits = noGrad(() => model.forward(image));
  const values = await logits.data();
  logits.dispose();
  return [...softmaxRows(values, plan.train.classes.length)];
}

/** A picture as the network takes it. */
export async function inputOf({ transforms }: Plan, source: File | ImageBitmap): Promise<Tensor> {
  const name = source instanceof File ? source.name : 'camera';
  const { data, shape } = transformed(await imageOf(source), name, transforms, 0, FIRST_VIEW);
  return tensor(data, [1, ...shape]);
}
