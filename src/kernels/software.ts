/** Kernels of software adapters alone: the family `lane` of products, and convolutions by Winograd's algorithm and as products over patches. */
import type { MeasuredAlgorithm } from './conv2d/algorithm.ts';
import { conv2dOfPatches, packedRowElements, packRows, suitsPatches } from './conv2d/patches.ts';
import {
  inputGradOfPatches,
  inputGradSuitsPatches,
  weightGradOfPatches,
  weightGradSuitsPatches,
} from './conv2d/patches-grad.ts';
import { winograd as kernel, mirrored, suitsWinograd, winogradElements, winogradWeights } from './conv2d/winograd.ts';

export { laneMain } from './gemm/lane.ts';

export const winograd: MeasuredAlgorithm = {
  name: 'winograd',
  kernels: {
    forward: kernel,
    inputGrad: (target, shape, epilogue) => kernel(target, mirrored(shape), epilogue),
  },
  packing: { elements: winogradElements, lower: winogradWeights, dtype: 'float32' },
  suits(_, shape, direction) {
    if (direction === 'weightGrad') return false;
    const product = direction === 'forward' ? shape : mirrored(shape);
    return suitsWinograd(product) && product.padding.every((p) => p >= 0);
  },
};

/** The algorithm of patches, for adapters with {@link KernelTarget.texels}. */
export const patches: MeasuredAlgorithm = {
  name: 'patches',
  kernels: { forward: conv2dOfPatches, inputGrad: inputGradOfPatches, weightGrad: weightGradOfPatches },
  packing: { elements: packedRowElements, lower: packRows },
  suits(target, shape, direction) {
    if (direction === 'weightGrad') return weightGradSuitsPatches(target, shape);
    return direction === 'forward' ? suitsPatches(shape) : inputGradSuitsPatches(shape);
  },
};
