/** ONNX graphs as models: outputs, names, freezing, new heads, training, exports; and what is refused. */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { ArgumentError, init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { onnxBytes } from '../../src/io/index.ts';
import { runOnnx } from '../../src/io/onnx/run.ts';
import { graftHead, onnx } from '../../src/models/index.ts';
import { BatchNorm2d, Conv2d, crossEntropy, Linear } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { encoded, fixture, floats, modelOf, node, recordedNet } from '../io/onnx-build.ts';
import { expectClose, tolerances } from '../tolerances.ts';

beforeAll(async () => {
  await init();
});

async function net(name: string) {
  const notes: string[] = [];
  const model = (await onnx.loadModel(fixture(`net-${name}.onnx`), { onNote: (note) => notes.push(note) })).eval();
  const { input, output } = await recordedNet();
  const side = Math.sqrt(input.length / 6);
  const x = () => tensor(input.slice(), [2, 3, side, side]);
  return { model, notes, x, output };
}

/** Whole numbers, as shapes and axes are. */
const longs = (name: string, values: number[], dims = [values.length]) => ({
  name,
  dims,
  dataType: 7,
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

const bytesOf = (name: string, values: number[], dims: number[], dataType = 3) => ({
  name,
  dims,
  dataType,
  rawData: Uint8Array.from(values, (v) => v & 255),
});

const input = (name: string, ...dims: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType: 1,
      shape: { dim: dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) },
    },
  },
});

const ints = (name: string, values: number[]) => ({ name, type: 7, ints: values });

/** A network of these nodes from `x` to `y`. */
const graphOf = (nodes: object[], initializer: object[], x = input('x', 'batch', 3)) =>
  modelOf({ node: nodes, initializer, input: [x], output: [{ name: 'y' }] });

async function valuesOf(model: { forward(x: Tensor): Tensor }, x: Tensor): Promise<number[]> {
  return Array.from(await noGrad(() => model.forward(x)).data());
}

describe.each(['kept', 'folded'])('the exported net, batch norms %s', (name) => {
  test('gives what PyTorch gave, and is exported again', async () => {
    const { model, x, output } = await net(name);
    const y = noGrad(() => model.forward(x()));
    expectClose(name, await y.data(), output, tolerances.composed);
    const again = await onnxBytes(model, { inputShape: x().shape });
    expectClose(`${name} again`, await (await runOnnx(again, [x()])).data(), output, tolerances.composed);
  });
});

