/** Optimizers against ten steps of PyTorch's (scripts/record-optim-fixtures.py), and what freezing does to them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { init, step, type Tensor, type TensorData, tensor } from '../../src/index.ts';
import { Linear, mseLoss, Parameter } from '../../src/nn/index.ts';
import { Adam, AdamW, clipGradNorm, clipGradValue, type Optimizer, SGD } from '../../src/optim/index.ts';
import { expectClose, tolerances } from '../tolerances.ts';

type Lists = readonly (readonly number[])[];
interface Fixture {
  readonly shapes: Lists;
  readonly factors: readonly number[];
  readonly initial: Lists;
  readonly gradients: readonly Lists[];
  /** Per case, after some of the steps: the values of both parameters. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, Lists>>>>;
  readonly clips: Readonly<Record<'norm' | 'normAbove' | 'value', { norm?: number; gradients: Lists }>>;
}
const fixture = JSON.parse(readFileSync(new URL('../fixtures/optim.json', import.meta.url), 'utf8')) as Fixture;

// biome-ignore lint/suspicious/noExplicitAny: optimizers of any hyperparameters
type AnyOptimizer = Optimizer<any>;

const newParams = (): [Parameter, Parameter] =>
  fixture.shapes.map((shape, k) => new Parameter(shape, Float32Array.from(fixture.initial[k]!))) as [
    Parameter,
    Parameter,
  ];

const giveGradients = (params: readonly Tensor[], k: number): void => {
  for (const [i, p] of params.entries())
    p.grad = p.requires_grad ? tensor(Float32Array.from(fixture.gradients[k]![i]!), p.shape) : null;
};

const bits = async (t: Tensor): Promise<number[]> => [...new Uint32Array((await t.data()).buffer)];

/** Runs steps [from, to) with the recorded gradients and learning-rate factors. */
function runSteps(
  optimizer: AnyOptimizer,
  params: readonly Tensor[],
  rates: readonly number[],
  from: number,
  to: number,
): void {
  for (let k = from; k < to; k++)
    step(() => {
      optimizer.paramGroups.forEach((g, i) => {
        g.lr = rates[i]! * fixture.factors[k]!;
      });
      giveGradients(params, k);
      optimizer.step();
    });
}

const ratesOf = (optimizer: AnyOptimizer): number[] => optimizer.paramGroups.map((g) => g.lr);

const BUILD: Readonly<Record<string, (params: [Parameter, Parameter]) => AnyOptimizer>> = {
  sgd: (p) => new SGD(p, { lr: 0.1 }),
  sgdWeightDecay: (p) => new SGD(p, { lr: 0.1, weightDecay: 0.1 }),
  sgdMomentum: (p) => new SGD(p, { lr: 0.1, momentum: 0.9 }),
  sgdNesterov: (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  sgdDampening: (p) => new SGD(p, { lr: 0.1, momentum: 0.8, dampening: 0.3, weightDecay: 0.01 }),
  sgdGroups: ([a, b]) =>
    new SGD(
      [
        { params: [a], lr: 0.2, weightDecay: 0.1 },
        { params: [b], momentum: 0.5 },
      ],
      { lr: 0.05 },
    ),
  sgdFrozen: (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
  adam: (p) => new Adam(p),
  adamOptions: (p) => new Adam(p, { lr: 0.05, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1 }),
  adamFrozen: (p) => new Adam(p, { lr: 0.05, weightDecay: 0.1 }),
  adamw: (p) => new AdamW(p),
  adamwGroups: ([a, b]) =>
    new AdamW(
      [
        { params: [a], lr: 0.1, weightDecay: 0.2 },
        { params: [b], betas: [0.5, 0.9] },
      ],
      { lr: 0.02 },
    ),
};

beforeAll(async () => {
  await init();
});

describe('ten steps as PyTorch', () => {
  test.each(Object.keys(fixture.cases))('%s', async (name) => {
    const params = newParams();
    const optimizer = BUILD[name]!(params);
    const rates = ratesOf(optimizer);
    const frozen = name.endsWith('Frozen');
    let done = 0;
    for (let k = 0; k < 10; k++) {
      if (frozen) params[1].requires_grad = k < 3 || k > 5;
      runSteps(optimizer, params, rates, k, k + 1);
      const want = fixture.cases[name]![k + 1];
      for (const [i, values] of want?.entries() ?? [])
        expectClose(`parameter ${i} after ${k + 1} steps`, await params[i]!.data(), values, tolerances.composed);
      done += want ? 1 : 0;
    }
    expect(done).toBe(4);
  });

  test('in a plain loop as inside step()', async () => {
    const params = newParams();
    const optimizer = new Adam(params);
    for (let k = 0; k < 10; k++) {
      optimizer.paramGroups[0]!.lr = 1e-3 * fixture.factors[k]!;
      giveGradients(params, k);
      optimizer.step();
    }
    for (const [i, values] of fixture.cases.adam![10]!.entries())
      expectClose(`parameter ${i}`, await params[i]!.data(), values, tolerances.composed);
  });
});

describe('a frozen parameter', () => {
  test.each(['sgdNesterov', 'sgdDampening', 'adamOptions', 'adamw'])('%s: not a byte of it changes', async (name) => {
    const params = newParams();
    params[1].requires_grad = false;
    const optimizer = BUILD[name]!(params);
    const [still, moving] = [await bits(params[1]), await bits(params[0])];
    runSteps(optimizer, params, ratesOf(optimizer), 0, 4);
    expect(await bits(params[1])).toEqual(still);
    expect(await bits(params[0])).not.toEqual(moving);
    expect([...(await optimizer.stateDict()).state.keys()].filter((key) => key.startsWith('0.1.'))).toEqual([]);
  });

  test('frozen in mid-run: gradient and state are dropped, its bytes stay', async () => {
    const params = newParams();
    const optimizer = new SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 });
    runSteps(optimizer, params, [0.1], 0, 2);
    expect([...(await optimizer.stateDict()).state.keys()]).toEqual(['0.0.momentum_buffer', '0.1.momentum_buffer']);
    giveGradients(params, 2);
    params[1].requires_grad = false;
    expect(params[1].grad).toBeNull();
    const before = await bits(params[1]);
    step(() => optimizer.step());
    expect(await bits(params[1])).toEqual(before);
    expect([...(await optimizer.stateDict()).state.keys()]).toEqual(['0.0.momentum_buffer']);
  });

  test('unfrozen in mid-run, Adam counts its steps from 0 and the others go on', async () => {
    const params = newParams();
    const optimizer = new Adam(params, { lr: 0.05 });
    params[1].requires_grad = false;
    runSteps(optimizer, params, [0.05], 0, 5);
    const before = await params[1].data();
    params[1].requires_grad = true;
    runSteps(optimizer, params, [0.05], 5, 6);
    // The first step of Adam: both moments are corrected to the gradient itself.
    const lr = 0.05 * fixture.factors[5]!;
    const want = fixture.gradients[5]![1]!.map((g, i) => before[i]! - (lr * g) / (Math.abs(g) + 1e-8));
    expectClose('after its first step', await params[1].data(), want, tolerances.composed);
    const { state } = await optimizer.stateDict();
    expect([...state.get('0.0.step')!.data]).toEqual([6]);
    expect([...state.get('0.1.step')!.data]).toEqual([1]);
  });
});

