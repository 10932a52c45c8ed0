import { describe, expect, test } from 'vitest';
import type { Program, Scalar } from '../../src/kernels/kernel.ts';
import { adam, adamHyper, adamw, applyUpdate, sgd, sgdHyper } from '../../src/kernels/optimizer.ts';
import { close, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

/** Runs `steps` steps of `program`, each with the gradient of its number; the state travels from one to the next. */
async function train(program: Program, state: Float32Array[], steps: number) {
  let now = state;
  for (let k = 1; k <= steps; k++) now = await runProgram(program, [noise(state[0]!.length, k)], now);
  return now;
}

const scalars = (hyper: readonly number[]): Scalar[] => hyper.map((value, id) => ({ id, value }));

const zeros = (n: number) => new Float32Array(n);

function sgdReference(p0: Float32Array, steps: number, o: Required<Parameters<typeof sgdHyper>[0]>) {
  const p = [...p0];
  const v: number[] = [];
  for (let k = 1; k <= steps; k++) {
    const grad = noise(p.length, k);
    for (let i = 0; i < p.length; i++) {
      const g = grad[i]! + o.weightDecay * p[i]!;
      v[i] = k === 1 ? g : o.momentum * v[i]! + (1 - o.dampening) * g;
      const d = o.momentum === 0 ? g : o.nesterov ? g + o.momentum * v[i]! : v[i]!;
      p[i]! -= o.lr * d;
    }
  }
  return { p, v };
}

function adamReference(
  p0: Float32Array,
  steps: number,
  o: { lr: number; betas: [number, number]; eps: number; weightDecay: number },
  decoupled: boolean,
) {
  const p = [...p0];
  const m = p.map(() => 0);
  const v = p.map(() => 0);
  const [a, b] = o.betas;
  for (let k = 1; k <= steps; k++) {
    const grad = noise(p.length, k);
    for (let i = 0; i < p.length; i++) {
      const g = grad[i]! + (decoupled ? 0 : o.weightDecay * p[i]!);
      if (decoupled) p[i]! *= 1 - o.lr * o.weightDecay;
      m[i] = a * m[i]! + (1 - a) * g;
      v[i] = b * v[i]! + (1 - b) * g * g;
      p[i]! -= ((o.lr / (1 - a ** k)) * m[i]!) / (Math.sqrt(v[i]!) / Math.sqrt(1 - b ** k) + o.eps);
    }
  }
  return { p, m, v };
}

const tight = { absolute: 1e-6, relative: 2e-6 };

describe.each(targets)('%s', (_, target) => {
  test.each([1, 3, 17, 1025])('sgd: plain, %i elements', async (size) => {
    const options = { lr: 0.1, momentum: 0, dampening: 0, weightDecay: 0.01, nesterov: false };
    const p = noise(size);
    const [result] = await train(applyUpdate(target, size, sgd(scalars(sgdHyper(options)), {})), [p], 2);
    close(result!, sgdReference(p, 2, options).p, tight);
  });

  test.each([
    [false, 1100],
    [true, 1101],
  ])('sgd: momentum, nesterov %s, %i elements', async (nesterov, size) => {
    const options = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 0.01, nesterov };
    const p = noise(size);
    const update = sgd(scalars(sgdHyper(options)), { momentum: true });
    const [result, velocity] = await train(applyUpdate(target, size, update), [p, zeros(size)], 3);
    const expected = sgdReference(p, 3, options);
    close(result!, expected.p, tight);
    close(velocity!, expected.v, tight);
  });

  test('sgd: dampening spares the first step', async () => {
    const options = { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0, nesterov: false };
    const p = noise(65);
    const update = sgd(scalars(sgdHyper(options)), { momentum: true, dampening: true });
    const [result, velocity, count] = await train(applyUpdate(target, 65, update), [p, zeros(65), zeros(1)], 3);
    const expected = sgdReference(p, 3, options);
    close(result!, expected.p, tight);
    close(velocity!, expected.v, tight);
    expect([...count!]).toEqual([3]);
  });

  test.each([
    ['adam', 17, 3],
    ['adam', 1100, 3],
    ['adamw', 17, 3],
    ['adamw', 1100, 3],
  ] as const)('%s: %i elements, %i steps', async (name, size, steps) => {
    const options = { lr: 0.01, betas: [0.9, 0.999] as [number, number], eps: 1e-8, weightDecay: 0.1 };
    const p = noise(size);
    const update = { adam, adamw }[name](scalars(adamHyper(options)), {});
    const state = [p, zeros(size), zeros(size), zeros(1)];
    const [result, m, v, count] = await train(applyUpdate(target, size, update), state, steps);
    const expected = adamReference(p, steps, options, name === 'adamw');
    close(result!, expected.p, tight);
    close(m!, expected.m, tight);
    close(v!, expected.v, { absolute: 1e-9, relative: 2e-6 });
    expect([...count!]).toEqual([steps]);
  });

  test.each([0, 1, 9, 100, 499, 500, 501, 5000, 1e6])(
    'adam: bias correction keeps its digits after %i steps',
    async (before) => {
      const update = adam(scalars(adamHyper({ lr: 1 })), {});
      const m = Float32Array.of(0.5);
      const v = Float32Array.of(0.25);
      const [p] = await runProgram(
        applyUpdate(target, 1, update),
        [Float32Array.of(0.5)],
        [zeros(1), m, v, Float32Array.of(before)],
      );
      const k = before + 1;
      close(p!, [((-1 / (1 - 0.9 ** k)) * 0.5) / (Math.sqrt(0.25) / Math.sqrt(1 - 0.999 ** k))], {
        absolute: 0,
        relative: 3e-6,
      });
    },
  );
});
