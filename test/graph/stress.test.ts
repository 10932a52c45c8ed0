/** Random programs mean the same however they are planned, and what somebody holds stays as it is whatever runs after it. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { recordAssign } from '../../src/graph/record.ts';

import { cat, init, isGradEnabled, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { Linear, Parameter } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { fill } from '../ops/inputs.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { newTraining } from './small-net.ts';

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

/** One instruction: what to do, to which of the values made so far, and whether the result is read at the end. */
type Instruction = readonly [op: number, a: number, b: number, keep: boolean];

/** Every value is [4, 3] and stays within [-2, 2]. */
const OPS: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a, b) => a.add(b).mul(0.5),
  (a, b) => a.sub(b).tanh(),
  (a, b) => a.mul(b).mul(0.5),
  (a, b) => a.maximum(b),
  (a) => a.relu().sub(0.25),
  (a) => a.sigmoid(),
  (a, b) => a.sub(b.mean(1, { keepdim: true })).clamp(-2, 2),
  (a, b) => a.add(b.sum(0)).mul(0.2),
  (a, b) => b.max(0).sub(a).mul(0.5),
  (a, b) => a.matmul(b.transpose(0, 1)).matmul(a).tanh(),
  (a) => a.softmax(1),
  (a) => a.reshape([3, 4]).transpose(0, 1).sub(0.1),
  (a, b) => cat([a.slice(0, 0, 2), b.slice(0, 2, 4)]),
  (a, b) => a.gt(b).where(b, a),
  (a) => a.flatten().slice(0, 2, 5).add(a).mul(0.5),
];

const instruction: fc.Arbitrary<Instruction> = fc.tuple(fc.nat(OPS.length + 2), fc.nat(999), fc.nat(999), fc.boolean());
const programs = fc.array(instruction, { minLength: 4, maxLength: 14 });

/** Runs the instructions over two inputs and two slots; `after` sees each value as it is made. Gives what is kept. */
function execute(
  program: readonly Instruction[],
  inputs: readonly Tensor[],
  slots: readonly Parameter[],
  after: (t: Tensor) => void,
): Tensor[] {
  const values: Tensor[] = [...inputs, ...slots.map((s) => s.detach())];
  const kept: Tensor[] = [];
  for (const [op, a, b, keep] of program) {
    const [x, y] = [values[a % values.length]!, values[b % values.length]!];
    if (op >= OPS.length) {
      // Slot k moves towards the mean of two values, one of which may be itself.
      recordAssign(
        'move',
        'a * s + (b + c) * t',
        slots[op % 2]!.value,
        [slots[op % 2]!.value, x.value, y.value],
        [0.5, 0.25],
      );
      continue;
    }
    const z = OPS[op]!(x, y);
    values.push(z);
    after(z);
    if (keep) kept.push(z);
  }
  return [...kept, values.at(-1)!];
}

const shape = [4, 3];
const newInputs = (seed: number) =>
  [0, 1].map((k) => tensor(fill({ shape, kind: 'uniform', scale: 0.5 }, seed + k), shape));
const newSlots = () =>
  [5, 6].map((k) => new Parameter(shape, fill({ shape, kind: 'uniform', scale: 0.5 }, k) as Float32Array, false));
const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map((t) => t.data()));

async function compiled(program: readonly Instruction[], fusion: boolean, seed = 1): Promise<Float32Array[]> {
  const slots = newSlots();
  graphOptions.fusion = fusion;
  try {
    const kept = step(() => execute(program, newInputs(seed), slots, () => {}));
    return await read([...kept, ...slots]);
  } finally {
    graphOptions.fusion = true;
  }
}

/** Every value is computed before the next instruction is recorded. */
async function eager(program: readonly Instruction[]): Promise<Float32Array[]> {
  const slots = newSlots();
  const pending: Promise<unknown>[] = [];
  const kept = execute(program, newInputs(1), slots, (t) => pending.push(t.data()));
  await Promise.all(pending);
  return read([...kept, ...slots]);
}

describe('random programs', () => {
  test('are the same fused, unfused, replayed, and run op by op', async () => {
    const property = fc.asyncProperty(programs, async (program) => {
      const want = await eager(program);
      const fused = await compiled(program, true);
      const plain = await compiled(program, false);
      for (const [k, w] of want.entries()) {
        expectClose(`fused, value ${k}`, fused[k]!, w, tolerances.composed);
        expectClose(`unfused, value ${k}`, plain[k]!, w, tolerances.composed);
      }
      // Other inputs through the same plan, then the first again.
      const other = await compiled(program, true, 77);
      expect(other).toHaveLength(want.length);
      expect(await compiled(program, true)).toEqual(fused);
    });
    await fc.assert(property, { numRuns: 40, seed: 20, interruptAfterTimeLimit: 12_000 });
  });
});

