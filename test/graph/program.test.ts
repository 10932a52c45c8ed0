/** What a program means does not depend on how it is planned: fused or not, replayed or not, with or without old bytes around. */
import { beforeAll, describe, expect, test } from 'vitest';
import { DisposedError } from '../../src/core/errors.ts';
import { currentDevice } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { chains } from '../ops/cases/chains.ts';
import { fill, seedOf } from '../ops/inputs.ts';
import type { Row } from '../ops/row.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { newTraining } from './small-net.ts';

type Values = Float32Array<ArrayBuffer>;

async function without<T>(option: keyof typeof graphOptions, fn: () => Promise<T>): Promise<T> {
  graphOptions[option] = false;
  try {
    return await fn();
  } finally {
    graphOptions[option] = true;
  }
}

const unfused = <T>(fn: () => Promise<T>): Promise<T> => without('fusion', fn);

/** Output and gradients of a row, one after another. */
async function results(row: Row): Promise<Values[]> {
  const inputs = row.inputs.map((spec, i) => {
    const values = fill(spec, seedOf(row.name) + i);
    return tensor(values, spec.shape, { requires_grad: !(values instanceof Int32Array) });
  });
  const y = row.run(...inputs);
  y.backward(tensor(fill({ shape: y.shape, kind: 'uniform' }, 7), y.shape));
  const out: Values[] = [];
  for (const t of [y, ...inputs.flatMap((x) => x.grad ?? [])]) out.push(await t.data());
  return out;
}

/** Losses of a few steps, then every parameter and running statistic. */
async function trained(steps: number): Promise<Values[]> {
  const { model, train } = newTraining();
  const losses = [];
  for (let k = 0; k < steps; k++) losses.push(await step(() => train(k)).item());
  const out = [Float32Array.from(losses)];
  for (const t of [...model.parameters(), ...model.buffers()]) out.push(await t.data());
  return out;
}

const bits = (arrays: readonly Values[]) => arrays.map((a) => [...new Uint32Array(a.buffer, a.byteOffset, a.length)]);

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

describe('a program', () => {
  test('gives the same bits when it is run again', async () => {
    expect(bits(await trained(3))).toEqual(bits(await trained(3)));
  });

  test('gives the same bits when other programs ran in between', async () => {
    const row = chains.find((r) => r.op === 'softmax')!;
    const first = bits(await results(row));
    await trained(2);
    expect(bits(await results(row))).toEqual(first);
  });

  test.each(chains.map((row) => [`${row.op}: ${row.name}`, row] as const))(
    'is the same without fusion: %s',
    async (_, row) => {
      const [fused, plain] = [await results(row), await unfused(() => results(row))];
      for (const [k, want] of plain.entries()) expectClose(`result ${k}`, fused[k]!, want, tolerances.composed);
    },
  );

  test('trains the same without fusion', async () => {
    const [fused, plain] = [await trained(3), await unfused(() => trained(3))];
    for (const [k, want] of plain.entries()) expectClose(`result ${k}`, fused[k]!, want, tolerances.training);
  });

  test.each(chains.map((row) => [`${row.op}: ${row.name}`, row] as const))(
    'is the same with every operand in two parts: %s',
    async (_, row) => {
      const [whole, inParts] = [await results(row), await without('whole', () => results(row))];
      for (const [k, want] of whole.entries()) expectClose(`result ${k}`, inParts[k]!, want, tolerances.composed);
    },
  );

  test('trains the same with every operand in two parts', async () => {
    const [whole, inParts] = [await trained(3), await without('whole', () => trained(3))];
    for (const [k, want] of whole.entries()) expectClose(`result ${k}`, inParts[k]!, want, tolerances.training);
  });

  test('trains to the same bits wherever its kernels have their parameters', async () => {
    expect(bits(await trained(3))).toEqual(bits(await without('immediates', () => trained(3))));
  });

  test('trains the same in a plain loop as inside step()', async () => {
    const { model, train } = newTraining();
    for (let k = 0; k < 3; k++) await train(k).item();
    const inside = await trained(3);
    for (const [k, t] of model.parameters().entries())
      expectClose(`parameter ${k}`, await t.data(), inside[k + 1]!, tolerances.training);
  });

  test('trains the same when nothing is read until the end', async () => {
    const { model, train } = newTraining();
    for (let k = 0; k < 3; k++) train(k);
    const inside = await trained(3);
    for (const [k, t] of model.parameters().entries())
      expectClose(`parameter ${k}`, await t.data(), inside[k + 1]!, tolerances.training);
  });
});

describe('what is computed once from parameters', () => {
  test('is computed again after a training step', async () => {
    const { model, images, train } = newTraining();
    const predict = async (net: typeof model) => noGrad(() => net.eval().forward(images(9))).data();
    const first = await predict(model);
    expect(await predict(model)).toEqual(first);
    model.train();
    await step(() => train(0)).item();
    const second = await predict(model);
    expect(second).not.toEqual(first);
    const other = newTraining().model;
    await predict(other);
    other.loadStateDict(await model.stateDict());
    expect(bits([await predict(other)])).toEqual(bits([second]));
  });
});

describe('a value', () => {
  test('outlives the plan that computed it', async () => {
    const run = (n: number): Tensor => {
      const x = tensor(new Float32Array(n).fill(1), [n]);
      return noGrad(() => x.add(n));
    };
    const sizes = Array.from({ length: 80 }, (_, k) => k + 1);
    const kept = sizes.map(run);
    const again = sizes.map(run);
    for (const [k, t] of [...kept, ...again].entries()) expect((await t.data())[0]).toBe((k % 80) + 2);
  });

  test('that was computed before an update in place keeps the old parameter', async () => {
    const { model, train } = newTraining();
    const old = await model.fc.weight.data();
    const copy = model.fc.weight.mul(2);
    const scaled = copy.add(1);
    train(0);
    const after = model.fc.weight.mul(2);
    expect([...(await scaled.data())]).toEqual([...old].map((v) => Math.fround(2 * v + 1)));
    expect([...(await copy.data())]).toEqual([...old].map((v) => 2 * v));
    const now = await model.fc.weight.data();
    expect([...now]).not.toEqual([...old]);
    expect([...(await after.data())]).toEqual([...now].map((v) => 2 * v));
  });

  test('of an earlier run stays readable while the same program runs again', async () => {
    const run = (k: number): Tensor => {
      const x = tensor(new Float32Array(20_000).fill(k), [20_000]);
      return noGrad(() => x.mul(2).sum().add(x));
    };
    const kept = [1, 2, 3, 4].map(run);
    for (const [k, t] of kept.entries()) expect((await t.data())[19_999]).toBe((k + 1) * 40_001);
  });

  test('that step() does not return is freed with it', async () => {
    let hidden: Tensor | undefined;
    const shown = step(() => {
      hidden = tensor([[1, 2, 3]]).mul(2);
      return hidden.add(1);
    });
    expect([...(await shown.data())]).toEqual([3, 5, 7]);
    const freed = 'step(), noGrad() and backward() free what they do not return. Return it, or read it inside a hook.';
    await expect(hidden!.data()).rejects.toThrow(new DisposedError(`tensor [1, 3]: it was freed: ${freed}`));
    expect(() => hidden!.mul(shown)).toThrow(new DisposedError(`mul: an input was freed: ${freed}`));
  });
});
