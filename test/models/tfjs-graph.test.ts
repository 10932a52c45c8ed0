/** TF.js graph models as models: outputs against @tensorflow/tfjs, names, freezing, new heads, training, exports; and what is refused. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { onnxBytes, readWeightFile, readWeights } from '../../src/io/index.ts';
import { runOnnx } from '../../src/io/onnx/run.ts';
import { graftHead, keras, tfjs } from '../../src/models/index.ts';
import { BatchNorm2d, Conv2d, crossEntropy, Linear } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { TfGraphBuilder } from '../io/tfjs-graph-build.ts';
import { sharedData } from '../shared-data.ts';
import { GRAPH_CASES, type GraphCase, mobileNetV2, valuesOf } from './tfjs-graph-cases.ts';

let folder: string;
let recorded: Map<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>;
beforeAll(async () => {
  await init();
  folder = await mkdtemp(join(tmpdir(), 'regraft-tfjs-graph-'));
  const { cases } = JSON.parse(await readFile(new URL('../fixtures/models/tfjs-graphs.json', import.meta.url), 'utf8'));
  recorded = new Map(cases.map((row: { name: string }) => [row.name, row]));
});
afterAll(() => rm(folder, { recursive: true }));

/** The path of the case's `model.json`. */
async function saved({ json, shard }: GraphCase['files']): Promise<string> {
  const path = join(folder, 'model.json');
  await writeFile(path, json);
  await writeFile(join(folder, 'group1-shard1of1.bin'), shard);
  return path;
}

const load = async (given: GraphCase) => (await tfjs.loadGraphModel(await saved(given.files))).eval();

/** TensorFlow's values as a tensor: those of four axes with their channels first. */
function tensorOf(values: Float32Array, shape: readonly number[]): Tensor {
  const x = tensor(values.slice(), shape);
  return shape.length === 4 ? x.permute([0, 3, 1, 2]) : x;
}

const inputsOf = (given: GraphCase): Tensor[] => valuesOf(given).map((v, i) => tensorOf(v, given.inputs[i]!));

/** Expects values as TensorFlow has them, to 1e-4 of the largest. */
async function expectRecorded(name: string, y: Tensor): Promise<void> {
  const { shape, data } = recorded.get(name)!;
  const given = shape.length === 4 ? noGrad(() => y.permute([0, 2, 3, 1])) : y;
  expect(given.shape).toEqual(shape);
  const largest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
  const ours = await given.data();
  const apart = data.reduce((most, v, i) => Math.max(most, Math.abs(v - ours[i]!)), 0);
  expect(apart / largest).toBeLessThan(1e-4);
}

describe('the same as @tensorflow/tfjs', () => {
  test.each(GRAPH_CASES.map((given) => [given.name, given] as const))('%s', async (name, given) => {
    const model = await load(given);
    await expectRecorded(
      name,
      noGrad(() => model.forward(...inputsOf(given))),
    );
  });

  test('MobileNet V2, 3.5 million parameters', async () => {
    const given = mobileNetV2(1, 1000, 96, 1);
    const model = await load(given);
    expect(model.parameters().reduce((sum, { size }) => sum + size, 0)).toBe(3_504_872 - 17_056);
    await expectRecorded(
      given.name,
      noGrad(() => model.forward(...inputsOf(given))),
    );
  });

  test.skipIf(!sharedData)('a real one of pages and times', async () => {
    const model = (await tfjs.loadGraphModel(join(sharedData!, 'odd/tfjs/graph-small/model.json'))).eval();
    const numbers = (f: (i: number) => number) =>
      tensor(
        Int32Array.from({ length: 10 }, (_, i) => f(i)),
        [10],
      );
    const y = noGrad(() =>
      model.forward(
        numbers((i) => 10 * i),
        numbers((i) => i),
      ),
    );
    await expectRecorded('graph-small', y);
    expect(model.graph.head).toBe('model.dense_1');
  });
});

const find = (name: string): GraphCase => GRAPH_CASES.find((given) => given.name === name)!;
const SMALL = 'batch norms, gates and a convolution as head';