describe('saved state', () => {
  test.each(Object.keys(BUILD).filter((n) => !n.endsWith('Frozen')))('%s: resumes bit for bit', async (name) => {
    const params = newParams();
    const optimizer = BUILD[name]!(params);
    const rates = ratesOf(optimizer);
    runSteps(optimizer, params, rates, 0, 4);
    const [saved, values] = [await optimizer.stateDict(), await Promise.all(params.map((p) => p.data()))];
    runSteps(optimizer, params, rates, 4, 8);

    const again = newParams();
    again.forEach((p, i) => {
      p.set(values[i]!);
    });
    const resumed = BUILD[name]!(again);
    resumed.loadStateDict(saved);
    runSteps(resumed, again, rates, 4, 8);
    for (const [i, p] of params.entries()) expect(await bits(again[i]!)).toEqual(await bits(p));
  });

  test('of other parameter groups is refused', async () => {
    const saved = await new SGD(newParams(), { lr: 0.1 }).stateDict();
    const [a, b] = newParams();
    expect(() => new SGD([{ params: [a] }, { params: [b] }], { lr: 0.1 }).loadStateDict(saved)).toThrow(
      'optimizer: the saved state has parameter groups of [2], this one of [1, 1].',
    );
  });

  test('of other shapes is refused, and nothing is loaded', async () => {
    const params = newParams();
    const optimizer = new Adam(params);
    runSteps(optimizer, params, [1e-3], 0, 1);
    const saved = await optimizer.stateDict();
    const swapped = new Adam([...newParams()].reverse());
    expect(() => swapped.loadStateDict(saved)).toThrow(
      'optimizer: the saved exp_avg of parameter 0 in group 0 is [2, 3], expected [5].',
    );
    expect((await swapped.stateDict()).state.size).toBe(0);
  });

  test('from an edited file: other types are converted, what is of no parameter is refused', async () => {
    const params = newParams();
    const optimizer = new Adam(params);
    runSteps(optimizer, params, [1e-3], 0, 1);
    const { state, groups } = await optimizer.stateDict();
    const edited = (name: string, values: TensorData) => ({ state: new Map([...state, [name, values]]), groups });
    optimizer.loadStateDict(edited('0.0.step', { shape: [1], dtype: 'int64', data: BigInt64Array.of(3n) }));
    expect((await optimizer.stateDict()).state.get('0.0.step')!.data).toEqual(Float32Array.of(3));
    optimizer.loadStateDict(edited('0.0.step', { shape: [1], dtype: 'float16', data: Uint16Array.of(0x4000) }));
    expect((await optimizer.stateDict()).state.get('0.0.step')!.data).toEqual(Float32Array.of(2));
    const one: TensorData = { shape: [1], dtype: 'float32', data: new Float32Array(1) };
    for (const name of ['0.9.step', '3.0.step', 'x', '0.0'])
      expect(() => optimizer.loadStateDict(edited(name, one))).toThrow(
        `optimizer: the saved state has '${name}', which is of no parameter.`,
      );
    expect(() =>
      optimizer.loadStateDict(edited('0.0.step', { ...one, shape: [2], data: new Float32Array(2) })),
    ).toThrow('optimizer: the saved step of parameter 0 in group 0 is [2], expected [1].');
  });
});

