/** Folders of timm's and transformers' networks, as the Hugging Face hub has them: scripts/record-hub-fixtures.py recorded their logits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { init, noGrad, tensor } from '../../src/index.ts';
import { readWeightFile, writeWeights } from '../../src/io/index.ts';
import { chooseModel } from '../../src/runs/choose-model.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { presetOf, wholeModelAt } from '../../src/runs/start.ts';
import { hashInput, hashValues } from '../models/hash-weights.ts';

interface Recorded {
  readonly config: Record<string, unknown>;
  readonly processor: Record<string, unknown> | null;
  readonly gain: number;
  readonly logits: readonly number[];
  readonly tensors: readonly string[];
}

const { side, networks } = JSON.parse(
  readFileSync(new URL('../fixtures/hub/networks.json', import.meta.url), 'utf8'),
) as { side: number; networks: Record<string, Recorded> };
const root = mkdtempSync(join(tmpdir(), 'regraft-hub-'));
beforeAll(() => init());
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A folder with the recorded network's files, its configuration changed by `change`. */
async function folderOf(name: string, weights = 'model.safetensors', change: object = {}): Promise<string> {
  const { config, processor, gain, tensors } = networks[name]!;
  const folder = mkdtempSync(join(root, 'f'));
  const state: StateDict = new Map();
  for (const [index, line] of tensors.entries()) {
    const [key, sizes] = line.split(' ') as [string, string];
    const shape = sizes.split(',').map(Number);
    const values = hashValues(index, key, shape);
    const isNorm = key.endsWith('weight') && shape.length === 1;
    state.set(key, { shape, dtype: 'float32', data: isNorm ? values.map((v) => v * gain) : values });
  }
  // As safetensors has them, whose writer sorts.
  await writeWeights(join(folder, weights), new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1))), {
    format: weights.endsWith('.bin') ? 'torch (zip)' : 'safetensors',
  });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }));
  if (processor) writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(processor));
  return folder;
}

/** A folder with nothing but a configuration and one tensor. */
async function folderWith(config: object): Promise<string> {
  const folder = mkdtempSync(join(root, 'f'));
  await writeWeights(
    join(folder, 'model.safetensors'),
    new Map([['w', { shape: [1], dtype: 'float32', data: new Float32Array(1) }]]),
  );
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

const CASES = [
  ['timm resnet18', 'resnet18', 'bicubic', 235],
  ['timm mobilenetv2_100', 'mobilenet_v2', 'bicubic', 256],
  ['timm efficientnet_b0', 'efficientnet_b0', 'bicubic', 256],
  ['timm convnext_tiny', 'convnext_tiny', 'bicubic', 235],
  ['transformers resnet', 'resnet18', 'bicubic', 256],
  ['transformers mobilenet_v2', 'mobilenet_v2', 'bilinear', 256],
  ['transformers convnext', 'convnext_tiny', 'bicubic', [384, 384]],
] as const;

describe('a folder gives the logits of its own library', () => {
  const cases = CASES.filter(([name]) => process.env.REGRAFT_SLOW || name !== 'transformers convnext');
  test.each(cases)('%s is %s', async (name, network, interpolation, resize) => {
    const { logits, processor } = networks[name]!;
    const opened = await openModel(await folderOf(name));
    expect(opened.name).toBe(network);
    expect(opened.classes).toEqual(processor ? ['ant', 'bee', 'cat'] : ['class 0', 'class 1', 'class 2']);
    const [first, crop] = opened.transforms.toJSON().transforms as Record<string, unknown>[];
    expect([first!.size, first!.interpolation]).toEqual([resize, interpolation]);
    expect(crop!.size).toBe(typeof resize === 'number' ? 224 : 384);
    const x = tensor(hashInput([1, 3, side, side]), [1, 3, side, side]);
    const got = await noGrad(() => opened.model.forward(x) as typeof x).data();
    const most = Math.max(...logits.map(Math.abs));
    for (const [i, logit] of logits.entries()) expect(Math.abs(got[i]! - logit)).toBeLessThan(1e-4 * most);
  });
});

test('the names of classes come from label_names, mean and deviation from the configuration; pytorch_model.bin is read too', async () => {
  const { pretrained_cfg } = networks['timm resnet18']!.config as { pretrained_cfg: object };
  const folder = await folderOf('timm resnet18', 'pytorch_model.bin', {
    label_names: ['x', 'y', 'z'],
    pretrained_cfg: { ...pretrained_cfg, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6], crop_pct: 1 },
  });
  const { classes, transforms } = await openModel(folder);
  expect(classes).toEqual(['x', 'y', 'z']);
  expect(presetOf(transforms)).toMatchObject({ resize: 224, crop: 224, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] });
  expect(await wholeModelAt(folder, undefined, null)).toMatchObject({ name: 'resnet18', classes });
  const out = join(root, 'out.safetensors');
  await convert(folder, out);
  expect(await openModel(out)).toMatchObject({ name: 'resnet18', classes });
});

