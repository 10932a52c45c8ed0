/** A model of NaNs: it is not saved, and it gives no answers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { classificationTransforms } from '../../src/data/index.ts';
import { init } from '../../src/index.ts';
import { writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, imagenetPreset } from '../../src/models/index.ts';
import { type Classifier, evaluateFolder, finetune, predictImages, saveModel } from '../../src/runs/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { CLASSES, colourPhotos } from '../runs/colour-photos.ts';

async function broken(): Promise<Classifier> {
  await init();
  const model = await cifarResnet20({ numClasses: 3 });
  model.linear.bias!.set(Float32Array.of(0, Number.NaN, 0));
  return {
    model,
    name: 'cifarResnet20',
    classes: CLASSES,
    transforms: classificationTransforms(imagenetPreset(32, 32)),
  };
}

test('is not saved', async () => {
  const folder = join(await temporaryFolder(), 'model');
  await expect(saveModel(folder, await broken())).rejects.toThrow(
    `${folder}: expected weights that are numbers, got NaN or infinity in linear.bias: training has diverged. Train again with a lower learning rate.`,
  );
  expect(existsSync(folder)).toBe(false);
});

test('is not where a run starts, which says so before a photo is read', async () => {
  const state = await (await cifarResnet20({ seed: 1 })).stateDict();
  (state.get('bn1.running_var')!.data as Float32Array)[0] = Number.POSITIVE_INFINITY;
  const weights = join(temporaryFolder(), 'weights.safetensors');
  await writeWeights(weights, state);
  const photos = await colourPhotos(2, 1);
  await expect(finetune({ photos, weights, model: 'cifarResnet20', epochs: 1 })).rejects.toThrow(
    `${weights}: expected weights that are numbers, got NaN or infinity in bn1.running_var. Get the file again, or take other weights.`,
  );
});

test('gives no answers and no scores', async () => {
  const photos = await colourPhotos(0, 1);
  const file = join(photos, 'val/blue/0.jpg');
  const message = `${file}: cifarResnet20 gives no numbers (NaN): its weights are not usable. Train it again, at a lower learning rate.`;
  const classifier = await broken();
  await expect(predictImages(classifier, [file])).rejects.toThrow(message);
  await expect(evaluateFolder(classifier, join(photos, 'val'))).rejects.toThrow(message);
});
