/** Tensors larger than one binding, on an adapter whose bindings are said to be small: they compute and train as whole ones do. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { plannedSteps } from '../../src/graph/run.ts';
import { init, manualSeed, step, tensor } from '../../src/index.ts';
import { crossEntropy, Linear, type Parameter } from '../../src/nn/index.ts';
import { AdamW, type AnyOptimizer, SGD } from '../../src/optim/index.ts';
import { fill } from '../ops/inputs.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, tolerances } from '../tolerances.ts';

let allowed: number;

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
  allowed = currentDevice().target.maxBindingBytes;
});

afterEach(() => bindAtMost(allowed));

/** Changes what the adapter is said to bind at once. Plans are made for a note on tuning: another one, and all are made anew. */
function bindAtMost(bytes: number): void {
  const device = currentDevice();
  Object.assign(device.target, { maxBindingBytes: bytes });
  device.tuning = bytes === allowed ? undefined : JSON.stringify({ bytes });
}

type Optimize = (params: Iterable<Parameter>) => AnyOptimizer;

const [ROWS, FEATURES, OUTPUTS] = [5, 67, 62];
const WEIGHT_BYTES = FEATURES * OUTPUTS * 4;

function newLayer(optimizer: Optimize) {
  manualSeed(1);
  const layer = new Linear(FEATURES, OUTPUTS);
  const optimize = optimizer(layer.parameters());
  const x = tensor(fill({ shape: [ROWS, FEATURES], kind: 'uniform' }, 3), [ROWS, FEATURES]);
  const labels = tensor(Int32Array.from({ length: ROWS }, (_, i) => (i * 13) % OUTPUTS));
  const train = () => {
    optimize.zeroGrad();
    const loss = crossEntropy(layer.forward(x), labels);
    loss.backward();
    optimize.step();
    return loss;
  };
  return { layer, train };
}

/** Losses of a few steps of a layer, then its weight and bias. */
async function trained(optimizer: Optimize): Promise<Float32Array[]> {
  const { layer, train } = newLayer(optimizer);
  const losses: number[] = [];
  for (let k = 0; k < 3; k++) losses.push(await step(train).item());
  return [Float32Array.from(losses), await layer.weight.data(), await layer.bias!.data()];
}

const OPTIMIZERS: [string, Optimize][] = [
  ['SGD', (params) => new SGD(params, { lr: 0.1 })],
  ['SGD with momentum', (params) => new SGD(params, { lr: 0.1, momentum: 0.9 })],
  ['AdamW', (params) => new AdamW(params, { lr: 0.01 })],
];

test.each(OPTIMIZERS)('a layer whose weight is in 2 and in 5 parts trains with %s', async (_, optimizer) => {
  const whole = await trained(optimizer);
  for (const parts of [2, 5]) {
    bindAtMost(Math.ceil(WEIGHT_BYTES / parts / 256) * 256);
    const inParts = await trained(optimizer);
    for (const [k, want] of whole.entries())
      expectClose(`${parts} parts, ${k}`, inParts[k]!, want, tolerances.training);
  }
});

test('no binding is larger than it may be, and a step of an optimizer is a dispatch for each range', () => {
  const limit = Math.ceil(WEIGHT_BYTES / 5 / 256) * 256;
  bindAtMost(limit);
  const { train } = newLayer(OPTIMIZERS[1]![1]);
  const steps = plannedSteps(train, currentDevice().target);
  const bound = steps.flatMap(({ reads, writes, fusion }) => [
    ...reads,
    ...writes,
    ...(fusion?.reads ?? []),
    ...(fusion?.writes ?? []),
  ]);
  const sizes = bound.flatMap(({ range }) => range?.size ?? []);
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
  // Five for the weight, one for the bias.
  expect(steps.filter(({ name }) => name === 'sgd.momentum')).toHaveLength(6);
});

test('more bindings than a kernel may have: the op is named before anything runs', () => {
  bindAtMost(256);
  const { train } = newLayer(OPTIMIZERS[0]![1]);
  const { maxStorageBuffersPerShaderStage: most } = currentDevice().gpu.limits;
  expect(() => step(train)).toThrow(
    new RegExp(
      `^matmul: needs \\d+ bindings of at most 256 bytes; this adapter allows ${most}. Make the layer or the batch smaller, or take another adapter.$`,
    ),
  );
});
