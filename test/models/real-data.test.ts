/** Published weights on real images (REGRAFT_DATA or ../shared/data): what the networks are for. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { cifarResnet20, squeezenet1_1 } from '../../src/models/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { sharedData } from '../shared-data.ts';

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];
const CIFAR_CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** Images of one size as [N, 3, H, W], normalised. Embedded colour profiles are ignored, as torchvision does. */
async function load(files: readonly string[], side: number): Promise<Float32Array> {
  const out = new Float32Array(files.length * 3 * side * side);
  for (const [n, file] of files.entries()) {
    const { data } = await sharp(file, { ignoreIcc: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < side * side; i++)
        out[(n * 3 + c) * side * side + i] = (data[i * 3 + c]! / 255 - MEAN[c]!) / STD[c]!;
  }
  return out;
}

async function logitsOf(model: Module, images: Float32Array, batch: number, side: number): Promise<Float32Array[]> {
  const size = 3 * side * side;
  const rows: Float32Array[] = [];
  for (let start = 0; start < images.length / size; start += batch) {
    const part = images.slice(start * size, (start + batch) * size);
    const n = part.length / size;
    const y = (await noGrad(() => model.forward(tensor(part, [n, 3, side, side]))).data()) as Float32Array;
    for (let k = 0; k < n; k++) rows.push(y.slice((k * y.length) / n, ((k + 1) * y.length) / n));
  }
  return rows;
}

const argmax = (row: Float32Array) => row.indexOf(Math.max(...row));

interface Photo {
  crop: string;
  label: number;
  squeezenet1_1_top5_logits: [number, string, number][];
}

describe.skipIf(!sharedData)('real data of shared/data', () => {
  const data = (...path: string[]) => join(sharedData!, ...path);

  beforeAll(async () => {
    await init();
  });

  test('ResNet-20 (.th) classifies 79.8 % of the 500 CIFAR test images', async () => {
    const model = (await cifarResnet20({ weights: data('weights', 'resnet20-12fca82f.th') })).eval();
    const labelled = CIFAR_CLASSES.flatMap((name, label) =>
      readdirSync(data('cifar10-jpeg', 'test', name)).map((file) => ({
        file: data('cifar10-jpeg', 'test', name, file),
        label,
      })),
    );
    expect(labelled.length).toBe(500);
    const images = await load(
      labelled.map(({ file }) => file),
      32,
    );
    const rows = await logitsOf(model, images, 100, 32);
    const right = rows.filter((row, i) => argmax(row) === labelled[i]!.label).length;
    expect(Math.abs(right / 500 - 0.798)).toBeLessThanOrEqual(0.004);
  });

  const photos: Photo[] = sharedData ? JSON.parse(readFileSync(data('photos_expected.json'), 'utf8')) : [];

  test.each(['squeezenet1_1.pth', 'squeezenet1_1.safetensors'])(
    'SqueezeNet 1.1 (%s) recognises all 16 photos, logits within 1e-3',
    async (file) => {
      const model = (await squeezenet1_1({ weights: data('weights', file) })).eval();
      const images = await load(
        photos.map(({ crop }) => data('photos224', crop)),
        224,
      );
      const rows = await logitsOf(model, images, 4, 224);
      expect(rows.map(argmax)).toEqual(photos.map(({ label }) => label));
      for (const [i, photo] of photos.entries())
        for (const [index, , logit] of photo.squeezenet1_1_top5_logits)
          expect(Math.abs(rows[i]![index]! - logit)).toBeLessThan(1e-3);
    },
  );

  test('half-precision weights are converted and recognise all 16 photos', async () => {
    const model = (await squeezenet1_1({ weights: data('weights', 'squeezenet1_1-fp16.safetensors') })).eval();
    const images = await load(
      photos.map(({ crop }) => data('photos224', crop)),
      224,
    );
    expect((await logitsOf(model, images, 4, 224)).map(argmax)).toEqual(photos.map(({ label }) => label));
  });

  test('the class count comes from the file; a wrong one is one clear error', async () => {
    await expect(cifarResnet20({ weights: data('weights', 'resnet20-12fca82f.th'), numClasses: 3 })).rejects.toThrow(
      'ResNet: 0 missing keys, 0 unexpected, 2 wrong shapes (linear.weight: got [10, 64], expected [3, 64], ' +
        'linear.bias: got [10], expected [3]). Pass { newHead: true } to load the rest: the last layer then starts anew.',
    );
  });
});
