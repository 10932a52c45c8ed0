/** Models of several inputs and outputs: how they are called, hooked, printed and summarised. */
import { beforeAll, describe, expect, test } from 'vitest';
import { explain, init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { Linear, Module } from '../../src/nn/index.ts';
import { INPUTS, TwoInputs } from './two-inputs.ts';

beforeAll(async () => {
  await init();
});

// biome-ignore lint/suspicious/noExplicitAny: as a caller without a compiler gives it
const js = (value: unknown): any => value;

const batch = () => ({
  ids: tensor(Int32Array.of(0, 1, 1, 5, 2, 2, 2, 2), [2, 4]),
  values: tensor([
    [0.5, -1, 2],
    [1, 0, 0.25],
  ]),
});

/** Takes two tensors one after another. */
class Pair extends Module<[Tensor, Tensor]> {
  line = new Linear(3, 2);
  forward(values: Tensor, row: Tensor): Tensor {
    return this.line.forward(values).mul(row);
  }
}

describe('records in, records out', () => {
  test('every tensor of the output can be read, with and without noGrad', async () => {
    const model = new TwoInputs();
    const plain = model.forward(batch());
    const { logits, size } = noGrad(() => model.forward(batch()));
    expect([logits.shape, size.shape]).toEqual([
      [2, 3],
      [2, 1],
    ]);
    expect(await logits.data()).toEqual(await plain.logits.data());
    expect(await size.data()).toEqual(await plain.size.data());
  });

  test('a hook sees both records, and what it keeps can be read after the run', async () => {
    const model = new TwoInputs();
    const seen: Tensor[] = [];
    const remove = model.onForward((outputs, [inputs]) => {
      seen.push(outputs.logits, outputs.size, inputs.ids, inputs.values);
    });
    const expected = step(() => {
      const { logits, size } = model.forward(batch());
      return [logits.mul(1), size.mul(1)];
    });
    remove();
    model.forward(batch());
    expect(seen.length).toBe(4);
    expect(await seen[0]!.data()).toEqual(await expected[0]!.data());
    expect(await seen[1]!.data()).toEqual(await expected[1]!.data());
    expect(seen[2]!.dtype).toBe('int32');
    expect(await seen[2]!.data<Int32Array>()).toEqual(Int32Array.of(0, 1, 1, 5, 2, 2, 2, 2));
  });

  test('explain plans a record of outputs', () => {
    const model = new TwoInputs();
    const both = explain(() => noGrad(() => model.forward(batch())));
    const one = explain(() => noGrad(() => model.forward(batch()).size));
    expect(both.kernels.length).toBeGreaterThan(one.kernels.length);
  });

  test('backward from both outputs reaches every parameter', () => {
    const model = new TwoInputs();
    step(() => {
      const { logits, size } = model.forward(batch());
      logits.sum().add(size.sum()).backward();
    });
    expect(model.parameters().every((p) => p.grad !== null)).toBe(true);
  });

  test('prints as PyTorch does, whatever goes in', () => {
    expect(String(new TwoInputs())).toBe(
      [
        'TwoInputs(',
        '  (words): Linear(in_features=6, out_features=8, bias=True)',
        '  (body): Linear(in_features=11, out_features=8, bias=True)',
        '  (logits): Linear(in_features=8, out_features=3, bias=True)',
        '  (size): Linear(in_features=8, out_features=1, bias=True)',
        ')',
      ].join('\n'),
    );
  });

  test('numbers in place of a tensor are told', () => {
    const model = new TwoInputs();
    expect(() => model.forward({ ...batch(), ids: js(Int32Array.of(1)) })).toThrow(
      'TwoInputs.forward: expected a tensor, got an object of type Int32Array. Write tensor(…).',
    );
  });
});

describe('summary', () => {
  const table = (text: string) => text.split('\n').slice(2, -4);

  test('of records: outputs by name', () => {
    expect(table(new TwoInputs().summary({ inputs: INPUTS }))).toEqual([
      '        TwoInputs  logits [1, 3], size [1, 1]         188  trainable',
      'words   Linear     [1, 8]                              56  trainable',
      'body    Linear     [1, 8]                              96  trainable',
      'logits  Linear     [1, 3]                              27  trainable',
      'size    Linear     [1, 1]                               9  trainable',
    ]);
  });

  test('of inputs one after another, in a list', () => {
    expect(table(new Pair().summary({ inputs: [{ shape: [4, 3] }, { shape: [1, 2], dtype: 'int32' }] }))).toEqual([
      '       Pair    [4, 2]           8  trainable',
      'line   Linear  [4, 2]           8  trainable',
    ]);
  });

  test('of a module whose output is neither a tensor nor a record', () => {
    class Silent extends Module<[Tensor], null> {
      forward(): null {
        return null;
      }
    }
    expect(table(new Silent().summary({ inputShape: [1] }))).toEqual(['       Silent']);
  });

  test.each([
    [{ inputShape: [1], inputs: [] }, 'summary: expected inputShape or inputs, got both. Leave inputShape out.'],
    [
      { inputShape: [1, 0] },
      'summary: expected inputShape as positive sizes, got [1, 0]. Write [1, 3, 224, 224], say.',
    ],
    [
      { inputs: { ids: { dtype: 'int32' } } },
      'summary: expected inputs.ids.shape as positive sizes, got undefined. Write [1, 3, 224, 224], say.',
    ],
    [
      { inputs: [{ shape: [1], dtype: 'int64' }] },
      "summary: expected inputs[0].dtype as one of float32, float16, int32, got 'int64'.",
    ],
  ])('%j is refused', (options, message) => {
    expect(() => new Pair().summary(js(options))).toThrow(message);
  });
});
