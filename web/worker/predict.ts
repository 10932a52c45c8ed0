/** A trained network on one picture: probabilities, and which parts of the picture they rest on. */
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { transformed } from '../../src/data/load-image.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { gradCam } from '../../src/train/grad-cam.ts';
import { argmaxRows, softmaxRows } from '../../src/train/metrics.ts';
import type { Explanation, Outcome } from '../messages.ts';
import { heatOver, seenBy } from './heat.ts';
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

/** Grad-CAM for a class, by default the likeliest. @throws DataError for what is no image. */
export async function explained(trained: Trained, source: File, target: number | null): Promise<Explanation> {
  const { model, plan } = trained;
  const classes = plan.train.classes.length;
  const shown = target ?? argmaxRows(await probabilities(trained, source), classes)[0]!;
  const layer = model.getSubmodule(plan.entry.maps);
  const cam = await gradCam(model, await inputOf(plan, source), { layer, target: shown });
  const picture = await seenBy(plan.transforms, await imageOf(source));
  return {
    target: shown,
    probabilities: [...softmaxRows(cam.logits, classes)],
    heat: await heatOver(picture, cam),
    picture: await picture.convertToBlob(),
  };
}

async function inputOf({ transforms }: Plan, source: File | ImageBitmap): Promise<Tensor> {
  const name = source instanceof File ? source.name : 'camera';
  const { data, shape } = transformed(await imageOf(source), name, transforms, 0, FIRST_VIEW);
  return tensor(data, [1, ...shape]);
}