describe('the exported net', () => {
  test('whose equal tensors are written once has them apart again', async () => {
    const { model, x } = await net('shared');
    const plain = await runOnnx(fixture('net-shared.onnx'), [x()]);
    expectClose('shared', await noGrad(() => model.forward(x())).data(), await plain.data(), tolerances.composed);
    expect(model.getSubmodule('layer1.0.bn2')).toBeInstanceOf(BatchNorm2d);
    const names = [...model.namedParameters(), ...model.namedBuffers()].map(([path]) => path);
    expect(names).toContain('layer1.0.bn2.running_var');
  });

  test('has the names and layers of the file', async () => {
    const { model } = await net('kept');
    expect(model.getSubmodule('layer1.0.conv1')).toBeInstanceOf(Conv2d);
    expect(model.getSubmodule('layer1.0.bn1')).toBeInstanceOf(BatchNorm2d);
    expect(String(model.getSubmodule('bn1'))).toBe(
      'BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)',
    );
    expect(model.namedParameters().map(([path]) => path)).toContain('layer1.0.downsample.1.weight');
    expect(model.namedBuffers().map(([path]) => path)).toContain('bn1.running_mean');
    expect(model.graph).toMatchObject({ head: 'fc', outputs: ['output'] });
    expect(model.graph.stages).toEqual(['conv1', 'fc']);
    expect(model.graph.inputs[0]!.name).toBe('input');
  });

  test('freezes by name, by place in the graph, and takes a new head', async () => {
    const { model, x } = await net('kept');
    model.freeze('layer1');
    expect(model.namedParameters().filter(([, p]) => !p.requires_grad)).toHaveLength(9);
    model.freezeUntil('layer1.0.conv2');
    const frozen = model.namedParameters().filter(([, p]) => !p.requires_grad);
    expect(frozen.map(([path]) => path)).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'layer1.0.conv1.weight',
      'layer1.0.bn1.weight',
      'layer1.0.bn1.bias',
    ]);
    expect(() => model.freezeUntil('layer9')).toThrow(ArgumentError);
    const head = graftHead(model, model.graph.head, 7);
    expect(head).toBeInstanceOf(Linear);
    expect(noGrad(() => model.forward(x())).shape).toEqual([2, 7]);
    model.freezeUntil('fc');
    expect(
      model
        .namedParameters()
        .filter(([, p]) => p.requires_grad)
        .map(([path]) => path),
    ).toEqual(['fc.weight', 'fc.bias']);
  });

  test('trains: the loss falls, statistics move unless they are frozen', async () => {
    const { model, x } = await net('kept');
    model.freeze('bn1').train();
    const before = await model.stateDict();
    const optimizer = new SGD(model.parameters(), { lr: 0.05 });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const loss = await step(() => {
        const value = crossEntropy(model.forward(x()), tensor(Int32Array.of(1, 3)));
        value.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return value;
      });
      losses.push(await loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.01);
    const after = await model.stateDict();
    expect(after.get('bn1.running_mean')).toEqual(before.get('bn1.running_mean'));
    expect(after.get('layer1.0.bn1.running_mean')).not.toEqual(before.get('layer1.0.bn1.running_mean'));
  });

  test('of folded batch norms, layers without names of their own are at the paths of their modules', async () => {
    const { model, x } = await net('folded');
    const conv = model.getSubmodule('layer1.0.conv1') as Conv2d;
    expect(conv).toBeInstanceOf(Conv2d);
    const shown = model.namedParameters().find(([, p]) => p === conv.weight)!;
    expect(shown[0]).toMatch(/^(onnx::|\d)/);
    let calls = 0;
    const stop = conv.onForward(() => calls++);
    noGrad(() => model.forward(x()));
    stop();
    expect(calls).toBe(1);
    const count = model.parameters().length;
    graftHead(model, 'layer1.0.conv2', 8);
    expect(model.parameters()).toHaveLength(count);
    expect(model.parameters()).not.toContain(shown[1] === conv.weight ? undefined : shown[1]);
    expect(model.namedParameters().map(([path]) => path)).toContain('layer1.0.conv2.weight');
    expect(noGrad(() => model.forward(x())).shape).toEqual([2, 5]);
  });

  test('takes its inputs in a record by their names, and says which are missing', async () => {
    const model = (await onnx.loadModel<[{ input: Tensor }]>(fixture('net-kept.onnx'))).eval();
    const { input: data, output } = await recordedNet();
    const side = Math.sqrt(data.length / 6);
    const y = noGrad(() => model.forward({ input: tensor(data, [2, 3, side, side]) }));
    expectClose('record', await y.data(), output, tolerances.composed);
    expect(() => model.forward({} as { input: Tensor })).toThrow("expected a tensor for each of 'input'");
  });
});

