/** Loss scaling, in PyTorch's semantics: what an overflow skips, how the scale moves, and that nothing is read back for it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init, step, type Tensor, tensor } from '../../src/index.ts';
import { Parameter } from '../../src/nn/index.ts';
import { Adam, AdamW, GradScaler, type Optimizer, SGD } from '../../src/optim/index.ts';
import { poisonBuffers } from '../poison.ts';

// biome-ignore lint/suspicious/noExplicitAny: optimizers of any hyperparameters
type AnyOptimizer = Optimizer<any>;

const BUILD: Readonly<Record<string, (params: Parameter[]) => AnyOptimizer>> = {
  SGD: (p) => new SGD(p, { lr: 0.1 }),
  'SGD with momentum': (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
  'SGD with dampening': (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.5 }),
  Adam: (p) => new Adam(p, { lr: 0.1, weightDecay: 0.1 }),
  AdamW: (p) => new AdamW(p, { lr: 0.1 }),
};

const newParam = () => new Parameter([3, 67], () => Float32Array.from({ length: 201 }, (_, i) => Math.sin(i)));

/** One step whose gradient is `slope` everywhere but for the last element, which gets `last`. */
function train(param: Parameter, optimizer: AnyOptimizer, last: number, scaler: GradScaler | null, slope = 0.5): void {
  const slopes = new Float32Array(201).fill(slope);
  slopes[200] = last;
  const factors = tensor(slopes, [3, 67]);
  step(() => {
    const loss = param.mul(factors).sum();
    (scaler ? scaler.scale(loss) : loss).backward();
    if (scaler) {
      scaler.step(optimizer);
      scaler.update();
    } else optimizer.step();
    optimizer.zeroGrad();
  });
}

/** Scale and tracker after one step for each gradient. */
async function course(options: ConstructorParameters<typeof GradScaler>[0], gradients: readonly number[]) {
  const [param, scaler] = [newParam(), new GradScaler(options)];
  const optimizer = new SGD([param], { lr: 0.01 });
  const states: (readonly [number, number])[] = [];
  for (const g of gradients) {
    train(param, optimizer, g, scaler);
    const { scale, growthTracker } = await scaler.stateDict();
    states.push([scale, growthTracker]);
  }
  return states;
}

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

describe.each(Object.entries(BUILD))('%s', (_, build) => {
  test('steps as without a scaler, and not at all where a gradient is infinite or NaN', async () => {
    const run = async (gradients: readonly number[], scaler: GradScaler | null) => {
      const param = newParam();
      const optimizer = build([param]);
      for (const g of gradients) train(param, optimizer, g, scaler);
      const { state } = await optimizer.stateDict();
      return { param: await param.data(), state: [...state].map(([name, t]) => [name, t.data]) };
    };
    const want = await run([0.25, -0.5, 1], null);
    expect(await run([0.25, -0.5, 1], new GradScaler())).toEqual(want);
    const overflows = [Number.POSITIVE_INFINITY, 0.25, Number.NaN, -0.5, Number.NEGATIVE_INFINITY, 1];
    expect(await run(overflows, new GradScaler())).toEqual(want);
    // Finite until it is scaled.
    expect(await run([0.25, 3e38, -0.5, 1], new GradScaler())).toEqual(want);
  });
});

describe('the scale', () => {
  const inf = Number.POSITIVE_INFINITY;

  test('backs off after an overflow, and grows after an interval without one', async () => {
    expect(await course({ initScale: 1024, growthInterval: 3 }, [1, 1, inf, 1, 1, 1, 1, inf])).toEqual([
      ...[
        [1024, 1],
        [1024, 2],
        [512, 0],
        [512, 1],
        [512, 2],
        [1024, 0],
        [1024, 1],
        [512, 0],
      ],
    ]);
  });

  test('moves by the factors that are given', async () => {
    const options = { initScale: 8, growthFactor: 4, backoffFactor: 0.25, growthInterval: 1 };
    expect(await course(options, [1, inf, inf, 1])).toEqual([
      [32, 0],
      [8, 0],
      [2, 0],
      [8, 0],
    ]);
  });

  test('starts at 2 ** 16, and does not grow to infinity', async () => {
    expect(await course({}, [1])).toEqual([[65536, 1]]);
    expect(await course({ initScale: 2 ** 127, growthInterval: 1 }, [0])).toEqual([[2 ** 127, 0]].map(([s]) => [s, 0]));
  });

  test('goes on from a saved state', async () => {
    const [param, scaler] = [newParam(), new GradScaler({ growthInterval: 2 })];
    scaler.loadStateDict({ scale: 64, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2, growthTracker: 1 });
    train(param, new SGD([param], { lr: 0.1 }), 1, scaler);
    expect(await scaler.getScale()).toBe(128);
  });
});

