import { afterAll, beforeAll, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { recordAssign } from '../../src/graph/record.ts';
import { init, noGrad, ones, randn, type Tensor } from '../../src/index.ts';
import { BatchNorm2d } from '../../src/nn/index.ts';

/** Each ends in one kernel, a product with all the rest in its epilogue. */
const TAILS: readonly ((y: Tensor, norm: BatchNorm2d, bias: Tensor, residual: Tensor) => Tensor)[] = [
  (y) => y,
  (y) => y.relu(),
  (y, _, bias) => y.add(bias),
  (y, _, bias) => bias.add(y).relu(),
  (y, norm) => norm.forward(y),
  (y, norm) => norm.forward(y).relu(),
  (y, _norm, _bias, residual) => y.add(residual),
  (y, norm, _, residual) => norm.forward(y).add(residual).relu(),
  (y, norm, _, residual) => residual.add(norm.forward(y)).relu(),
  (y, _, bias, residual) => y.add(bias).add(residual),
];

beforeAll(() => init());
afterAll(() => {
  graphOptions.fusion = true;
});

async function results(record: (tail: (typeof TAILS)[number]) => Tensor): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const tail of TAILS) found.push(await noGrad(() => record(tail)).data());
  return found;
}

async function expectSharedPipelines(record: (tail: (typeof TAILS)[number]) => Tensor): Promise<void> {
  const { counters } = currentDevice();
  graphOptions.fusion = true;
  const plain = await noGrad(() => record(TAILS[0]!)).data();
  // What the vectors of batch norms are made by is compiled here.
  await noGrad(() => record(TAILS[4]!)).data();
  const before = counters.pipelines;
  const fused = await results(record);
  expect(counters.pipelines).toBe(before);
  expect(fused[0]).toEqual(plain);
  graphOptions.fusion = false;
  const apart = await results(record);
  for (const [k, values] of fused.entries()) {
    expect(values.every(Number.isFinite)).toBe(true);
    for (const [i, value] of values.entries()) expect(value, `tail ${k}`).toBeCloseTo(apart[k]![i]!, 4);
  }
}

test('bias, batch norm, residual and ReLU share the pipeline of a convolution', async () => {
  const [x, w] = [randn([2, 5, 9, 7]), randn([33, 5, 3, 3])];
  const norm = new BatchNorm2d(33);
  norm.weight!.set(await randn([33]).data());
  norm.bias!.set(await randn([33]).data());
  norm.running_mean!.set(await randn([33]).data());
  norm.eval();
  const [bias, residual] = [randn([33, 1, 1]), randn([2, 33, 9, 7])];
  await expectSharedPipelines((tail) => tail(x.conv2d(w, undefined, { padding: 1 }), norm, bias, residual));
});

test('bias, residual and ReLU share the pipeline of a matrix product, along its columns', async () => {
  const [a, b, bias, residual] = [randn([37, 20]), randn([20, 41]), randn([41]), randn([37, 41])];
  const norm = { forward: (y: Tensor) => y.add(bias) } as unknown as BatchNorm2d;
  await expectSharedPipelines((tail) => tail(a.matmul(b), norm, bias, residual));
});

test('a NaN stays one', async () => {
  const [a, b] = [randn([3, 4]).mul(Number.NaN), randn([4, 5])];
  expect([...(await noGrad(() => a.matmul(b).relu()).data())].every(Number.isNaN)).toBe(true);
});

test('an update in place by a product touches every element once, whatever the width', async () => {
  for (const [width, height] of [
    [2, 3],
    [5, 7],
    [6, 11],
  ] as const) {
    const [x, w] = [randn([1, 16, height, width]), randn([64, 16, 3, 3])];
    const sum = ones([1, 64, height, width]);
    const y = await x.conv2d(w, undefined, { padding: 1 }).data();
    noGrad(() => {
      const added = x.conv2d(w, undefined, { padding: 1 });
      recordAssign('sum', 'a + b', sum.value, [sum.value, added.value]);
    });
    const values = await sum.data();
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(1 + y[i]!, 3);
  }
});
