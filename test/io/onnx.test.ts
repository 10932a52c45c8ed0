/** ONNX in: what PyTorch exported (scripts/record-onnx-fixtures.py), by name and by walking the graph. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { init, noGrad, tensor } from '../../src/index.ts';
import { readWeightFile, readWeights, targetOf } from '../../src/io/index.ts';
import { scopeOf } from '../../src/io/onnx/layers.ts';
import { BatchNorm2d, Conv2d, Sequential } from '../../src/nn/index.ts';
import { decoded, encoded, expectOnnxRefusal, fixture, floats, modelOf, Net, node, recordedNet } from './onnx-build.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-onnx-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

const withoutCounters = (state: StateDict): StateDict =>
  new Map([...state].filter(([name]) => !name.endsWith('num_batches_tracked')));

/** Loads `source` into the recorded net, runs it, and compares with what PyTorch computed. */
async function expectSameOutputs(state: StateDict): Promise<void> {
  const model = new Net().eval();
  model.loadStateDict(state);
  const { input, output } = await recordedNet();
  const y = await noGrad(() => model.forward(tensor(input, [2, 3, 8, 8]))).data();
  for (const [i, value] of output.entries()) expect(y[i]).toBeCloseTo(value, 5);
}

describe('by name', () => {
  test('batch norms kept: every tensor, bit for bit', async () => {
    const file = await readWeightFile(fixture('net-kept.onnx'));
    expect(file.state).toEqual(withoutCounters(await readWeights(fixture('net.safetensors'))));
    expect(file.format).toBe('ONNX');
    expect(file.notes).toEqual([]);
    expect(file.metadata).toEqual({ producer: 'pytorch 1.13.0', opset: '15' });
    await expectSameOutputs(file.state);
  });

  test('equal tensors that the exporter wrote once get back their names', async () => {
    const state = await readWeights(fixture('net-shared.onnx'), targetOf(new Net()));
    expect([...state.keys()]).toEqual([...targetOf(new Net()).expected.keys()].filter((n) => !/tracked/.test(n)));
    expect(state.get('layer1.0.bn1.running_var')!.data).toEqual(new Float32Array(4).fill(1));
    expect([...(await readWeights(fixture('net-shared.onnx'))).keys()].sort()).toEqual([...state.keys()].sort());
  });

  test('without a model, made-up names and folded batch norms are said', async () => {
    const { state, notes } = await readWeightFile(fixture('net-folded.onnx'));
    expect(state.size).toBe(10);
    expect(notes).toEqual([
      '8 tensors with names that the exporter made up (onnx::Conv_42, onnx::Conv_43, onnx::Conv_45, onnx::Conv_46, onnx::Conv_48 and 3 more). Say which model it is to have them matched.',
      '4 convolutions with a made-up bias: batch norms have probably been folded into them.',
    ]);
  });

  test('what no model asks for is left out, and said', async () => {
    const content = modelOf({ initializer: [floats('w', [2]), floats('shape', [1])] });
    const file = await readWeightFile(content, { expected: new Map([['w', [2]]]) });
    expect([...file.state.keys()]).toEqual(['w']);
    expect(file.notes).toEqual(['Left out, being no weights of the model: shape.']);
  });
});

