/** What a program means does not depend on how it is planned: fused or not, replayed or not, with or without old bytes around. */
import { beforeAll, describe, expect, test } from 'vitest';
import { DisposedError } from '../../src/core/errors.ts';
import { currentDevice } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/run.ts';
import { init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { chains } from '../ops/cases/chains.ts';
import { fill, seedOf } from '../ops/inputs.ts';
import type { Row } from '../ops/row.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { newTraining } from './small-net.ts';

async function unfused<T>(fn: () => Promise<T>): Promise<T> {
  graphOptions.fusion = false;
  try {
    return await fn();
  } finally {
    graphOptions.fusion = true;
  }
}

/** Output and gradients of a row, one after another. */
async function results(row: Row): Promise<Float32Array[]> {
  const inputs = row.inputs.map((spec, i) =>
    tensor(fill(spec, seedOf(row.name) + i), spec.shape, { requires_grad: true }),
  );
  const y = row.run(...inputs);
  y.backward(tensor(fill({ shape: y.shape, kind: 'uniform' }, 7), y.shape));
  const out: Float32Array[] = [];
  for (const t of [y, ...inputs.map((x) => x.grad!)]) out.push((await t.data()) as Float32Array);
  return out;
}

/** Losses of a few steps, then every parameter and running statistic. */
async function trained(steps: number): Promise<Float32Array[]> {
  const { model, train } = newTraining();
  const losses = [];
  for (let k = 0; k < steps; k++) losses.push(await step(() => train(k)).item());
  const out = [Float32Array.from(losses)];
  for (const t of [...model.parameters(), ...model.buffers()]) out.push((await t.data()) as Float32Array);
  return out;
}

const bits = (arrays: readonly Float32Array[]) =>
  arrays.map((a) => [...new Uint32Array(a.buffer, a.byteOffset, a.length)]);

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

  test('trains the same in a plain loop as inside step()', async () => {
    const { model, train } = newTraining();
    for (let k = 0; k < 3; k++) await train(k).item();
    const inside = await trained(3);
    for (const [k, t] of model.parameters().entries())
      expectClose(`parameter ${k}`, (await t.data()) as Float32Array, inside[k + 1]!, tolerances.training);
  });

  test('trains the same when nothing is read until the end', async () => {
    const { model, train } = newTraining();
    for (let k = 0; k < 3; k++) train(k);
    const inside = await trained(3);
    for (const [k, t] of model.parameters().entries())
      expectClose(`parameter ${k}`, (await t.data()) as Float32Array, inside[k + 1]!, tolerances.training);
  });
});

describe('a value', () => {
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