test('unscale gives the gradients as they are, for clipping', async () => {
  const [param, scaler] = [newParam(), new GradScaler()];
  const optimizer = new SGD([param], { lr: 0.1 });
  scaler.scale(param.mul(0.5).sum()).backward();
  scaler.unscale(optimizer);
  expect(await (param.grad as Tensor).data()).toEqual(new Float32Array(201).fill(0.5));
  // A boundary between unscale() and step() changes nothing.
  const before = await param.data();
  scaler.step(optimizer);
  scaler.update();
  expect(await param.data()).toEqual(before.map((v) => Math.fround(v - Math.fround(0.1) * 0.5)));
});

test('an overflow skips the optimizer whose gradients it is in, and lowers the scale for all', async () => {
  const [a, b] = [newParam(), newParam()];
  const optimizers = [new SGD([a], { lr: 0.1 }), new SGD([b], { lr: 0.1 })];
  const scaler = new GradScaler({ initScale: 4 });
  const before = await a.data();
  step(() => {
    scaler.scale(a.mul(Number.POSITIVE_INFINITY).sum().add(b.sum())).backward();
    for (const optimizer of optimizers) scaler.step(optimizer);
    scaler.update();
  });
  expect(await a.data()).toEqual(before);
  expect(await b.data()).not.toEqual(before);
  expect(await scaler.getScale()).toBe(2);
});

test('replays one plan, whatever overflows', async () => {
  const [param, scaler] = [newParam(), new GradScaler({ growthInterval: 2 })];
  const optimizer = new Adam([param]);
  for (const g of [1, 1, 1]) train(param, optimizer, g, scaler);
  const { counters } = currentDevice();
  const { bindGroups, submits } = counters;
  for (const g of [1, Number.NaN, 1, 1]) train(param, optimizer, g, scaler);
  expect([counters.bindGroups - bindGroups, counters.submits - submits]).toEqual([0, 4]);
});

test('without it, scale and step are plain', async () => {
  const [param, scaler] = [newParam(), new GradScaler({ enabled: false })];
  const loss = param.sum();
  expect(scaler.scale(loss)).toBe(loss);
  const optimizer = new SGD([param], { lr: 0.1 });
  const before = await param.data();
  train(param, optimizer, 0.5, scaler);
  expect(await param.data()).not.toEqual(before);
});

test('methods out of order are refused', () => {
  const [param, scaler] = [newParam(), new GradScaler()];
  const optimizer = new SGD([param], { lr: 0.1 });
  const word = (method: string, before: string) =>
    `GradScaler: ${method}() was called after ${before}() on the same optimizer. Call update() in between.`;
  expect(() => scaler.update()).toThrow('GradScaler: update() was called before step().');
  scaler.unscale(optimizer);
  expect(() => scaler.unscale(optimizer)).toThrow(word('unscale', 'unscale'));
  scaler.step(optimizer);
  expect(() => scaler.step(optimizer)).toThrow(word('step', 'step'));
  expect(() => scaler.unscale(optimizer)).toThrow(word('unscale', 'step'));
  expect(() => new GradScaler({ growthFactor: 1 })).toThrow('GradScaler: growthFactor must be above 1, got 1.');
  expect(() => new GradScaler({ backoffFactor: 1 })).toThrow(
    'GradScaler: backoffFactor must be between 0 and 1, got 1.',
  );
});
