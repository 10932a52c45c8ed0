/** Weight files as the page's Worker opens them. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import { classificationTransforms } from '../../src/data/transforms/compose.ts';
import { init } from '../../src/graph/init.ts';
import { exportOnnx, writeWeights } from '../../src/io/index.ts';
import { keras, squeezenet1_1 } from '../../src/models/index.ts';
import { modelEntry } from '../../src/models/models.ts';
import { saveModel } from '../../src/runs/model-folder.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { fitting } from '../../web/worker/weights.ts';
import { hashInput, hashWeights } from '../models/hash-weights.ts';

let folder: string;
beforeAll(async () => {
  await init();
  folder = await mkdtemp(join(tmpdir(), 'regraft-opened-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const opened = async (name: string) => new File([await readFile(join(folder, name))], name);

describe('weight files on the page', () => {
  test('a .h5 of Keras’s ResNet-50 opens, and gives on RGB what Keras’s gives on BGR', async () => {
    const original = await keras.ResNet50({ weights: null });
    await keras.saveModel(original, join(folder, 'resnet50.h5'));
    const { model, state, numClasses, transforms } = await fitting('squeezenet1_1', await opened('resnet50.h5'));
    expect({ model, numClasses }).toEqual({ model: 'keras.ResNet50', numClasses: 1000 });
    expect(transforms.mean.map((m) => m * 255)).toEqual([123.68, 116.779, 103.939]);
    const network = await modelEntry(model).create({ numClasses });
    network.loadStateDict(state);
    const rgb = hashInput([1, 3, 64, 64]).map((v) => 50 * v);
    const bgr = Float32Array.from(rgb, (_, i) => rgb[i + (2 - 2 * Math.floor(i / 4096)) * 4096]!);
    const logits = await noGrad(() => network.eval().forward(tensor(rgb, [1, 3, 64, 64]))).data();
    const expected = await noGrad(() => original.eval().forward(tensor(bgr, [1, 3, 64, 64]))).data();
    const most = Math.max(...logits);
    const exponents = logits.map((v) => Math.exp(v - most));
    const sum = exponents.reduce((a, b) => a + b);
    expect(Math.max(...exponents.map((v, i) => Math.abs(v / sum - expected[i]!)))).toBeLessThan(1e-4);

    // As the page exports it, and as the command line builds it from the .h5.
    const classes = Array.from({ length: numClasses }, (_, i) => `class ${i}`);
    const saved = { model: network, name: model, classes, transforms: classificationTransforms(transforms) };
    await saveModel(join(folder, 'keras'), saved);
    const reopened = (await openModel(join(folder, 'keras'))).model;
    const fromFile = (await modelEntry(model).create({ weights: join(folder, 'resnet50.h5') })).eval();
    for (const other of [reopened, fromFile])
      expect(await noGrad(() => other.forward(tensor(rgb, [1, 3, 64, 64]))).data()).toEqual(logits);
    // As an earlier version saved it, and as it goes to other formats: by its name, which its tensors alone do not tell.
    await saveModel(join(folder, 'earlier'), { ...saved, name: 'kerasResnet50' });
    const earlier = await openModel(join(folder, 'earlier'));
    expect(earlier.name).toBe('keras.ResNet50');
    expect(await noGrad(() => earlier.model.forward(tensor(rgb, [1, 3, 64, 64]))).data()).toEqual(logits);
    const converted = await convert(join(folder, 'earlier/model.safetensors'), join(folder, 'keras.onnx'));
    expect(converted.notes).toContain('The network is keras.ResNet50, as the file says.');
    await expect(modelEntry(model).create({ weights: join(folder, 'keras/model.safetensors') })).rejects.toThrow(
      'keras.ResNet50: expected weights that Keras saved. What regraft saved opens by its folder.',
    );
  });

  test('an .onnx opens as the network that it fits, whichever is chosen', async () => {
    const original = hashWeights(await squeezenet1_1());
    await exportOnnx(original, join(folder, 'net.onnx'), { inputShape: [1, 3, 64, 64] });
    const { model, state } = await fitting('resnet18', await opened('net.onnx'));
    expect(model).toBe('squeezenet1_1');
    expect(state.get('classifier.1.bias')).toEqual((await original.stateDict()).get('classifier.1.bias'));
  });

  test('what fits nothing says what is missing', async () => {
    const linear = new Map([['fc.weight', { shape: [2, 2], dtype: 'float32' as const, data: new Float32Array(4) }]]);
    await writeWeights(join(folder, 'linear.safetensors'), linear);
    await expect(fitting('resnet18', await opened('linear.safetensors'))).rejects.toThrow(
      /^linear\.safetensors: fits none of the networks\. Closest to what is chosen: ResNet: /,
    );
  });
});
