/** ONNX files of models with several inputs and outputs, int32 and int64 among them, computed by ONNX Runtime. */
import { beforeAll, describe, expect, test } from 'vitest';
import { cat, init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { type ExportOnnxOptions, onnxBytes } from '../../src/io/index.ts';
import { type ModelProto, messageType } from '../../src/io/onnx/schema.ts';
import { type AnyModule, Conv2d, Identity, Linear, Module } from '../../src/nn/index.ts';
import { INPUTS, TwoInputs } from '../nn/two-inputs.ts';
import { NEEDS_ONNX_RUNTIME, onnxRuntime } from './onnx-runtime.ts';

beforeAll(async () => {
  await init();
});

// biome-ignore lint/suspicious/noExplicitAny: as a caller without a compiler gives it
const js = (value: unknown): any => value;

const ids = Int32Array.of(0, 1, 1, 5, 2, 2, 2, 2, 4, 3, 0, 0);
const values = Float32Array.from({ length: 9 }, (_, i) => Math.sin(i));
const batch = () => ({ ids: tensor(ids, [3, 4]), values: tensor(values, [3, 3]) });

/** Every op that keeps int32 or makes floats of it; a record of both. */
class Integers extends Module<[Tensor, Tensor], Record<'moved' | 'sums' | 'largest' | 'same' | 'given', Tensor>> {
  forward(a: Tensor, b: Tensor) {
    const moved = cat([a.slice(1, 0, 2), b.pad([1, 0], 7)], 1)
      .flatten(1)
      .unsqueeze(1);
    const sums = cat([a.add(1), a.mul(b), a.maximum(2), a.gt(b).where(a, b), a.sum(1, { keepdim: true })], 1);
    const same = b.to('int32');
    return { moved, sums, largest: a.argmax(1), same, given: a };
  }
}

async function ports(model: AnyModule, options: ExportOnnxOptions): Promise<Record<'input' | 'output', string[]>> {
  const proto = messageType('ModelProto').decode(await onnxBytes(model, options)) as unknown as ModelProto;
  const text = (port: unknown) => {
    const { name, type } = port as {
      name: string;
      type: { tensorType: { elemType: number; shape: { dim: { dimValue: number; dimParam: string }[] } } };
    };
    const { elemType, shape } = type.tensorType;
    return `${name} ${elemType} [${shape.dim.map((d) => d.dimParam || Number(d.dimValue)).join(', ')}]`;
  };
  return { input: proto.graph!.input.map(text), output: proto.graph!.output.map(text) };
}

describe('names, types and shapes of the file', () => {
  test('a record’s keys are the names, on both sides', async () => {
    expect(await ports(new TwoInputs(), { inputs: INPUTS })).toEqual({
      input: ['ids 6 [batch, 4]', 'values 1 [batch, 3]'],
      output: ['logits 1 [batch, 3]', 'size 1 [batch, 1]'],
    });
  });

  test('names of one’s own, and int64, which most tokenizers give', async () => {
    const inputs = { ids: { ...INPUTS.ids, dtype: 'int64', name: 'input_ids' }, values: INPUTS.values } as const;
    expect((await ports(new TwoInputs(), { inputs })).input).toEqual(['input_ids 7 [batch, 4]', 'values 1 [batch, 3]']);
  });

  test('inputs in a list are numbered, an only one is not', async () => {
    const line = new Linear(3, 2);
    expect(await ports(line, { inputs: [{ shape: [1, 3] }], outputName: 'y' })).toEqual({
      input: ['input 1 [batch, 3]'],
      output: ['y 1 [batch, 2]'],
    });
    const two = { shape: [1, 3], dtype: 'int32' } as const;
    expect(await ports(new Integers(), { inputs: [two, { ...two, name: 'second' }] })).toEqual({
      input: ['input_1 6 [batch, 3]', 'second 6 [batch, 3]'],
      output: [
        'moved 6 [batch, 1, 6]',
        'sums 1 [batch, 13]',
        'largest 6 [batch]',
        'same 6 [batch, 3]',
        'given 6 [batch, 3]',
      ],
    });
  });

  test('a convolution that is an output besides is not folded', async () => {
    class Both extends Module<[Tensor], Record<'maps' | 'mean', Tensor>> {
      conv = new Conv2d(3, 2, 1);
      forward(x: Tensor) {
        const maps = this.conv.forward(x);
        return { maps, mean: maps.mean([2, 3]) };
      }
    }
    expect((await ports(new Both(), { inputShape: [1, 3, 2, 2], foldBatchNorm: true })).output).toEqual([
      'maps 1 [batch, 2, 2, 2]',
      'mean 1 [batch, 2]',
    ]);
  });
});

describe('refused in one line', () => {
  class Gives extends Module<[Tensor], unknown> {
    readonly #output: unknown;
    constructor(output: unknown) {
      super();
      this.#output = output;
    }
    forward(): unknown {
      return this.#output;
    }
  }
  const shape = { inputShape: [1, 2] };
  const gives = (got: string) =>
    `exportOnnx: expected Gives.forward to give a tensor or a record of tensors, got ${got}. Leave out of the record what is no tensor.`;
  test.each<[string, AnyModule, object, string]>([
    [
      'no input',
      new Identity(),
      {},
      'exportOnnx: expected inputShape or inputs, got neither. Write { inputShape: [1, 3, 224, 224] }.',
    ],
    [
      'two descriptions',
      new Identity(),
      { ...shape, inputs: [] },
      'exportOnnx: expected inputShape or inputs, got both. Leave inputShape out.',
    ],
    [
      'a type of no input',
      new Identity(),
      { inputs: { x: { shape: [1], dtype: 'float16' } } },
      "exportOnnx: expected inputs.x.dtype as one of float32, int32, int64, got 'float16'.",
    ],
    [
      'inputName beside inputs',
      new Identity(),
      { inputs: [{ shape: [1] }], inputName: 'x' },
      "exportOnnx: expected inputName beside inputShape only, got 'x' beside inputs. Write it as a name in inputs.",
    ],
    [
      'outputName of a record',
      new TwoInputs(),
      { inputs: INPUTS, outputName: 'y' },
      "exportOnnx: expected no outputName for a record of outputs, which have the names of their keys, got 'y'. Leave it out.",
    ],
    ['no output', new Gives(null), shape, gives('null')],
    ['an empty record', new Gives({}), shape, gives('an object of type Object')],
    ['a record of numbers', new Gives({ loss: 3 }), shape, gives("3 as 'loss'")],
  ])('%s', async (_, model, options, message) => {
    await expect(onnxBytes(model, js(options))).rejects.toThrow(message);
  });
});

describe.skipIf(!onnxRuntime)(`what ONNX Runtime computes (${NEEDS_ONNX_RUNTIME})`, () => {
  type Feed = readonly ['float32' | 'int32' | 'int64', ArrayLike<number | bigint>, readonly number[]];
  async function run(bytes: Uint8Array, feeds: Record<string, Feed>) {
    const { InferenceSession, Tensor: RuntimeTensor } = onnxRuntime!;
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const made = Object.entries(feeds).map(([name, feed]) => [name, new RuntimeTensor(...feed)]);
    return session.run(Object.fromEntries(made));
  }
  async function expectEqual(ours: Readonly<Record<string, Tensor>>, theirs: Awaited<ReturnType<typeof run>>) {
    expect(Object.keys(theirs)).toEqual(Object.keys(ours));
    for (const [name, output] of Object.entries(ours)) {
      expect(theirs[name]!.dims).toEqual(output.shape);
      const expected = await output.data();
      for (const [i, value] of expected.entries()) expect(Math.abs(value - theirs[name]!.data[i]!)).toBeLessThan(1e-5);
    }
  }

  test.each(['int32', 'int64'] as const)('records in and out, numbers as %s', async (dtype) => {
    const model = new TwoInputs();
    const bytes = await onnxBytes(model, { inputs: { ...INPUTS, ids: { ...INPUTS.ids, dtype } } });
    const fed = dtype === 'int64' ? BigInt64Array.from(ids, BigInt) : ids;
    const theirs = await run(bytes, { ids: [dtype, fed, [3, 4]], values: ['float32', values, [3, 3]] });
    await expectEqual({ ...noGrad(() => model.forward(batch())) }, theirs);
  });

  test('int32 that is moved stays so, int32 that is computed with becomes a float', async () => {
    const model = new Integers();
    const [a, b] = [ids.slice(0, 6), ids.slice(6)];
    const int32 = { shape: [1, 3], dtype: 'int32' } as const;
    const bytes = await onnxBytes(model, { inputs: [int32, int32] });
    const theirs = await run(bytes, { input_1: ['int32', a, [2, 3]], input_2: ['int32', b, [2, 3]] });
    await expectEqual({ ...noGrad(() => model.forward(tensor(a, [2, 3]), tensor(b, [2, 3]))) }, theirs);
  });
});
