/** What only software adapters run: the family `lane` of products, and convolutions by Winograd's algorithm and as products over patches. */
import type { PackDirection } from './conv2d.ts';
import type { Conv2dAlgorithm } from './conv2d-algorithms.ts';
import { conv2dOfPatches, packedRowElements, packRows, suitsPatches } from './conv2d-patches.ts';
import { inputGradOfPatches, inputGradSuitsPatches } from './conv2d-patches-grad.ts';
import { type Conv2dShape, isDepthwise } from './conv2d-shape.ts';
import { winograd as kernel, mirrored, suitsWinograd, winogradElements, winogradWeights } from './winograd.ts';

export { weightGradOfPatches, weightGradSuitsPatches } from './conv2d-patches-grad.ts';
export { laneMain } from './gemm-lane.ts';

/** An algorithm, and the convolutions of a full batch for which it was measured to be the fastest here. */
interface Measured extends Conv2dAlgorithm {
  suits(shape: Conv2dShape, direction: PackDirection): boolean;
}

export const winograd: Measured = {
  name: 'winograd',
  suits: (shape, direction) => {
    const turned = direction === 'forward' ? shape : mirrored(shape);
    return suitsWinograd(turned) && turned.padding.every((p) => p >= 0);
  },
  packedElements: winogradElements,
  packsFloat32: true,
  pack: winogradWeights,
  forward: kernel,
  inputGrad: (target, shape, epilogue) => kernel(target, mirrored(shape), epilogue),
};

/** For adapters with {@link KernelTarget.texels}. */
export const patches: Measured = {
  name: 'patches',
  suits: (shape, direction) =>
    !isDepthwise(shape) && (direction === 'forward' ? suitsPatches : inputGradSuitsPatches)(shape),
  packedElements: packedRowElements,
  pack: packRows,
  forward: conv2dOfPatches,
  inputGrad: inputGradOfPatches,
};
