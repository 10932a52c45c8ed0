/** Networks of segmentation are no classifiers: what names one for photos with a label each is told so. */
import { expect, test } from 'vitest';
import { finetune, pretrainedClassifier } from '../../src/runs/index.ts';
import { faultOf, twoClasses } from '../data/photos.ts';

const told = (op: string, name: string) =>
  `ArgumentError: ${op}: ${name} is a network of segmentation, which programs train and run with the task segmentation() of regraft/train. Name one that tells what an image shows, as squeezenet1_1.`;

test.each(['unet', 'fcn_resnet50', 'unet-squeezenet1_1'])('%s', async (model) => {
  const photos = await twoClasses(2);
  expect(await faultOf(() => finetune({ photos, model, weights: null }))).toBe(told('finetune', model));
  expect(await faultOf(() => pretrainedClassifier(model, { weights: 'any.pth' }))).toBe(
    told('pretrainedClassifier', model),
  );
});