describe('what is held', () => {
  test('through many replays of the plan that made it', async () => {
    const layer = new Linear(3, 2);
    const run = (k: number) => noGrad(() => layer.forward(tensor(fill({ shape, kind: 'uniform' }, k), shape)).relu());
    const held = Array.from({ length: 12 }, (_, k) => run(k));
    // Every other one is read late, after the rest was replayed over it.
    const first = await read(held.filter((_, k) => k % 2));
    for (let k = 20; k < 40; k++) await run(k).data();
    const again = Array.from({ length: 12 }, (_, k) => run(k));
    expect(await read(again)).toEqual(await read(held));
    expect(first).toEqual(await read(held.filter((_, k) => k % 2)));
  });

  test('as input of the plan that made it: a value carried from step to step', async () => {
    let state = tensor(new Float32Array(12).fill(1), shape);
    const kept: Tensor[] = [];
    for (let k = 0; k < 20; k++) {
      state = step(() => state.mul(0.5).add(k));
      kept.push(state);
    }
    let want = 1;
    for (const [k, t] of kept.entries()) {
      want = want * 0.5 + k;
      expect((await t.data())[5]).toBeCloseTo(want, 4);
    }
  });

  test('two values carried, changing places each step', async () => {
    let [a, b] = [tensor([1, 2, 3, 4]), tensor([10, 20, 30, 40])];
    for (let k = 0; k < 9; k++) [a, b] = step(() => [b.add(1), a.mul(1)] as [Tensor, Tensor]);
    expect([...(await a.data()), ...(await b.data())]).toEqual([15, 25, 35, 45, 5, 6, 7, 8]);
  });

  test('when another model trains in between', async () => {
    const alone = newTraining();
    const want: number[] = [];
    for (let k = 0; k < 6; k++) want.push(await step(() => alone.train(k)).item());
    const [one, two] = [newTraining(), newTraining()];
    const got: number[][] = [[], []];
    for (let k = 0; k < 6; k++)
      for (const [m, { train }] of [one, two].entries()) got[m]!.push(await step(() => train(k)).item());
    expect(got).toEqual([want, want]);
  });
});

describe('scopes', () => {
  const layer = new Linear(3, 2);
  const x = () => tensor(fill({ shape, kind: 'uniform' }, 3), shape);
  const train = () => layer.forward(x()).square().mean().backward();

  test('step() inside noGrad() records no gradient, and frees what the outer one does not return', async () => {
    let inner: Tensor | undefined;
    const outer = noGrad(() => {
      inner = step(() => layer.forward(x()));
      return inner.mul(2);
    });
    expect(outer.requires_grad).toBe(false);
    expect(await outer.data()).toEqual((await layer.forward(x()).data()).map((v) => v * 2));
    await expect(inner!.data()).rejects.toThrow('it was freed');
  });

  test('noGrad() inside step(): the rest of the step has gradients', async () => {
    layer.zeroGrad();
    const target = step(() => {
      const target = noGrad(() => layer.forward(x()).add(1));
      layer.forward(x()).sub(target).square().sum().backward();
      return target;
    });
    expect(target.requires_grad).toBe(false);
    // d/db of (y - (y + 1))^2 is -2, for each of four rows.
    expect([...(await layer.bias!.grad!.data())]).toEqual([expect.closeTo(-8, 4), expect.closeTo(-8, 4)]);
  });

  test('an exception leaves nothing recorded, gradients on, and the next step as it was', async () => {
    layer.zeroGrad();
    step(train);
    const want = await layer.weight.grad!.data();
    layer.zeroGrad();
    for (const scope of [step, noGrad])
      expect(() =>
        scope(() => {
          layer.forward(x()).mul(Number.NaN);
          throw new Error('halfway');
        }),
      ).toThrow('halfway');
    expect(isGradEnabled()).toBe(true);
    expect(() => step(() => layer.forward(tensor([[1, 2]])))).toThrow('linear');
    const { dispatches } = currentDevice().counters;
    await tensor([1]).data();
    expect(currentDevice().counters.dispatches).toBe(dispatches);
    step(train);
    expect(await layer.weight.grad!.data()).toEqual(want);
  });

  test('an exception after backward() in a step leaves parameters and optimizer as they were', async () => {
    const optimizer = new SGD(layer.parameters(), { lr: 0.1, momentum: 0.9 });
    layer.zeroGrad();
    step(() => {
      train();
      optimizer.step();
      optimizer.zeroGrad();
    });
    const before = await read(layer.parameters());
    expect(() =>
      step(() => {
        train();
        optimizer.step();
        throw new Error('halfway');
      }),
    ).toThrow('halfway');
    expect(await read(layer.parameters())).toEqual(before);
    optimizer.zeroGrad();
    step(() => {
      train();
      optimizer.step();
    });
    expect(await read(layer.parameters())).not.toEqual(before);
  });

  test('an exception caught inside a step drops what its inner scope recorded, and no more', async () => {
    const y = step(() => {
      const kept = x().add(1);
      try {
        step(() => {
          x().mul(3);
          throw new Error('inner');
        });
      } catch {
        return kept.mul(2);
      }
      return kept;
    });
    expect(await y.data()).toEqual((await x().data()).map((v) => (v + 1) * 2));
  });

  test('what is returned in objects, arrays, maps and sets is kept', async () => {
    const made = step(() => {
      const a = x().add(1);
      return { list: [a.mul(1), [a.mul(2)]], map: new Map([['k', a.mul(3)]]), set: new Set([a.mul(4)]), none: null };
    });
    const all = [made.list[0] as Tensor, (made.list[1] as Tensor[])[0]!, made.map.get('k')!, [...made.set][0]!];
    const base = (await x().data()).map((v) => v + 1);
    for (const [k, values] of (await read(all)).entries())
      expectClose(
        `${k}`,
        values,
        base.map((v) => v * (k + 1)),
        tolerances.rounded,
      );
  });
});

test('100 changes between training and evaluation leave memory where it was', async () => {
  const { model, train, images } = newTraining();
  const both = async (k: number) => {
    model.train();
    const loss = step(() => train(k));
    model.eval();
    const logits = noGrad(() => model.forward(images(k)));
    // Waiting is what takes the time here, so most results are dropped unread.
    if (k % 10 === 0) await read([loss, logits]);
    for (const t of [loss, logits]) t.dispose();
  };
  for (let k = 0; k < 5; k++) await both(k);
  const { bytesHeld, bindGroups, pipelines } = currentDevice().counters;
  for (let k = 5; k < 105; k++) await both(k);
  expect(currentDevice().counters).toMatchObject({ bytesHeld, bindGroups, pipelines });
});