describe('by walking the graph', () => {
  const folded =
    '4 batch norms had been folded into convolutions: they load as (weight 1, running_mean 0, running_var 1 - eps), ' +
    'the bias being what was folded. The outputs are those of the file; keep them frozen in training.';

  test('folded batch norms: found by the path in the node names, same outputs', async () => {
    const { state, notes, namesInFile } = await readWeightFile(fixture('net-folded.onnx'), targetOf(new Net()));
    expect(notes).toEqual([folded]);
    expect(namesInFile.get('layer1.0.conv2.weight')).toBe('onnx::Conv_48');
    await expectSameOutputs(state);
  });

  test('nodes without names: by order and shape, and what is told apart by order alone is said', async () => {
    const model = await decoded('net-folded.onnx');
    for (const one of model.graph!.node) one.name = '';
    const { state, notes } = await readWeightFile(encoded(model), targetOf(new Net()));
    expect(notes).toEqual([
      '4 layers without their names in the file: matched to the model by order and shape.',
      'Told apart by nothing but their order, since they have one shape and lie beside each other: layer1.0.conv2 and layer1.0.downsample.0. Compare the outputs.',
      folded,
    ]);
    await expectSameOutputs(state);
  });

  test('batch norms kept, without any name', async () => {
    const model = await decoded('net-kept.onnx');
    const rename = (name: string) => (model.graph!.initializer.some((t) => t.name === name) ? `t_${name}` : name);
    for (const one of model.graph!.node) {
      one.name = '';
      one.input = one.input.map(rename);
    }
    for (const one of model.graph!.initializer) one.name = `t_${one.name}`;
    const { state, notes } = await readWeightFile(encoded(model), targetOf(new Net()));
    expect(notes[0]).toBe('9 layers without their names in the file: matched to the model by order and shape.');
    expect(state).toEqual(withoutCounters(await readWeights(fixture('net.safetensors'))));
  });

  test('linear layers as MatMul and Add are turned back', async () => {
    const expected = await readWeights(fixture('tokens.safetensors'));
    const shapes = new Map([...expected].map(([name, { shape }]) => [name, shape]));
    expect(await readWeights(fixture('tokens.onnx'), { expected: shapes })).toEqual(expected);
  });

  test('an identity batch norm is exactly one for the epsilons in use', () => {
    for (const eps of [1e-5, 1.001e-5, 1e-3, 1e-4, 1e-6, 1e-8, 0])
      expect(Math.fround(Math.fround(1 - eps) + Math.fround(eps))).toBe(1);
  });

  test('convert takes the target and prints the mapping', async () => {
    const output = join(folder, 'net.safetensors');
    const report = await convert(fixture('net-folded.onnx'), output, { ...targetOf(new Net()), model: 'net' });
    expect(report.tensors[0]).toMatchObject({ nameIn: 'onnx::Conv_42', nameOut: 'conv1.weight' });
    expect(report.notes.at(-1)).toBe('4 counters num_batches_tracked not in the file: net starts at 0.');
    await expectSameOutputs(await readWeights(output));
  });

  const conv = (bias: boolean) =>
    modelOf({
      initializer: [floats('a', [4, 3, 1, 1]), ...(bias ? [floats('b', [4])] : [])],
      input: [{ name: 'x' }],
      node: [node('Conv', bias ? ['x', 'a', 'b'] : ['x', 'a'], ['y'], 'first')],
    });

  test('a folded batch norm that the model has no bias for is refused', () =>
    expectOnnxRefusal(
      conv(true),
      "the batch norm '1' was folded into its convolution, and neither '1' nor '0' of the model has a bias to hold the rest. Export the model with its batch norms kept.",
      targetOf(new Sequential(new Conv2d(3, 4, 1, { bias: false }), new BatchNorm2d(4, { affine: false }))),
    ));

  test('with no affine parameters the bias of the convolution holds it', async () => {
    const model = new Sequential(new Conv2d(3, 4, 1), new BatchNorm2d(4, { affine: false, eps: 1e-3 }));
    const state = await readWeights(conv(true), targetOf(model));
    expect([...state.keys()]).toEqual(['0.weight', '0.bias', '1.running_mean', '1.running_var']);
    expect(state.get('1.running_var')!.data[0]).toBe(Math.fround(0.999));
  });

  test('layers of another model are refused, the first of them named', async () => {
    await expectOnnxRefusal(
      conv(false),
      "its Conv 'first' [4, 3, 1, 1] does not fit '0' [5, 3, 1, 1], which comes next in the model. It is of another model, or its layers are in another order.",
      targetOf(new Sequential(new Conv2d(3, 5, 1, { bias: false }))),
    );
    await expectOnnxRefusal(
      conv(false),
      "has no layer left for '1' [4] of the model.",
      targetOf(new Sequential(new Conv2d(3, 4, 1, { bias: false }), new BatchNorm2d(4))),
    );
    await expectOnnxRefusal(
      conv(true),
      "Conv 'first' has a bias, but '0' of the model has none.",
      targetOf(new Sequential(new Conv2d(3, 4, 1, { bias: false }))),
    );
    const two = modelOf({
      initializer: [floats('a', [4, 3, 1, 1]), floats('b', [4, 4, 1, 1])],
      input: [{ name: 'x' }],
      node: [node('Conv', ['x', 'a'], ['y']), node('Conv', ['y', 'b'], ['z'], 'second')],
    });
    await expectOnnxRefusal(
      two,
      "has 1 layer more than the model; the first is Conv 'second' [4, 4, 1, 1].",
      targetOf(new Sequential(new Conv2d(3, 4, 1, { bias: false }))),
    );
  });

  test.each([
    ['/conv1/Conv', 'conv1'],
    ['/layer1/layer1.0/downsample/downsample.1/BatchNormalization', 'layer1.0.downsample.1'],
    ['/features/features.3/squeeze/Conv', 'features.3.squeeze'],
    ['Conv_12', ''],
    ['/Add', ''],
  ])('%s is of the module %s', (name, path) => expect(scopeOf(name)).toBe(path));
});