test('the notes tell what a folder was read as', async () => {
  const { notes } = await readWeightFile(await folderWith({ model_type: 'convnext' }));
  expect(notes).toEqual([
    'The folder is of transformers’ convnext: it is read as convnext_tiny.',
    'The last layer norm has an epsilon of 1e-6, as ConvNeXt was trained; the config says 1e-12.',
    'It does not tell how its images are prepared: it has no preprocessor_config.json.',
  ]);
});

const EXPORT = 'Export it to ONNX: onnx.loadModel runs any graph.';

describe('what does not agree in arithmetic is refused with the reason', () => {
  test.each([
    [
      { architecture: 'tf_efficientnet_b0' },
      'timm’s tf_efficientnet_b0, which pads its convolutions as TensorFlow does (“same”), which shifts every map with a stride.',
    ],
    [
      { architecture: 'mobilenetv3_large_100' },
      'timm’s mobilenetv3_large_100, which has batch norms with an epsilon of 1e-5, torchvision’s MobileNet V3 of 1e-3.',
    ],
    [
      { architecture: 'efficientnetv2_s' },
      'timm’s efficientnetv2_s, which has batch norms with an epsilon of 1e-5, torchvision’s efficientnet_v2_s of 1e-3.',
    ],
    [
      { architecture: 'inception_v3' },
      'timm’s inception_v3, which has no auxiliary classifier, which torchvision’s Inception v3 trains with.',
    ],
    [
      { architecture: 'vit_base_patch16_224' },
      'timm’s vit_base_patch16_224, which is no network that regraft has by name.',
    ],
    [
      { architecture: 'resnet18', global_pool: 'max' },
      "timm’s resnet18, which has the global pooling 'max', where ours means over each map.",
    ],
    [
      { architecture: 'resnet50', model_args: { num_classes: 3, output_stride: 16 } },
      'timm’s resnet50, which was built with output_stride, which ours has no place for.',
    ],
    [
      { architecture: 'vgg16_bn', pretrained_cfg: { input_size: [3, 256, 256] } },
      'timm’s vgg16_bn, which takes images of 256 pixels, and pools them otherwise than ours at any side but 224.',
    ],
    [
      { model_type: 'resnet', downsample_in_first_stage: true, hidden_act: 'gelu' },
      'transformers’ resnet, which has hidden_act "gelu", ours "relu"; downsample_in_first_stage true, ours false.',
    ],
    [
      { model_type: 'mobilenet_v2' },
      'transformers’ mobilenet_v2, which pads its convolutions as TensorFlow does (“same”), which shifts every map with a stride.',
    ],
    [
      { model_type: 'mobilenet_v2', tf_padding: false },
      'transformers’ mobilenet_v2, which has layer_norm_eps 0.001, ours 0.00001.',
    ],
    [{ model_type: 'vit' }, 'transformers’ vit, which is no network that regraft has by name.'],
  ])('%j', async (config, reason) => {
    const folder = await folderWith(config);
    const message = `${folder}: is of ${reason} ${EXPORT}`;
    await expect(openModel(folder)).rejects.toThrow(message);
    await expect(chooseModel(folder, { note: () => {} } as never)).rejects.toThrow(`is of ${reason} ${EXPORT}`);
    const { notes, state } = await readWeightFile(folder);
    expect(notes).toEqual([`The folder is of ${reason} ${EXPORT}`]);
    expect([...state.keys()]).toEqual(['w']);
  });
});

test('a folder without weights says which files it looked for', async () => {
  const folder = mkdtempSync(join(root, 'f'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ architecture: 'resnet18' }));
  await expect(openModel(folder)).rejects.toThrow(
    'config.json: expected weights beside it, one of model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json; there is none.',
  );
});
