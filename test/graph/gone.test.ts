/** Tensors, models and optimizers of a device that is gone, and what calling init again does. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { DeviceError } from '../../src/core/errors.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init, type Tensor, tensor } from '../../src/index.ts';
import { Linear } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';

beforeEach(() => init());
afterAll(() => currentDevice().destroy());

const gone = (shape: string) =>
  `tensor ${shape}: expected one of the open device, got one of a device that is gone. Build the model and its optimizer again.`;

/** A layer, its optimizer and a step of training. */
async function trained() {
  const model = new Linear(3, 2);
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const step = async () => {
    const loss = model.forward(tensor([[1, 2, 3]])).sum();
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss.item();
  };
  await step();
  return { model, optimizer, step };
}

async function reopened(): Promise<void> {
  currentDevice().destroy();
  await init();
}

let letters = 3;
/** Another adapter by name: in truth the same, by some more letters of its own. */
const other = async () => ({ adapter: (await init()).description.slice(0, ++letters) });

test('a device that was destroyed says so itself', async () => {
  const { step } = await trained();
  currentDevice().destroy();
  await expect(step()).rejects.toThrow(new DeviceError('device: it was destroyed. Call init() to open a new one.'));
});

test.each([
  ['opened anew', reopened],
  ['replaced', async () => init(await other())],
])('after the device was %s: one error for whatever is used of the former', async (_, replace) => {
  const { model, step } = await trained();
  const result = tensor([1, 2]).add(1);
  await result.data();
  const big = tensor(new Float32Array(1e5)).add(1);
  await big.data();
  await replace();
  await expect(step()).rejects.toThrow(new DeviceError(gone('[2, 3]')));
  await expect(model.stateDict()).rejects.toThrow(new DeviceError(gone('[2, 3]')));
  await expect(big.data()).rejects.toThrow(new DeviceError(gone('[100000]')));
  await expect(big.mul(2).data()).rejects.toThrow(new DeviceError(gone('[100000]')));
  big.dispose();
  const again = await trained();
  expect(await again.step()).toBeTypeOf('number');
});

test('what is on the host goes on: values that were never computed with, results that were read, weights loaded anew', async () => {
  const { model, step } = await trained();
  const state = await model.stateDict();
  const fresh: Tensor = tensor([1, 2]);
  const small = fresh.add(1);
  await small.data();
  const unused = new Linear(3, 2);
  await reopened();
  expect(await fresh.add(1).data()).toEqual(Float32Array.of(2, 3));
  expect(await small.data()).toEqual(Float32Array.of(2, 3));
  expect((await unused.forward(tensor([[1, 2, 3]])).data()).length).toBe(2);
  model.loadStateDict(state);
  expect([...(await model.weight.data())]).toEqual([...(state.get('weight')!.data as Float32Array)]);
  // The momentum is still of the device that is gone.
  await expect(step()).rejects.toThrow(new DeviceError(gone('[2, 3]')));
});

test('init keeps the device for its own adapter, and calls at once share one', async () => {
  const device = currentDevice();
  await Promise.all([init(), init(), init({})]);
  expect(currentDevice()).toBe(device);
  const choice = await other();
  const infos = await Promise.all([init(choice), init(choice)]);
  expect(infos[0]).toBe(infos[1]);
  expect(device.lost?.reason).toBe('destroyed');
  const replaced = currentDevice();
  await init(choice);
  await init();
  expect(currentDevice()).toBe(replaced);
  await expect(device.whenIdle()).rejects.toThrow(
    new DeviceError('device: it was replaced by init({ adapter }). Build the model and its optimizer again.'),
  );
});

test('an adapter that there is not leaves the open one as it is', async () => {
  const device = currentDevice();
  const x = tensor(new Float32Array(1e5)).add(1);
  await x.data();
  await expect(init({ adapter: 'no such adapter' })).rejects.toThrow("init: found no adapter 'no such adapter'");
  await init();
  expect(currentDevice()).toBe(device);
  expect((await x.data())[0]).toBe(1);
});

test('opening forty devices one after another takes the memory of one', async () => {
  const child = fileURLToPath(new URL('reopen-child.ts', import.meta.url));
  const args = ['--expose-gc', '--conditions=regraft-source', '--import', 'tsx', child, '40'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  // Each took 4.5 MB and its tensors while the former ones stayed open.
  expect(Number(stdout)).toBeLessThan(100);
}, 60_000);
