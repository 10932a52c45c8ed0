/** What `weights` may be beside PyTorch's own names: ONNX without names, any number of classes, and v1 networks in a v1.5 tree. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, WeightFileError } from '../../src/core/errors.ts';
import { manualSeed } from '../../src/core/random.ts';
import { init } from '../../src/graph/init.ts';
import { exportOnnx, onnxBytes, readWeightFile, readWeights, targetOf, writeWeights } from '../../src/io/index.ts';
import { type ModelProto, messageType } from '../../src/io/onnx/schema.ts';
import { Bottleneck, cifarResnet20, keras, ResNet, resnet50 } from '../../src/models/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { randn } from '../../src/tensor/factory.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-weights-in-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

/** An ONNX file as exporters write it that fold batch norms and make up names. */
async function nameless(model: Module, inputShape: number[]): Promise<Uint8Array> {
  const type = messageType('ModelProto');
  const proto = type.decode(await onnxBytes(model, { inputShape, foldBatchNorm: true })) as unknown as ModelProto;
  const names = new Map(proto.graph!.initializer.map(({ name }, i) => [name, `onnx::Conv_${400 + i}`]));
  for (const tensor of proto.graph!.initializer) Object.assign(tensor, { name: names.get(tensor.name) });
  for (const node of proto.graph!.node)
    Object.assign(node, { name: '', input: node.input.map((n) => names.get(n) ?? n) });
  return type.encode(proto as never).finish();
}

