/** Which algorithm a convolution runs, by the adapter and the shape; numbers: conv2d, depthwise and winograd.test.ts. */
import { describe, expect, test } from 'vitest';
import type { ConvolutionDirection } from '../../src/kernels/conv2d/algorithm.ts';
import { planConvolution } from '../../src/kernels/conv2d/plan.ts';
import type { KernelTarget } from '../../src/kernels/kernel.ts';
import { TARGETS } from './catalog.ts';
import { convShape } from './reference.ts';

const padded = { padding: [1, 1, 1, 1] } as const;
const wide = convShape(8, 128, [14, 14], 128, [3, 3], padded);
const narrow = convShape(8, 64, [14, 14], 64, [3, 3], padded);
const pointwise = convShape(8, 64, [14, 14], 64, [1, 1]);
const stem = convShape(8, 3, [32, 32], 64, [7, 7], { stride: [2, 2] });
const depthwise = convShape(8, 64, [14, 14], 64, [3, 3], { ...padded, groups: 64 });

const software = TARGETS['software, subgroups of 8']!;
const texels = TARGETS['software, subgroups of 8, texels, immediates']!;
const gpu = TARGETS['GPU, subgroups of 32']!;

const DIRECTIONS: readonly ConvolutionDirection[] = ['forward', 'inputGrad', 'weightGrad'];
const algorithms = (target: KernelTarget, shape = wide): string[] =>
  DIRECTIONS.map((direction) => planConvolution(target, shape, direction).key);

describe('planConvolution', () => {
  test('forward, the gradient of the input, the gradient of the weight', () => {
    expect(algorithms(gpu)).toEqual(['direct', 'direct', 'direct']);
    expect(algorithms(software)).toEqual(['winograd', 'winograd', 'direct']);
    expect(algorithms(software, narrow)).toEqual(['direct', 'direct', 'direct']);
    expect(algorithms(texels)).toEqual(['winograd', 'winograd', 'patches']);
    expect(algorithms(texels, pointwise)).toEqual(['patches', 'patches', 'patches']);
    expect(algorithms(texels, stem)).toEqual(['patches', 'direct', 'patches']);
    for (const target of [gpu, software, texels])
      expect(algorithms(target, depthwise)).toEqual(['depthwise', 'depthwise', 'depthwise']);
  });

  test('goes by the full batch', () => {
    const last = convShape(1, 512, [7, 7], 512, [3, 3], padded);
    expect(algorithms(software, last)[0]).toBe('direct');
    expect(algorithms({ ...software, batchScale: 8 }, last)[0]).toBe('winograd');
  });

  test('has its switches in the target', () => {
    expect(algorithms({ ...texels, winograd: false })).toEqual(['patches', 'direct', 'patches']);
    expect(algorithms({ ...texels, winograd: false, texels: false })).toEqual(['direct', 'direct', 'direct']);
    // Texels hold float32.
    expect(algorithms({ ...texels, isFloat16: () => true }, pointwise)[2]).toBe('direct');
  });

  test('packs the weight in the order of the algorithm, and not where that is OIHW', () => {
    const elements = (target: KernelTarget, shape = wide) =>
      DIRECTIONS.map((direction) => planConvolution(target, shape, direction).packing?.elements);
    const weights = 128 * 128 * 9;
    expect(elements(gpu)).toEqual([weights, weights, undefined]);
    expect(elements(software)).toEqual([16 * 128 * 128, 16 * 128 * 128, undefined]);
    expect(elements(texels, stem)).toEqual([64 * 148, 3 * 64 * 49 + 64 * 49, undefined]);
    expect(elements(texels, pointwise)).toEqual([undefined, undefined, undefined]);
    expect(elements(gpu, depthwise)).toEqual([undefined, undefined, undefined]);
    expect(planConvolution(software, wide, 'forward').packing).toMatchObject({ dtype: 'float32', input: 1 });
  });
});