describe('where tensors lie', () => {
  test('lists of numbers instead of raw bytes, in every dtype', async () => {
    const le = (data: ArrayBufferView) => new Uint8Array(data.buffer);
    const content = modelOf({
      initializer: [
        { name: 'f32', dims: [2], dataType: 1, floatData: le(Float32Array.of(1.5, -2)) },
        { name: 'f64', dims: [1], dataType: 11, doubleData: le(Float64Array.of(1 / 3)) },
        { name: 'f16', dims: [2], dataType: 10, int32Data: Uint8Array.of(0x80, 0x78, 0x80, 0xf8, 0x02) },
        { name: 'i32', dims: [2], dataType: 6, int32Data: Uint8Array.of(5, ...new Array(9).fill(255), 1) },
        { name: 'i8', dims: [1], dataType: 3, int32Data: Uint8Array.of(...new Array(9).fill(255), 1) },
        { name: 'i64', dims: [2], dataType: 7, int64Data: Uint8Array.of(0xac, 2, ...new Array(9).fill(255), 1) },
        { name: 'bool', dims: [2], dataType: 9, int32Data: Uint8Array.of(1, 0) },
        { name: 'empty', dims: [0, 3], dataType: 1 },
        { name: 'scalar', dims: [], dataType: 1, floatData: le(Float32Array.of(7)) },
      ],
    });
    const state = await readWeights(content);
    expect(state.get('f32')!.data).toEqual(Float32Array.of(1.5, -2));
    expect(state.get('f64')!.data).toEqual(Float64Array.of(1 / 3));
    expect(state.get('f16')).toEqual({ shape: [2], dtype: 'float16', data: Uint16Array.of(0x3c00, 0xbc00) });
    expect(state.get('i32')!.data).toEqual(Int32Array.of(5, -1));
    expect(state.get('i8')!.data).toEqual(Int8Array.of(-1));
    expect(state.get('i64')!.data).toEqual(BigInt64Array.of(300n, -1n));
    expect(state.get('bool')!.data).toEqual(Uint8Array.of(1, 0));
    expect(state.get('empty')!.data.length).toBe(0);
    expect(state.get('scalar')!.shape).toEqual([]);
  });

  test('external data beside the model', async () => {
    const model = await decoded('net-kept.onnx');
    const parts: Uint8Array[] = [];
    let offset = 0;
    for (const one of model.graph!.initializer) {
      const bytes = one.rawData!;
      const entries = { location: 'data/net.bin', offset: String(offset), length: String(bytes.length) };
      one.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
      one.dataLocation = 1;
      delete one.rawData;
      parts.push(bytes);
      offset += bytes.length;
    }
    const content = encoded(model);
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'net.bin'), Buffer.concat(parts));
    await writeFile(join(folder, 'net.onnx'), content);
    const state = await readWeights(join(folder, 'net.onnx'));
    expect(state).toEqual(withoutCounters(await readWeights(fixture('net.safetensors'))));
    await expectOnnxRefusal(
      content,
      /^x\.onnx: tensor '[\w.]+' lies in another file \('data\/net\.bin'\)\. Pass the path or URL of the model\.$/,
    );
    await writeFile(join(folder, 'data', 'net.bin'), Buffer.concat(parts).subarray(0, 100));
    await expect(readWeights(join(folder, 'net.onnx'))).rejects.toThrow(/net\.bin: tensor .* but the file ends at 100/);
  });
});
