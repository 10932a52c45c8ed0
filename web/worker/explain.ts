/** Which parts of a picture an answer rests on. */

import { argmaxRows, softmaxRows } from '../../src/tasks/image-classification/metrics.ts';
import { gradCam } from '../../src/train/grad-cam.ts';
import type { Explanation } from '../messages.ts';
import { heatOver, seenBy } from './heat.ts';
import { imageOf } from './photos.ts';
import { inputOf, probabilities, type Trained } from './predict.ts';

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