describe('a graph model', () => {
  test('has its names, layers, and no transposes but those that a flatten needs', async () => {
    const model = await load(find(SMALL));
    expect(model.graph.inputs).toEqual([{ name: 'images', shape: [null, 3, 9, 9] }]);
    expect(model.graph).toMatchObject({ head: 'net.logits', outputs: ['net/Predictions'] });
    expect(model.graph.stages).toEqual(['net.conv1', 'net.logits']);
    expect(model.getSubmodule('net.conv1')).toBeInstanceOf(Conv2d);
    expect(model.getSubmodule('net.bn1')).toBeInstanceOf(BatchNorm2d);
    expect(model.namedParameters().map(([name, { shape }]) => [name, [...shape]])).toEqual([
      ['net/conv1/weights', [8, 3, 3, 3]],
      ['net/bn1/gamma', [8]],
      ['net/bn1/beta', [8]],
      ['net/gate/weights', [8, 8, 1, 1]],
      ['net/gate/biases', [8]],
      ['net/gamma', [1, 16, 1, 1]],
      ['net/logits/weights', [5, 16, 1, 1]],
      ['net/logits/biases', [5]],
    ]);
    expect(model.namedBuffers().map(([name]) => name)).toEqual(['net/bn1/moving_mean', 'net/bn1/moving_variance']);
    const { steps } = model.topology();
    expect(steps.filter(({ op }) => op === 'Transpose')).toEqual([]);
  });

  test('freezes, takes a new head, trains, and is exported to ONNX', async () => {
    const given = find('MobileNet V2, 0.1 wide');
    const model = await load(given);
    expect(model.graph.stages.slice(0, 2)).toEqual(['mobilenetv2.Conv1', 'mobilenetv2.block_1_depthwise']);
    expect(graftHead(model, model.graph.head, 3)).toBeInstanceOf(Linear);
    model.freezeUntil('StatefulPartitionedCall/mobilenetv2/block_16_project');
    const trained = model.parameters().filter((p) => p.requires_grad);
    expect(trained).toHaveLength(6);
    model.freezeUntil('mobilenetv2.block_1_expand');
    model.fromLogits = true;
    const [x] = inputsOf(given) as [Tensor];
    const optimizer = new SGD(model.parameters(), { lr: 1e-3 });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const loss = await step(() => {
        const value = crossEntropy(model.forward(x), tensor(Int32Array.of(0, 2)));
        value.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return value;
      });
      losses.push(await loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const y = await noGrad(() => model.forward(x)).data();
    const again = await runOnnx(await onnxBytes(model, { inputShape: x.shape }), [x]);
    const other = await again.data();
    expect(Math.max(...y.map((v, i) => Math.abs(v - other[i]!)))).toBeLessThan(1e-4);
  });

  test('is refused where a model of layers or weights are wanted, and read as tensors', async () => {
    const path = await saved(find(SMALL).files);
    await expect(keras.loadModel(path)).rejects.toThrow(
      'is a TF.js graph model, which has no layers. Open it by tfjs.loadGraphModel.',
    );
    const { state, metadata } = await readWeightFile(path);
    expect(metadata).toEqual({ format: 'graph-model' });
    expect(state.get('net/conv1/weights')!.shape).toEqual([3, 3, 3, 8]);
    await expect(readWeights(path, { expected: new Map([['conv1.weight', [8, 3, 3, 3]]]) })).rejects.toThrow(
      'is a TF.js graph model (a frozen TensorFlow graph): a network of its own, and no weights of another. ' +
        'Open it by tfjs.loadGraphModel, or give it as --model.',
    );
  });
});

describe('refusals', () => {
  const refused = async (build: (g: TfGraphBuilder) => void): Promise<string> => {
    const g = new TfGraphBuilder();
    g.input('x', [-1, 4]);
    build(g);
    const path = await saved(g.finish({ y: [-1, 4] }));
    const error = await tfjs.loadGraphModel(path).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(WeightFileError);
    return (error as Error).message.replace(`${path}: `, '');
  };

  test('every missing operator, with its node', async () => {
    const message = await refused((g) => g.node('Bessel', 'y', [g.node('Fft', 'net/fft', ['x'])]));
    expect(message).toBe("has 2 nodes whose operators are not computed here: Fft (node 'net/fft'), Bessel (node 'y').");
  });

  test('settings that are computed, forms that are not known', async () => {
    expect(await refused((g) => g.node('Mean', 'y', ['x', g.node('Identity', 'a', ['x'])]))).toBe(
      "Mean 'y': expected its input 2 to be a constant, got one that is computed.",
    );
    expect(
      await refused((g) =>
        g.node('_FusedMatMul', 'y', ['x', g.weight('w', [4, 4]), g.weight('b', [4])], {
          fused_ops: ['BiasAdd', 'Gelu'],
        }),
      ),
    ).toBe("_FusedMatMul 'y': a product followed by 'Gelu' is not computed here.");
  });

  test('graphs that are cyclic, incomplete, or of layers', async () => {
    expect(await refused((g) => g.node('Relu', 'y', [g.node('Relu', 'a', ['y'])]))).toBe(
      "node 'a' of its graph depends on itself: the graph is cyclic.",
    );
    expect(await refused((g) => g.node('Relu', 'y', ['z']))).toBe(
      "node 'y' of its graph uses 'z', which nothing makes.",
    );
    const path = join(folder, 'layers.json');
    await writeFile(path, JSON.stringify({ format: 'layers-model', modelTopology: {}, weightsManifest: [] }));
    await expect(tfjs.loadGraphModel(path)).rejects.toThrow(
      `${path}: is no TF.js graph model: it has layers. Open it by keras.loadModel.`,
    );
  });
});