describe('clipping', () => {
  test.each(['norm', 'normAbove'] as const)('clipGradNorm as PyTorch: %s', async (name) => {
    const params = newParams();
    giveGradients(params, 0);
    const norm = clipGradNorm(params, name === 'norm' ? 0.5 : 100);
    const want = fixture.clips[name];
    expectClose('norm', [await norm.item()], [want.norm!], tolerances.accumulated);
    for (const [i, g] of want.gradients.entries())
      expectClose(`gradient ${i}`, await params[i]!.grad!.data(), g, tolerances.accumulated);
  });

  test('clipGradNorm inside step() can return the norm', async () => {
    const params = newParams();
    const norm = step(() => {
      giveGradients(params, 0);
      return clipGradNorm(params, 0.5);
    });
    expectClose('norm', [await norm.item()], [fixture.clips.norm.norm!], tolerances.accumulated);
  });

  test('clipGradValue as PyTorch', async () => {
    const params = newParams();
    giveGradients(params, 0);
    clipGradValue(params, 0.4);
    for (const [i, g] of fixture.clips.value.gradients.entries())
      expectClose(`gradient ${i}`, await params[i]!.grad!.data(), g, tolerances.rounded);
  });

  test('leaves frozen parameters and those without gradient out', async () => {
    const params = newParams();
    expect(await clipGradNorm(params, 1).item()).toBe(0);
    params[1].requires_grad = false;
    giveGradients(params, 0);
    const norm = Math.hypot(...fixture.gradients[0]![0]!);
    expectClose('norm', [await clipGradNorm(params, 1).item()], [norm], tolerances.accumulated);
  });
});

test('gradients of four quarter batches add up to the big batch, and train as it does', async () => {
  const newLayer = () => {
    const layer = new Linear(3, 2);
    layer.weight.set(Float32Array.from({ length: 6 }, (_, i) => i / 4 - 1));
    layer.bias!.set(Float32Array.of(0.5, -0.5));
    return { layer, optimizer: new SGD(layer.parameters(), { lr: 0.1, momentum: 0.9 }) };
  };
  const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const y = Float32Array.from({ length: 16 }, (_, i) => Math.cos(i));
  const whole = newLayer();
  const parts = newLayer();
  for (let k = 0; k < 2; k++) {
    step(() => {
      whole.optimizer.zeroGrad();
      mseLoss(whole.layer.forward(tensor(x, [8, 3])), tensor(y, [8, 2])).backward();
      whole.optimizer.step();
    });
    parts.optimizer.zeroGrad();
    for (let q = 0; q < 4; q++)
      step(() => {
        const [a, b] = [tensor(x.slice(q * 6, q * 6 + 6), [2, 3]), tensor(y.slice(q * 4, q * 4 + 4), [2, 2])];
        mseLoss(parts.layer.forward(a), b)
          .mul(1 / 4)
          .backward();
      });
    step(() => parts.optimizer.step());
  }
  expectClose('weight', await parts.layer.weight.data(), await whole.layer.weight.data(), tolerances.accumulated);
  expectClose('bias', await parts.layer.bias!.data(), await whole.layer.bias!.data(), tolerances.accumulated);
});

describe('errors', () => {
  test.each<[string, () => unknown, string]>([
    ['no parameters', () => new SGD([], { lr: 1 }), 'optimizer: got no parameters.'],
    ['a negative rate', () => new SGD(newParams(), { lr: -1 }), 'optimizer: lr must be 0 or more, got -1.'],
    [
      'Nesterov alone',
      () => new SGD(newParams(), { lr: 1, nesterov: true }),
      'SGD: Nesterov momentum needs momentum above 0 and no dampening.',
    ],
    [
      'a beta of 1',
      () => new Adam(newParams(), { betas: [1, 0.999] }),
      'Adam: betas must be from 0 to below 1, got [1, 0.999].',
    ],
    [
      'a parameter twice',
      () => {
        const [a] = newParams();
        return new SGD([a, a], { lr: 1 });
      },
      'optimizer: a parameter appears in two groups, or twice in one.',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
