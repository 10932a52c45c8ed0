/** convert: which formats hold what, the mapping, and the runs before and after. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { convert, formatReport } from '../../src/convert/index.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { ArgumentError, StateDictError } from '../../src/core/errors.ts';
import { init } from '../../src/graph/init.ts';
import { readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';
import type { GraphNode, OnnxGraph } from '../../src/io/onnx/write.ts';
import { cifarResnet20, keras } from '../../src/models/index.ts';
import { BatchNorm2d } from '../../src/nn/index.ts';
import { outputs } from './outputs.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const whole = fixture('keras/whole.h5');
const { out, refused, files } = outputs();
beforeAll(async () => {
  await init();
});

describe('a Keras model', () => {
  test.each(['x.h5', 'x.keras', 'x.json', 'x.onnx', 'x.safetensors', 'x.pth'])(
    'to %s, which computes the same',
    async (name) => {
      const { verification, tensors, notes } = await convert(whole, out(name));
      expect(tensors.length).toBe(24);
      expect(notes[0]).toBe('The optimizer state was left out.');
      expect(verification!.inputShapes).toEqual([[1, 3, 15, 18]]);
      // An ONNX file's own graph is run, where swish is a product of two nodes.
      expect(verification!.largestDifference).toBeLessThan(name === 'x.onnx' ? 1e-6 : Number.MIN_VALUE);
      expect(verification!.largestOutput).toBeGreaterThan(0.1);
    },
  );

  test('the report maps names, shapes and axes', async () => {
    const lines = formatReport(await convert(whole, out('x.onnx'))).split('\n');
    const row = (name: string) => lines.find((line) => line.includes(`-> ${name} `))!.replace(/ {2,}/g, ' | ');
    expect(row('conv1.weight')).toBe(
      'model_weights/conv1/conv1/kernel:0 -> conv1.weight | [3, 3, 3, 4] -> [4, 3, 3, 3] | float32 | HWIO -> OIHW',
    );
    expect(row('dw1.weight')).toBe(
      'model_weights/dw1/dw1/depthwise_kernel:0 -> dw1.weight | [3, 3, 4, 2] -> [8, 1, 3, 3] | float32 | HWIM -> IM1HW',
    );
    expect(row('head.d2.weight')).toBe(
      'model_weights/head/d2/kernel:0 -> head.d2.weight | [7, 5] -> [5, 7] | float32 | IO -> OI',
    );
    expect(row('bn1.running_mean')).toBe('model_weights/bn1/bn1/moving_mean:0 -> bn1.running_mean | [4] | float32');
    expect(lines.slice(-2)).toEqual([
      expect.stringMatching(
        /^Before and after, run on one seeded input \[1, 3, 15, 18\]: largest difference \d(\.\d\de-\d)?, largest output 0\.\d{3}\.$/,
      ),
      'Keras (h5) -> ONNX: 24 tensors, 6,292 bytes.',
    ]);
  });

  test('through safetensors, which keeps its topology, and back', async () => {
    await convert(whole, out('x.safetensors'));
    await convert(out('x.safetensors'), out('y.h5'));
    expect(await (await keras.loadModel(out('y.h5'))).kerasStateDict()).toEqual(
      await (await keras.loadModel(whole)).kerasStateDict(),
    );
  });

  test('a file without the topology says so', async () => {
    const last = async (name: string) => (await convert(whole, out(name))).notes.at(-1);
    expect(await last('x.weights.h5')).toBe(
      'The file holds weights alone: who reads it has to build the model. .keras and .h5 hold its topology too.',
    );
    expect(await last('x.pth')).toBe(
      "The model's topology is not kept, since torch (zip) holds tensors only: who reads it has to build it.",
    );
  });

  test.each(['float16', 'bfloat16'] as const)('%s is compared with the rounded input', async (dtype) => {
    const { verification, tensors } = await convert(whole, out('x.safetensors'), { dtype });
    expect(tensors[0]!.dtypeOut).toBe(dtype);
    expect(verification!.largestDifference).toBe(0);
  });

  test.each(['x.safetensors', 'x.pth'])('to %s under its own names, in PyTorch’s layouts', async (name) => {
    const { tensors } = await convert(whole, out(name));
    expect(tensors.find(({ nameOut }) => nameOut === 'conv1.weight')).toEqual({
      nameIn: 'model_weights/conv1/conv1/kernel:0',
      nameOut: 'conv1.weight',
      shapeIn: [3, 3, 3, 4],
      shape: [4, 3, 3, 3],
      dtypeIn: 'float32',
      dtypeOut: 'float32',
      layout: 'HWIO -> OIHW',
    });
    const expected = await (await keras.loadModel(whole)).stateDict();
    expect(await readWeights(out(name))).toEqual(expected);
  });

  test('without its topology, tensors stay as they are, and that is said', async () => {
    const { notes } = await convert(fixture('keras/small.weights.h5'), out('x.safetensors'));
    expect(notes.at(-1)).toBe(
      "The tensors keep Keras's names and layouts (HWIO): with the option model they get PyTorch's.",
    );
    const { state, metadata } = await readWeightFile(out('x.safetensors'));
    expect(state.get('layers/conv2d/vars/0')!.shape).toEqual([3, 3, 3, 4]);
    expect(metadata.format).toBe('tf');
  });

  test('an output that computes something else is not written, and what was there stays', async () => {
    const older = {
      'x.h5': ['x.h5'],
      'x.json': ['x-shard1of1.bin', 'x.json'],
      'x.safetensors': ['x.safetensors'],
      'x.onnx': ['x.onnx'],
    };
    for (const [name, files] of Object.entries(older)) {
      for (const file of files) await writeFile(out(file), `older ${file}`);
      expect((await refused(whole, name, { tolerance: -1 })).message).toMatch(
        new RegExp(
          '^convert: what was written computes something else: largest difference \\S+, largest output 0\\.\\d+\\. ' +
            `${name.replace('.', '\\.')} was left as it was; please report it\\.$`,
        ),
      );
      for (const file of files) expect(await readFile(out(file), 'utf8')).toBe(`older ${file}`);
    }
  });

  test('a file can be converted onto itself', async () => {
    await copyFile(whole, out('x.h5'));
    await convert(out('x.h5'), out('x.h5'));
    expect(await files()).toEqual(['x.h5']);
    expect((await keras.loadModel(out('x.h5'))).layers.length).toBe(26);
  });
});

describe('batch norms folded into an ONNX file', () => {
  test('computed by the graph itself', async () => {
    const model = await cifarResnet20({ numClasses: 3, seed: 2 });
    for (const norm of model.modules().filter((m) => m instanceof BatchNorm2d))
      norm.running_mean!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => Math.sin(i)));
    await writeWeights(out('x.pth'), model.stateDict());
    const options = { model: 'cifarResnet20', foldBatchNorm: true };
    const { verification, notes, tensors } = await convert(out('x.pth'), out('x.onnx'), options);
    const { largestDifference, largestOutput } = verification!;
    expect(largestDifference).toBeGreaterThan(0);
    expect(largestDifference / largestOutput).toBeLessThan(1e-5);
    expect(notes).toEqual([
      '19 batch norms folded into the weights and biases of the convolutions before them: bn1, layer1.0.bn1, layer1.0.bn2, layer1.1.bn1, layer1.1.bn2 and 14 more.',
    ]);
    const names = tensors.map(({ nameOut }) => nameOut);
    expect(names.filter((name) => name.endsWith('conv1.bias')).length).toBe(10);
    expect(names.filter((name) => /running|bn/.test(name))).toEqual([]);
    const made = tensors.filter(({ nameIn }) => nameIn === '(new)').map(({ nameOut }) => nameOut);
    expect(made).toEqual(names.filter((name) => /(conv\d|shortcut\.0)\.bias$/.test(name)));
  });

  test('another output is refused', async () => {
    expect((await refused(whole, 'x.h5', { foldBatchNorm: true })).message).toBe(
      'convert: batch norms are folded into the graph of an .onnx file only (x.h5). Leave it out.',
    );
  });
});

describe('a network of torchvision’s', () => {
  const state = async () => (await cifarResnet20({ numClasses: 3, seed: 2 })).stateDict();

  test('from .pth to ONNX and back, as many classes as it has', async () => {
    await writeWeights(out('x.pth'), state());
    const options = { model: 'cifarResnet20' };
    const report = await convert(out('x.pth'), out('x.onnx'), { ...options, metadata: { classes: 'a,b,c' } });
    expect(report.verification).toMatchObject({ inputShapes: [[1, 3, 32, 32]], largestDifference: 0 });
    expect(report.notes).toEqual([
      expect.stringMatching(/^Not written, since ONNX has no use for it: bn1\.num_batches_tracked, .* and 14 more\.$/),
    ]);
    const back = await convert(out('x.onnx'), out('y.safetensors'), options);
    expect(back.verification!.largestDifference).toBe(0);
    expect((await readWeightFile(out('y.safetensors'))).metadata).toMatchObject({ classes: 'a,b,c' });
    const again = await convert(out('y.safetensors'), out('z.onnx'), options);
    expect(again.notes).toEqual(['19 counters num_batches_tracked not in the file: cifarResnet20 starts at 0.']);
    expect((await readWeightFile(out('z.onnx'))).metadata).toEqual({
      producer: 'regraft',
      opset: '17',
      classes: 'a,b,c',
    });
    // Tensors alone: the numbers of the graph are none of its weights.
    const { tensors } = await convert(out('z.onnx'), out('z.pth'));
    expect(tensors.map(({ nameOut }) => nameOut)).toEqual([...(await readWeights(out('y.safetensors'))).keys()]);
    const [before, after] = [await state(), await readWeights(out('y.safetensors'))];
    for (const [name, tensor] of after) expect(tensor).toEqual(before.get(name));
  });

  test('the network that weights are of is named, or what does not fit is listed', async () => {
    await writeWeights(out('x.pth'), state());
    const named = await refused(out('x.pth'), 'y.onnx', { model: 'squeezenet1_1' });
    expect(named.message).toBe(
      'x.pth: these are the weights of cifarResnet20, not of squeezenet1_1. Name cifarResnet20 instead.',
    );
    const part = new Map([...(await state())].filter(([name]) => !name.startsWith('layer2.')));
    await writeWeights(out('x.pth'), part);
    const error = await refused(out('x.pth'), 'y.onnx', { model: 'squeezenet1_1' });
    expect(error).toBeInstanceOf(StateDictError);
    expect(error.message).toMatch(
      /^squeezenet1_1: 52 missing keys \(features\.0\.weight, .*\), 80 unexpected keys \(.*\), 0 wrong shapes\. The weights in \S+ are of another network: regraft inspect lists them\.$/,
    );
  });

  test('a graph that is not the model’s is seen, though its weights are', async () => {
    await writeWeights(out('x.pth'), state());
    await writeFile(out('x.onnx'), 'older');
    const written = '../../src/io/onnx/write.ts';
    vi.doMock(written, async (original) => {
      const module = await original<typeof import('../../src/io/onnx/write.ts')>();
      const withoutRelu = (node: GraphNode) => (node.op === 'Relu' ? { ...node, op: 'Identity' } : node);
      const faulty = (graph: OnnxGraph) => module.onnxChunks({ ...graph, nodes: graph.nodes.map(withoutRelu) });
      return { ...module, onnxChunks: faulty };
    });
    try {
      const error = await refused(out('x.pth'), 'x.onnx', { model: 'cifarResnet20' });
      expect(error.message).toMatch(/^convert: what was written computes something else: largest difference/);
      expect(await readFile(out('x.onnx'), 'utf8')).toBe('older');
    } finally {
      vi.doUnmock(written);
    }
  });

  test('Keras’s formats do not hold it', async () => {
    await writeWeights(out('x.pth'), state());
    expect((await refused(out('x.pth'), 'y.h5', { model: 'cifarResnet20' })).message).toMatch(
      /^convert: y\.h5 holds Keras layers, and cifarResnet20 is no network of Keras's: 116 tensors \(conv1\.weight, .* and 111 more\) fit none\. Use \.safetensors, \.pth or \.onnx\.$/,
    );
    expect((await refused(out('x.pth'), 'y.keras')).message).toMatch(
      /^convert: y\.keras holds Keras layers, and cifarResnet20 is no network of Keras's: 116 tensors .* fit none\. Use \.safetensors, \.pth or \.onnx\.$/,
    );
  });
});

describe('tensors alone', () => {
  test('go to formats of tensors, by their names', async () => {
    const report = await convert(fixture('io/zip.pth'), out('x.safetensors'));
    expect(report.verification).toBeUndefined();
    expect(await readWeights(out('x.safetensors'))).toEqual(await readWeights(fixture('io/zip.pth')));
  });

  test.each(['x.h5', 'x.keras', 'x.json', 'x.onnx'])('do not go to %s without their network', async (name) => {
    const error = await refused(fixture('io/net.safetensors'), name);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toMatch(
      new RegExp(
        `^convert: ${name} holds a model, and the input \\(safetensors\\) tensors without one: \\d+ tensors \\(conv1\\.weight, .*\\) are of no layer\\. ` +
          'Say which network they are of with the option model: resnet50, keras\\.ResNet50, …\\.$',
      ),
    );
  });

  test('a dtype that the format does not have is refused', async () => {
    expect((await refused(whole, 'x.keras', { dtype: 'float16' })).message).toBe(
      'convert: dtype is for files of tensors (.safetensors, .pth, .npz), got x.keras. Leave it out.',
    );
  });
});

describe('Keras’s ResNet-50', () => {
  test('in torchvision’s tree: v1 only, folded and marked', async () => {
    const model = await keras.ResNet50({ classes: 4, seed: 1, classifierActivation: null });
    (model.conv1_bn as keras.BatchNormalization).running_mean!.set(new Float32Array(64).fill(0.5));
    await keras.saveModel(model, out('k.keras'));
    expect((await refused(out('k.keras'), 'x.safetensors', { model: 'resnet50' })).message).toMatch(
      /^ResNet: these are Keras ResNet v1 weights .* every result would be wrong\./,
    );
    const options = { model: 'resnet50', modelOptions: { strideIn1x1: true } };
    const { notes, tensors, verification } = await convert(out('k.keras'), out('x.safetensors'), options);
    expect(tensors[0]).toEqual({
      nameIn: 'layers/conv2d/vars/0',
      nameOut: 'conv1.weight',
      shapeIn: [7, 7, 3, 64],
      shape: [64, 3, 7, 7],
      dtypeIn: 'float32',
      dtypeOut: 'float32',
      layout: 'HWIO -> OIHW',
    });
    expect(notes[0]).toMatch(/^Biases of convolutions are folded into the running means/);
    expect(verification).toMatchObject({ inputShapes: [[1, 3, 64, 64]], largestDifference: 0 });
    expect((await readWeightFile(out('x.safetensors'))).metadata.architecture).toBe(
      'resnet v1 (stride on the first 1x1)',
    );
  });

  test('told from its tensors, in Keras’s tree', async () => {
    await keras.saveModel(await keras.ResNet50({ classes: 2, seed: 1 }), out('w.weights.h5'));
    const { notes, formatOut } = await convert(out('w.weights.h5'), out('told.keras'));
    expect(notes[0]).toBe('The network is keras.ResNet50, by the names and shapes of its tensors.');
    expect(formatOut).toMatch(/^Keras/);
  });

  test('what does not fit it is listed', async () => {
    const error = await refused(whole, 'x.keras', { model: 'keras.ResNet50' });
    expect(error).toBeInstanceOf(StateDictError);
    expect(error.message).toMatch(
      /^keras\.ResNet50: 320 missing keys \(.* and 315 more\), 24 unexpected keys \(.*\), 0 wrong shapes\.$/,
    );
  });

  test('a file without a place for the mark is noted', async () => {
    const tensor = { shape: [1], dtype: 'float32' as const, data: Float32Array.of(1) };
    const state: StateDict = new Map([['w', tensor]]);
    state.architecture = 'network v1';
    await writeWeights(out('x.safetensors'), state);
    expect((await convert(out('x.safetensors'), out('x.pth'))).notes).toEqual([
      'torch (zip) cannot say that this is a network v1: another network of its names and shapes would load it and be wrong.',
    ]);
  });

  test('a network without a v1 is named', async () => {
    await writeWeights(out('x.pth'), (await cifarResnet20()).stateDict());
    expect(
      (await refused(out('x.pth'), 'y.pth', { model: 'cifarResnet20', modelOptions: { strideIn1x1: true } })).message,
    ).toBe(
      "cifarResnet20: expected options that exist, got 'strideIn1x1'. There are weights, numClasses, seed, frozenStats, newHead, key, stripPrefix, onNote, download.",
    );
  });
});