describe('a Keras tree out of ONNX', () => {
  const layer = (class_name: string, name: string, config: object, from: string[]) => ({
    class_name,
    name,
    config: { name, ...config },
    inbound_nodes: from.length > 0 ? [from.map((other) => [other, 0, 0, {}])] : [],
  });
  /** Two branches, layer by layer, as Keras lists them. */
  const branches = () =>
    new keras.KerasModel({
      class_name: 'Functional',
      config: {
        name: 'branches',
        layers: [
          layer('InputLayer', 'input', { batch_input_shape: [null, 8, 8, 3] }, []),
          layer('Conv2D', 'before', { filters: 4, kernel_size: [1, 1] }, ['input']),
          layer('Conv2D', 'a', { filters: 4, kernel_size: [1, 1] }, ['before']),
          layer('Conv2D', 'b', { filters: 4, kernel_size: [1, 1] }, ['before']),
          layer('BatchNormalization', 'bn_a', {}, ['a']),
          layer('BatchNormalization', 'bn_b', {}, ['b']),
          layer('Activation', 'relu', { activation: 'relu' }, ['bn_a']),
          layer('Add', 'add', {}, ['relu', 'bn_b']),
        ],
        input_layers: [['input', 0, 0]],
        output_layers: [['add', 0, 0]],
      },
    });

  test('each batch norm was folded into the convolution of its own branch', async () => {
    const model = branches().eval();
    for (const name of ['bn_a', 'bn_b'])
      (model[name] as keras.BatchNormalization).running_mean!.set(Float32Array.from([1, 2, 3, name.length]));
    (model.bn_b as keras.BatchNormalization).bias!.set(Float32Array.from([0.5, -1, 2, 3]));
    const bytes = await onnxBytes(model, { inputShape: [1, 3, 8, 8], foldBatchNorm: true });
    const again = branches().eval();
    const { state, notes } = await readWeightFile(bytes, targetOf(again));
    expect(notes[0]).toMatch(/^2 batch norms had been folded into convolutions/);
    again.loadStateDict(state);
    const x = randn([2, 3, 8, 8]);
    const [a, b] = [model, again].map((net) => noGrad(() => net.forward(x)));
    const expected = await a!.data();
    for (const [i, value] of (await b!.data()).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });
});

describe('ONNX in a model function', () => {
  test.each([10, 3])('without names, folded, with %i classes: found by walking the graph', async (numClasses) => {
    const model = (await cifarResnet20({ numClasses, seed: 1 })).eval();
    const path = join(folder, 'folded.onnx');
    await writeFile(path, await nameless(model, [1, 3, 32, 32]));
    const again = (await cifarResnet20({ weights: path })).eval();
    expect(again.linear.outFeatures).toBe(numClasses);
    const x = randn([2, 3, 32, 32]);
    const [a, b] = [model, again].map((net) => noGrad(() => net.forward(x)));
    const expected = await a!.data();
    for (const [i, value] of (await b!.data()).entries()) expect(value).toBeCloseTo(expected[i]!, 4);
  });

  test('another number of classes than asked for is refused', async () => {
    const bytes = await nameless(await cifarResnet20({ numClasses: 3 }), [1, 3, 32, 32]);
    await expect(cifarResnet20({ weights: bytes, numClasses: 4 })).rejects.toThrow(
      "bytes: its Gemm [3, 64] does not fit 'linear' [4, 64], which comes next in the model.",
    );
  });

  test('what a model draws at random does not depend on the number of classes that its weights have', async () => {
    const weights = await onnxBytes(await cifarResnet20({ numClasses: 3 }), { inputShape: [1, 3, 32, 32] });
    const next = async () => [...(await randn([2]).data())];
    manualSeed(5);
    await cifarResnet20({ numClasses: 3 });
    const expected = await next();
    manualSeed(5);
    await cifarResnet20({ weights });
    expect(await next()).toEqual(expected);
  });
});

describe('a v1 network under torchvision’s names', () => {
  const REFUSAL =
    'ResNet: these are Keras ResNet v1 weights (stride on the first 1x1 convolution), and this is torchvision’s v1.5 (stride on the 3x3): ' +
    'every shape would fit and every result would be wrong. Build it with { strideIn1x1: true }, or use keras.ResNet50.';
  const net = (strideIn1x1: boolean) => new ResNet(Bottleneck, [1, 1, 1, 1], { numClasses: 2, strideIn1x1 });

  test('is told from v1.5 by its state dict, and by the metadata of safetensors', async () => {
    const state = await net(true).stateDict();
    expect(() => net(false).loadStateDict(state)).toThrow(new ArgumentError(REFUSAL));
    net(true).loadStateDict(state);
    const path = join(folder, 'v1.safetensors');
    await writeWeights(path, state, { metadata: { by: 'test' } });
    const file = await readWeightFile(path);
    expect(file.metadata).toEqual({ architecture: 'resnet v1 (stride on the first 1x1)', by: 'test' });
    expect(() => net(false).loadStateDict(file.state)).toThrow(REFUSAL);
    net(true).loadStateDict(file.state);
    await expect(resnet50({ weights: path })).rejects.toThrow(REFUSAL);
  });

  test('v1.5 weights bear no mark', async () => {
    const path = join(folder, 'v15.safetensors');
    await writeWeights(path, net(false).stateDict());
    expect((await readWeightFile(path)).metadata).toEqual({});
  });

  test('.pth has no place for the mark', async () => {
    const path = join(folder, 'v1.pth');
    await writeWeights(path, net(true).stateDict());
    net(false).loadStateDict(await readWeights(path));
  });

  test.each([false, true])('ONNX tells by its strides (batch norms folded: %s)', async (foldBatchNorm) => {
    const path = join(folder, 'v1.onnx');
    await exportOnnx(net(true), path, { inputShape: [1, 3, 64, 64], foldBatchNorm });
    net(true).loadStateDict(await readWeights(path, targetOf(net(true))));
    const error = await readWeights(path, targetOf(net(false))).catch((e) => e);
    expect(error).toBeInstanceOf(WeightFileError);
    expect(error.message).toBe(
      `${path}: its Conv 'layer2.0.conv1' has strides [2, 2], and 'layer2.0.conv1' of the model [1, 1]: ` +
        'every shape would fit and every result would be wrong. Build the model that the file is of.',
    );
  });
});