describe('graphs', () => {
  test('shapes that follow from the input are computed on the host', async () => {
    const bytes = graphOf(
      [
        node('Shape', ['x'], ['shape']),
        { ...node('Gather', ['shape', 'zero'], ['n']), attribute: [{ name: 'axis', type: 2, i: 0 }] },
        node('Unsqueeze', ['n', 'axis'], ['n1']),
        { ...node('Concat', ['n1', 'rest'], ['to']), attribute: [{ name: 'axis', type: 2, i: 0 }] },
        node('Reshape', ['x', 'to'], ['wide']),
        { ...node('Transpose', ['wide'], ['turned']), attribute: [ints('perm', [0, 2, 1])] },
        node('Flatten', ['turned'], ['y']),
      ],
      [longs('zero', [0], []), longs('axis', [0]), longs('rest', [2, 3])],
      input('x', 'batch', 6),
    );
    const model = await onnx.loadModel(bytes);
    const x = Float32Array.from({ length: 12 }, (_, i) => i);
    expect(await valuesOf(model, tensor(x, [2, 6]))).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    // The export has no Shape: what followed from it is in the reshapes' sizes.
    const again = await onnxBytes(model, { inputShape: [1, 6] });
    expect(Array.from(await (await runOnnx(again, [tensor(x, [2, 6])])).data())).toEqual([
      0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11,
    ]);
  });

  test('a batch that the file fixes gives way to that of now, with a note', async () => {
    const notes: string[] = [];
    const bytes = graphOf([node('Reshape', ['x', 'to'], ['y'])], [longs('to', [1, -1])], input('x', 1, 2, 2));
    const model = await onnx.loadModel(bytes, { onNote: (note) => notes.push(note) });
    expect(noGrad(() => model.forward(tensor(new Float32Array(12), [3, 2, 2]))).shape).toEqual([3, 4]);
    expect(notes).toEqual(['The file is made for batches of 1: its shapes follow the batch that it is given.']);
  });

  test('a product and the bias behind it are one layer; weights turned in the graph keep their names', async () => {
    const bytes = graphOf(
      [
        { ...node('Transpose', ['fc.weight'], ['turned']), attribute: [ints('perm', [1, 0])] },
        node('MatMul', ['x', 'turned'], ['product']),
        node('Add', ['fc.bias', 'product'], ['sum']),
        { ...node('Softmax', ['sum'], ['y']), attribute: [{ name: 'axis', type: 2, i: -1 }] },
      ],
      [floats('fc.weight', [2, 3], [1, 2, 3, 4, 5, 6]), floats('fc.bias', [2], [1, -1])],
    );
    const model = await onnx.loadModel(bytes);
    expect(model.namedParameters().map(([path, p]) => [path, p.shape])).toEqual([
      ['fc.weight', [2, 3]],
      ['fc.bias', [2]],
    ]);
    model.fromLogits = true;
    expect(await valuesOf(model, tensor([[1, 1, 1]]))).toEqual([7, 14]);
    graftHead(model, model.graph.head, 4);
    expect(noGrad(() => model.forward(tensor([[1, 1, 1]]))).shape).toEqual([1, 4]);
  });

  test('what follows a new head has its outputs', async () => {
    const bytes = graphOf(
      [node('MatMul', ['x', 'fc.weight'], ['product']), node('Reshape', ['product', 'to'], ['y'])],
      [floats('fc.weight', [3, 2]), longs('to', [1, 2, 1, 1])],
      input('x', 1, 3),
    );
    const model = await onnx.loadModel(bytes);
    graftHead(model, model.graph.head, 4);
    expect(noGrad(() => model.forward(tensor(new Float32Array(6), [2, 3]))).shape).toEqual([2, 4, 1, 1]);
  });

  test('names with a tensor in the way, and names that modules have anyhow', async () => {
    const bytes = graphOf(
      [node('Mul', ['x', 'a'], ['1']), node('Mul', ['1', 'a.b'], ['2']), node('Mul', ['2', 'training'], ['y'])],
      [floats('a', [3], [1, 2, 3]), floats('a.b', [3], [2, 2, 2]), floats('training', [3], [1, 1, 2])],
    );
    const model = await onnx.loadModel(bytes);
    expect(model.namedParameters().map(([path]) => path)).toEqual(['a', 'a.b', 'training_']);
    expect(await valuesOf(model, tensor([[1, 1, 1]]))).toEqual([2, 4, 12]);
  });

  test('float16 weights are read as float32, with a note', async () => {
    const notes: string[] = [];
    const half = {
      name: 'w',
      dims: [3],
      dataType: 10,
      rawData: new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0xc000).buffer),
    };
    const bytes = graphOf([node('Mul', ['x', 'w'], ['y'])], [half]);
    const model = await onnx.loadModel(bytes, { onNote: (note) => notes.push(note) });
    expect(await valuesOf(model, tensor([[1, 2, 3]]))).toEqual([1, 4, -6]);
    expect(notes).toEqual(['1 tensor of 16 bits: read, and computed with, as float32.']);
  });

  test('weights that are quantised are read as the floats that they stand for', async () => {
    const notes: string[] = [];
    const bytes = graphOf(
      [
        node('QuantizeLinear', ['x', 'scale', 'zero'], ['xq']),
        node('DequantizeLinear', ['xq', 'scale', 'zero'], ['xf']),
        node('DequantizeLinear', ['w_quantized', 'scale', 'zero'], ['wf']),
        node('DequantizeLinear', ['b_quantized', 'scale'], ['bf']),
        node('QuantizeLinear', ['one', 'scale', 'zero'], ['oneq']),
        node('DequantizeLinear', ['oneq', 'scale', 'zero'], ['onef']),
        node('MatMul', ['xf', 'wf'], ['product']),
        node('Add', ['product', 'bf'], ['sum']),
        node('Add', ['sum', 'onef'], ['y']),
      ],
      [
        floats('scale', [], [0.5]),
        bytesOf('zero', [0], []),
        bytesOf('w_quantized', [2, -2, 4, 4, 0, 6], [3, 2]),
        bytesOf('b_quantized', [2, -4], [2]),
        floats('one', [], [1.2]),
      ],
    );
    const model = await onnx.loadModel(bytes, { onNote: (note) => notes.push(note) });
    expect(model.namedParameters().map(([path]) => path)).toEqual(['w', 'b']);
    // 100 is beyond 127 * 0.5, and 1.2 is rounded to 1.
    expect(await valuesOf(model, tensor([[1, 1, 100]]))).toEqual([5, 190.5]);
    expect(notes[0]).toContain('quantised integers: read as the floats that they stand for');
  });

  test('dynamically quantised products are those of the floats', async () => {
    const bytes = graphOf(
      [
        node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
        node('MatMulInteger', ['xq', 'w_quantized', 'xz', 'wz'], ['sum']),
        { ...node('Cast', ['sum'], ['float']), attribute: [{ name: 'to', type: 2, i: 1 }] },
        node('Mul', ['xs', 'ws'], ['scale']),
        node('Mul', ['float', 'scale'], ['y']),
      ],
      [bytesOf('w_quantized', [3, 0, 5, 4, 1, 7], [3, 2], 2), bytesOf('wz', [1], [], 2), floats('ws', [], [0.5])],
    );
    const model = await onnx.loadModel(bytes);
    expect(model.namedParameters().map(([path]) => path)).toEqual(['w']);
    expect(await valuesOf(model, tensor([[1, 2, 0.5]]))).toEqual([5, 4]);
    graftHead(model, model.graph.head, 3);
    expect(noGrad(() => model.forward(tensor([[1, 2, 0.5]]))).shape).toEqual([1, 3]);
  });

  test('several outputs are a record by their names', async () => {
    const bytes = modelOf({
      node: [node('Relu', ['x'], ['a']), node('Neg', ['x'], ['b'])],
      initializer: [],
      input: [input('x', 'batch', 2)],
      output: [{ name: 'a' }, { name: 'b' }],
    });
    const model = await onnx.loadModel<Tensor[], { a: Tensor; b: Tensor }>(bytes);
    const { a, b } = noGrad(() => model.forward(tensor([[-1, 2]])));
    expect([Array.from(await a.data()), Array.from(await b.data())]).toEqual([
      [0, 2],
      [1, -2],
    ]);
  });

  test('an error of a node has its name', async () => {
    const model = await onnx.loadModel(graphOf([node('MatMul', ['x', 'w'], ['y'], 'product')], [floats('w', [2, 2])]));
    expect(() => model.forward(tensor([[1, 2, 3]]))).toThrow(/MatMul|product/);
  });
});

