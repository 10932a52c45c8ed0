import { describe, expect, test } from 'vitest';
import { conv2d, packWeights } from '../../src/kernels/conv2d/direct.ts';
import { conv2dInputGrad, conv2dWeightGrad } from '../../src/kernels/conv2d/direct-grad.ts';
import { conv2dOfPatches, packRows } from '../../src/kernels/conv2d/patches.ts';
import { inputGradOfPatches, weightGradOfPatches } from '../../src/kernels/conv2d/patches-grad.ts';
import { matmul } from '../../src/kernels/gemm/matmul.ts';
import { identityEpilogue, type KernelTarget, type Program } from '../../src/kernels/kernel.ts';
import { convShape } from './reference.ts';
import { openDevice } from './run.ts';

const product = (target: KernelTarget, M: number, N: number, K: number): Program =>
  matmul(target, { M, N, K, batch: [], aStrides: [K, 1], bStrides: [N, 1], aBatch: [], bBatch: [] }, identityEpilogue);

/** Programs that together use every tile, unroll and split of a family. */
function programs(target: KernelTarget): Program[] {
  const shapes = [
    convShape(8, 64, [56, 56], 64, [3, 3], { padding: [1, 1, 1, 1] }),
    convShape(1, 3, [224, 224], 64, [7, 7], { stride: [2, 2], padding: [3, 3, 3, 3] }),
    convShape(1, 1024, [7, 7], 8, [1, 1]),
    convShape(2, 32, [14, 14], 32, [3, 3], { groups: 32 }),
  ];
  return [
    product(target, 1024, 1024, 1024),
    product(target, 8, 1000, 2047),
    product(target, 64, 64, 4096),
    ...shapes.flatMap((shape) => [
      packWeights(target, shape, 'forward'),
      packRows(target, shape),
      conv2dOfPatches(target, shape, identityEpilogue),
      inputGradOfPatches(target, shape, identityEpilogue),
      weightGradOfPatches(target, shape, identityEpilogue),
      conv2d(target, shape, identityEpilogue),
      conv2dInputGrad(target, shape, identityEpilogue),
      conv2dWeightGrad(target, shape, identityEpilogue),
    ]),
  ];
}

describe('gemm', () => {
  for (const subgroupSize of [0, 4, 8, 16, 32])
    test(`compiles without a message at ${subgroupSize || 'no'} lanes`, async () => {
      const { device, target } = await openDevice();
      if (subgroupSize && !device.features.has('subgroups')) return;
      const modules = new Map(
        programs({ ...target, subgroupSize }).flatMap(({ steps }) => steps.map(({ name, wgsl }) => [wgsl, name])),
      );
      for (const [code, name] of modules) {
        const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
        expect(
          messages.map((m) => `${name}:${m.lineNum}: ${m.message}`),
          code,
        ).toEqual([]);
      }
    });

  test('is lanes on software, tiles on a GPU and without subgroups', async () => {
    const { target } = await openDevice();
    const name = (changes: Partial<KernelTarget>) => product({ ...target, ...changes }, 640, 640, 20).steps[0]!.name;
    expect(name({ software: true, subgroupSize: 8, adapter: 'llvmpipe' })).toMatch(/^matmul\.lane32x64/);
    expect(name({ software: true, subgroupSize: 0 })).toMatch(/^matmul\.tile64x64/);
    expect(name({ software: false, subgroupSize: 32 })).toMatch(/^matmul\.tile64x64/);
  });

  test('bakes no shape into the text', async () => {
    const { target } = await openDevice();
    for (const software of [true, false]) {
      const of = (M: number, K: number) =>
        product({ ...target, software, subgroupSize: 8 }, M, 999, K).steps.map(({ wgsl }) => wgsl);
      expect(of(1100, 64)).toEqual(of(1300, 128));
    }
  });

  test('splits a long reduction to few tiles, and no other', async () => {
    const { target } = await openDevice();
    const isSplit = (...size: [number, number, number]) =>
      product(target, ...size).steps.some(({ name }) => name === 'matmul.sum');
    expect(isSplit(32, 32, 100_000)).toBe(true);
    expect(isSplit(32, 32, 100)).toBe(false);
    expect(isSplit(2048, 2048, 4096)).toBe(false);
  });

  test('folds a grid that exceeds the limit', async () => {
    const { target } = await openDevice();
    const [x, y, z] = product({ ...target, maxWorkgroupsPerDimension: 100 }, 1600, 1600, 8).steps.at(-1)!.workgroups;
    expect(Math.max(x, y)).toBeLessThanOrEqual(100);
    expect(z).toBe(1);
  });
});
