/** Kernels of a batch that is not full: those of the full one, on every kind of adapter, so that an image gets the same bits in both. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import type { DeviceTarget } from '../../src/device/device.ts';
import { plannedSteps } from '../../src/graph/run.ts';
import { hostValue } from '../../src/graph/value.ts';
import { init } from '../../src/index.ts';
import { cifarResnet20, resnet18, resnet50, smallResnet, squeezenet1_1 } from '../../src/models/index.ts';
import { Linear, Module, Sequential } from '../../src/nn/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { chooseAs } from './choose-as.ts';

/** Sizes of the full batch: the one that is usual, and one that no last batch comes near. */
const FULL = [32, 64];
/** The largest last batch. */
const LAST = 40;

const ADAPTERS: Readonly<Record<string, Partial<DeviceTarget>>> = {
  lavapipe: { software: true, subgroupSize: 8, texels: true, adapter: 'llvmpipe' },
  swiftshader: { software: true, subgroupSize: 4, texels: false, adapter: 'SwiftShader' },
  'a large GPU': { software: false, subgroupSize: 32, texels: false, adapter: 'nvidia' },
  'an unknown GPU': { software: false, subgroupSize: 0, texels: false, adapter: 'an unknown GPU' },
};

/** Long sums of few outputs, as matrix products, as reductions and as rows: those that GPUs split. */
class Rows extends Module {
  first = new Sequential(new Linear(2048, 96), new Linear(96, 12));
  second = new Linear(2048, 1);
  forward(x: Tensor): Tensor {
    const rows = x.flatten(1);
    return this.first
      .forward(rows)
      .softmax(1)
      .add(this.second.forward(rows))
      .add(rows.mean([1], { keepdim: true }));
  }
}

const NETWORKS: Readonly<Record<string, { make: () => Promise<Module>; shape: readonly number[] }>> = {
  smallResnet: { make: () => smallResnet(), shape: [3, 32, 32] },
  cifarResnet20: { make: () => cifarResnet20(), shape: [3, 32, 32] },
  squeezenet1_1: { make: () => squeezenet1_1(), shape: [3, 224, 224] },
  resnet18: { make: () => resnet18(), shape: [3, 224, 224] },
  'resnet50 on small images': { make: () => resnet50(), shape: [3, 64, 64] },
  'linear layers': { make: async () => new Rows(), shape: [2048] },
};

/** Words of a product's parameters that say how its sums are split; see `headFields` in kernels/gemm/gemm.ts. */
const SPLIT = [11, 15] as const;

/**
 * Names of the kernels of a forward pass of `count` images in a batch of `full`, which tell algorithm and tile, and how those that split
 * sums do so. One that runs for each range of its elements counts once.
 */
function kernels(model: Module, count: number, full: number, shape: readonly number[]): string[] {
  const value = hostValue([count, ...shape], 'float32', () => new Float32Array());
  value.data.batchScale = full / count;
  const steps = plannedSteps(() => model.forward(new Tensor(value)), currentDevice().target);
  const first = steps.filter(({ writes }) => !writes[0]!.range?.offset);
  return first.map(({ name, params }) => `${name} ${name.endsWith('.split') ? params!.slice(...SPLIT) : ''}`);
}

let restore = (): void => {};
beforeAll(async () => {
  await init();
});
afterEach(() => restore());

describe.each(Object.entries(NETWORKS))('%s', (_, { make, shape }) => {
  let model: Module;
  beforeAll(async () => {
    model = (await make()).eval();
  });
  test.each(Object.entries(ADAPTERS))('on %s', (__, target) => {
    restore = chooseAs(target);
    for (const full of FULL) {
      const expected = kernels(model, full, full, shape);
      for (let count = 1; count < full && count <= LAST; count++)
        expect(kernels(model, count, full, shape), `${count} of ${full} images`).toEqual(expected);
    }
  });
});
