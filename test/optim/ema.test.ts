/** Averages of weights against PyTorch's AveragedModel (scripts/record-optim-fixtures.py), and what freezing does to them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { init, step, type Tensor, tensor } from '../../src/index.ts';
import { Buffer, Module, Parameter } from '../../src/nn/index.ts';
import { EMA, SGD } from '../../src/optim/index.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { Residual } from '../train/nets.ts';

type Lists = readonly (readonly number[])[];
interface Fixture {
  readonly initial: Lists;
  readonly gradients: readonly Lists[];
  /** After some of the steps, the values by name. */
  readonly averages: Readonly<
    Record<'plain' | 'useBuffers', Readonly<Record<string, Readonly<Record<string, number[]>>>>>
  >;
}
const { initial, gradients, averages } = JSON.parse(
  readFileSync(new URL('../fixtures/optim.json', import.meta.url), 'utf8'),
) as Fixture;

class Held extends Module {
  first = new Parameter([2, 3], Float32Array.from(initial[0]!));
  second = new Parameter([5], Float32Array.from(initial[1]!));
  statistic = new Buffer([5], Float32Array.from(initial[1]!));
  forward(x: Tensor): Tensor {
    return x;
  }
}

beforeAll(async () => {
  await init();
});

const bits = async (t: Tensor): Promise<number[]> => [...new Uint32Array((await t.data()).buffer)];
const bitsOf = (model: Module): Promise<number[][]> => Promise.all(model.parameters().map(bits));

function train(model: Held, optimizer: SGD, ema: EMA, k: number): void {
  model.statistic.set(Float32Array.from(gradients[k]![1]!));
  step(() => {
    for (const [i, p] of model.parameters().entries())
      p.grad = p.requires_grad ? tensor(Float32Array.from(gradients[k]![i]!), p.shape) : null;
    optimizer.step();
    ema.update();
  });
}

const sgd = (model: Module) => new SGD(model.parameters(), { lr: 0.1 });

describe('EMA', () => {
  test.each([
    ['plain', { decay: 0.9 }],
    ['useBuffers', { decay: 0.75, useBuffers: true }],
  ] as const)('averages as PyTorch does: %s', async (name, options) => {
    const model = new Held();
    const optimizer = sgd(model);
    const ema = new EMA(model, options);
    for (let k = 0; k < 10; k++) {
      train(model, optimizer, ema, k);
      for (const [path, wanted] of Object.entries(averages[name][k + 1] ?? {})) {
        const found = await ema.applied(async () => (await model.stateDict()).get(path)!.data as Float32Array);
        expectClose(`${path} after ${k + 1} steps`, found, wanted, tolerances.rounded);
      }
    }
  });

  test('swapping puts the weights back to the last bit', async () => {
    const model = new Held();
    const ema = new EMA(model, { decay: 0.5 });
    const optimizer = sgd(model);
    for (let k = 0; k < 3; k++) train(model, optimizer, ema, k);
    const own = await bitsOf(model);
    const first = await ema.applied(() => bitsOf(model));
    expect(first).not.toEqual(own);
    expect(await bitsOf(model)).toEqual(own);
    expect(await ema.applied(() => bitsOf(model))).toEqual(first);
    await expect(
      ema.applied(() => {
        throw new Error('of the caller');
      }),
    ).rejects.toThrow('of the caller');
    expect(await bitsOf(model)).toEqual(own);
  });

  test('goes on from its state to the last bit', async () => {
    const options = { decay: 0.9, useBuffers: true, warmUp: true };
    const [model, other] = [new Held(), new Held()];
    const [ema, resumed] = [new EMA(model, options), new EMA(other, options)];
    const [optimizer, second] = [sgd(model), sgd(other)];
    for (let k = 0; k < 4; k++) train(model, optimizer, ema, k);
    const state = await ema.stateDict();
    expect([state.updates, ...state.state.keys()]).toEqual([4, 'first', 'second', 'statistic']);
    other.loadStateDict(await model.stateDict());
    resumed.loadStateDict(state);
    for (let k = 4; k < 8; k++) train(model, optimizer, ema, k);
    for (let k = 4; k < 8; k++) train(other, second, resumed, k);
    expect(await resumed.applied(() => bitsOf(other))).toEqual(await ema.applied(() => bitsOf(model)));
  });

  test('a warm-up begins with a tenth, and ends at the decay', async () => {
    const model = new Held();
    const ema = new EMA(model, { decay: 0.3, warmUp: true });
    let average = 0;
    for (const [n, share] of [0.1, 2 / 11, 0.25, 0.3, 0.3].entries()) {
      model.second.set(new Float32Array(5).fill(n + 1));
      ema.update();
      average = n === 0 ? 1 : share * average + (1 - share) * (n + 1);
      expect((await ema.applied(() => model.second.data()))[0]).toBeCloseTo(average, 5);
    }
  });

  test('what is frozen is not averaged: neither parameters nor statistics change by a bit, nor have they a place', async () => {
    const model = new Residual().freezeUntil('layer2');
    const ema = new EMA(model, { decay: 0.5, useBuffers: true });
    ema.update();
    const { state } = await ema.stateDict();
    expect([...state.keys()]).toEqual([
      'layer2.conv1.weight',
      'layer2.bn1.weight',
      'layer2.bn1.bias',
      'fc.weight',
      'fc.bias',
      'layer2.bn1.running_mean',
      'layer2.bn1.running_var',
    ]);
    const frozen = await bits(model.conv1.weight);
    model.freezeUntil('fc');
    ema.update();
    expect([...(await ema.stateDict()).state.keys()]).toEqual(['fc.weight', 'fc.bias']);
    expect(await ema.applied(() => bits(model.conv1.weight))).toEqual(frozen);
  });

  test('refuses what it cannot average', () => {
    const model = new Held();
    expect(() => new EMA(model, { decay: 1 })).toThrow('EMA: decay must be from 0 to below 1, got 1. 0.999 is usual.');
    expect(() => new EMA(model.parameters() as never)).toThrow(
      'EMA: expected model as a module, got [an object of type Parameter, an object of type Parameter]. Write new EMA(model, { decay: 0.999 }).',
    );
    const one = { shape: [1], dtype: 'float32', data: new Float32Array(1) } as const;
    const ema = new EMA(model);
    expect(() => ema.loadStateDict({ updates: 1, state: new Map([['third', one]]) })).toThrow(
      "EMA: the saved state has 'third', which the model does not train.",
    );
    expect(() => ema.loadStateDict({ updates: 1, state: new Map([['first', one]]) })).toThrow(
      'EMA: the saved average of first is [1], expected [2, 3].',
    );
  });
});
