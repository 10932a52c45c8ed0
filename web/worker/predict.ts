/** A trained network on one picture. */
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { transformed } from '../../src/data/load-image.ts';
import type { Transform } from '../../src/data/transform.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { softmaxRows } from '../../src/train/metrics.ts';
import type { FinetuneResult } from '../../src/train/result.ts';
import { imageOf } from './photos.ts';

/** What training leaves. */
export interface Trained {
  /** In evaluation mode. */
  readonly model: Module;
  readonly name: string;
  readonly classes: readonly string[];
  readonly transforms: Transform;
  readonly result: FinetuneResult;
}

/** Probabilities in class order. @throws DataError for what is no image. */
export async function probabilities(
  { model, transforms, classes }: Trained,
  source: File | ImageBitmap,
): Promise<number[]> {
  const name = source instanceof File ? source.name : 'camera';
  const { data, shape } = transformed(await imageOf(source), name, transforms, 0, FIRST_VIEW);
  const logits = noGrad(() => model.forward(tensor(data, [1, ...shape])));
  const values = await logits.data();
  logits.dispose();
  return [...softmaxRows(values, classes.length)];
}