describe('refused', () => {
  test('operators that are missing, all at once and with their nodes', async () => {
    const bytes = graphOf(
      [node('Relu', ['x'], ['a']), node('NonZero', ['a'], ['b'], 'find'), node('Loop', ['b'], ['y'])],
      [],
    );
    const loading = onnx.loadModel(new File([bytes], 'x.onnx'));
    await expect(loading).rejects.toThrow(WeightFileError);
    await expect(loading).rejects.toThrow(
      "x.onnx: has 2 nodes whose operators are not computed here: NonZero (node 'find'), Loop (node 'y').",
    );
  });

  test('what no output depends on is not asked for', async () => {
    const bytes = graphOf([node('NonZero', ['x'], ['b']), node('Relu', ['x'], ['y'])], []);
    expect(await valuesOf(await onnx.loadModel(bytes), tensor([[1, -1, 0]]))).toEqual([1, 0, 0]);
  });

  test('operators older than opset 7', async () => {
    const graph = {
      node: [node('Relu', ['x'], ['y'])],
      initializer: [],
      input: [input('x', 1)],
      output: [{ name: 'y' }],
    };
    const bytes = encoded({ irVersion: 3, opsetImport: [{ domain: '', version: 6 }], graph });
    await expect(onnx.loadModel(new File([bytes], 'x.onnx'))).rejects.toThrow(
      'x.onnx: is of opset 6: expected 7 or newer.',
    );
  });

  test('a constant that would be larger than any that is computed', async () => {
    const bytes = graphOf(
      [node('ConstantOfShape', ['to'], ['c']), node('Add', ['x', 'c'], ['y'])],
      [longs('to', [100000, 100000])],
    );
    await expect(onnx.loadModel(bytes)).rejects.toThrow('expected at most 134,217,728 numbers outside of the device');
  });

  test('another kind of file', async () => {
    await expect(onnx.loadModel(await readFile(fixture('arrays.safetensors')))).rejects.toThrow(WeightFileError);
  });
});
