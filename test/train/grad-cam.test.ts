/** Grad-CAM against PyTorch's float64, on weights made by a hash. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { MODELS } from '../../src/models/index.ts';
import { Conv2d, Flatten, Linear, Module, Sequential } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { cat, type Tensor } from '../../src/tensor/tensor.ts';
import { gradCam } from '../../src/train/grad-cam.ts';
import { hashInput, hashWeights, unpacked } from '../models/hash-weights.ts';

interface Case {
  model: string;
  layer: string;
  size: number;
  target: number;
  height: number;
  width: number;
  map: string;
}

const cases = JSON.parse(readFileSync(new URL('../fixtures/models/gradcam.json', import.meta.url), 'utf8')) as Case[];

const picture = (size: number) => tensor(hashInput([1, 3, size, size]), [1, 3, size, size]);

beforeAll(async () => {
  await init();
});

describe('gradCam', () => {
  test.each(cases)(
    '$model at $layer, class $target: as PyTorch',
    async ({ model: name, layer, size, target, map, ...shape }) => {
      const model = hashWeights(await MODELS[name]!.create());
      const cam = await gradCam(model, picture(size), { layer: model.getSubmodule(layer), target });
      const expected = unpacked(map);
      const largest = Math.max(...expected);
      const difference = Math.max(...expected.map((value, i) => Math.abs(value - cam.map[i]!)));
      expect({ height: cam.height, width: cam.width }).toEqual(shape);
      expect(cam.map).toHaveLength(expected.length);
      expect(difference / largest).toBeLessThan(1e-4);
      const logits = await noGrad(() => model.eval().forward(picture(size))).data();
      expect(cam.logits).toEqual(logits);
    },
  );

  test('leaves mode and freezing as they were', async () => {
    const model = hashWeights(await MODELS.cifarResnet20!.create())
      .freezeUntil('layer3')
      .train();
    const before = model.parameters().map((p) => p.requires_grad);
    await gradCam(model, picture(32), { layer: model.getSubmodule('layer3'), target: 0 });
    expect(model.parameters().map((p) => p.requires_grad)).toEqual(before);
    expect(model.parameters().every((p) => p.grad === null)).toBe(true);
    expect(model.modules().every((module) => module.training)).toBe(true);
  });

  test('a model of NaNs explains nothing', async () => {
    const layer = new Conv2d(3, 2, 3);
    const model = new Sequential(layer, new Flatten(), new Linear(8, 2));
    const last = model.parameters().at(-1)!;
    last.set(Float32Array.of(0, Number.NaN));
    await expect(gradCam(model, picture(4), { layer, target: 0 })).rejects.toThrow(
      'gradCam: the Sequential gives no numbers (NaN): its weights are not usable. Train it again, at a lower learning rate.',
    );
  });

  test('says what is wrong with a class or a layer', async () => {
    const model = hashWeights(await MODELS.cifarResnet20!.create());
    const image = picture(32);
    const layer = model.getSubmodule('layer3');
    await expect(gradCam(model, image, { layer, target: 10 })).rejects.toThrow(
      'gradCam: target must be a class from 0 to 9, got 10.',
    );
    await expect(gradCam(model, image, { layer: new Conv2d(3, 4, 1), target: 0 })).rejects.toThrow(
      "gradCam: the Conv2d is not part of the model's forward pass.",
    );
    await expect(gradCam(model, image, { layer: model.getSubmodule('linear'), target: 0 })).rejects.toThrow(
      'gradCam: the layer must give feature maps [1, channels, height, width], got [1, 10].',
    );
  });

  test('a model of records: the output is named where there are several', async () => {
    class Detector extends Module<[{ photo: Tensor; kind: Tensor }], Record<'logits' | 'boxes', Tensor>> {
      conv = new Conv2d(3, 4, 3);
      logits = new Linear(5, 2);
      boxes = new Linear(5, 4);
      forward({ photo, kind }: { photo: Tensor; kind: Tensor }) {
        const features = cat([this.conv.forward(photo).relu().mean([2, 3]), kind.float()], 1);
        return { logits: this.logits.forward(features), boxes: this.boxes.forward(features) };
      }
    }
    const model = new Detector();
    const input = { photo: picture(8), kind: tensor(Int32Array.of(1), [1, 1]) };
    const layer = model.conv;
    const cam = await gradCam(model, input, { layer, target: 1, output: 'logits' });
    const { logits } = noGrad(() => model.forward(input));
    expect([cam.height, cam.width, cam.logits]).toEqual([6, 6, await logits.data()]);
    await expect(gradCam(model, input, { layer, target: 1 })).rejects.toThrow(
      'gradCam: expected output as the name of the logits, got undefined. There are logits, boxes.',
    );
    await expect(gradCam(model, input, { layer, target: 1, output: 'scores' })).rejects.toThrow(
      "gradCam: expected output as the name of the logits, got 'scores'. There are logits, boxes.",
    );
    await expect(gradCam(layer, picture(8), { layer, target: 1, output: 'scores' })).rejects.toThrow(
      "gradCam: expected output as the name of the logits, got 'scores'. The model gives one tensor: leave it out.",
    );
    await expect(gradCam(model, input, { layer: model, target: 1, output: 'logits' })).rejects.toThrow(
      'gradCam: the layer must give feature maps [1, channels, height, width], got an object of type Object.',
    );
    await expect(gradCam(layer, picture(8), { layer, target: 1 })).rejects.toThrow(
      'gradCam: the model must give logits [1, classes], got [1, 4, 6, 6].',
    );
  });
});
