/** ConvNeXts: what differs between the variants, initial values, and the draws of frozen blocks. */
import { beforeAll, expect, test } from 'vitest';
import { init, randn } from '../../src/index.ts';
import { CNBlock, ConvNeXt_TinyWeights, convnext_small, convnext_tiny, MODELS } from '../../src/models/index.ts';
import { StochasticDepth } from '../../src/nn/index.ts';

beforeAll(async () => {
  await init();
});

test('stochastic depth, resize and the layer before the last stage of each variant', async () => {
  const found: Record<string, unknown[]> = {};
  for (const [name, { create, input }] of Object.entries(MODELS)) {
    if (!name.startsWith('convnext_')) continue;
    const model = await create();
    const depths = model.modules().filter((m) => m instanceof StochasticDepth);
    found[name] = [
      depths.length,
      depths[0]!.p,
      depths.at(-1)!.p,
      input.resize,
      String(model.getSubmodule('features.6.1')),
    ];
  }
  const halving = (from: number, to: number) => `Conv2d(${from}, ${to}, kernel_size=(2, 2), stride=(2, 2))`;
  expect(found).toEqual({
    convnext_tiny: [18, 0, 0.1, 236, halving(384, 768)],
    convnext_small: [36, 0, 0.4, 230, halving(384, 768)],
    convnext_base: [36, 0, 0.5, 232, halving(512, 1024)],
    convnext_large: [36, 0, 0.5, 232, halving(768, 1536)],
  });
  expect(convnext_tiny.input).toEqual(ConvNeXt_TinyWeights.IMAGENET1K_V1.transforms());
});

test('initial values follow torchvision: deviation 0.02, biases 0, layer scales 1e-6', async () => {
  const model = await convnext_tiny({ numClasses: 3, seed: 1 });
  const parameters = new Map(model.namedParameters());
  const values = async (name: string) => [...(await parameters.get(name)!.data())];
  const squares = (list: readonly number[]) => list.reduce((sum, v) => sum + v * v, 0) / list.length;
  expect(squares(await values('features.1.0.block.0.weight'))).toBeCloseTo(0.0004, 4);
  expect(squares(await values('features.3.0.block.3.weight'))).toBeCloseTo(0.0004, 5);
  for (const name of ['features.0.0.bias', 'features.1.0.block.3.bias', 'classifier.2.bias'])
    expect((await values(name)).every((v) => v === 0)).toBe(true);
  expect(await values('features.1.0.layer_scale')).toEqual(new Array(96).fill(Math.fround(1e-6)));
});

test('a frozen block leaves no branch out, in training too', async () => {
  const model = await convnext_small({ numClasses: 3, seed: 0 });
  const layers = model.modules().filter((m) => m instanceof StochasticDepth);
  model.freezeUntil('classifier.2');
  expect(layers.every((m) => m.frozen)).toBe(true);
  model.freezeUntil('features.6');
  expect(layers.map((m) => m.frozen)).toEqual([...Array(33).fill(true), false, false, false]);

  const block = new CNBlock(4, 1, 1);
  const x = randn([2, 4, 5, 3], { seed: 1 });
  expect(await block.forward(x).data()).toEqual(await x.data());
  expect(await block.freeze().forward(x).data()).not.toEqual(await x.data());
});

test('takes images of any size from 32 up', async () => {
  const model = await convnext_tiny({ numClasses: 3, seed: 0 });
  const logits = model.forward(randn([2, 3, 47, 33], { seed: 1 }));
  expect(logits.shape).toEqual([2, 3]);
  expect((await logits.data()).every(Number.isFinite)).toBe(true);
});
