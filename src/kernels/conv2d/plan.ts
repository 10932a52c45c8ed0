/**
 * The choice of a convolution's algorithm. It is made here, when a plan is made, and nowhere else: the op records a convolution without
 * knowing the adapter.
 */
import { family } from '../families.ts';
import { type Choice, fullBatch, identityEpilogue, type KernelTarget, noEpilogue, type Packing } from '../kernel.ts';
import type { ConvolutionAlgorithm, ConvolutionDirection } from './algorithm.ts';
import { depthwise as depthwiseForward, depthwiseInputGrad, depthwiseWeightGrad } from './depthwise.ts';
import { conv2d, packedElements, packWeights } from './direct.ts';
import { conv2dInputGrad, conv2dWeightGrad } from './direct-grad.ts';
import { type Conv2dShape, isDepthwise, type PackDirection } from './shape.ts';

/** An implicit matrix product. */
const direct: ConvolutionAlgorithm = {
  name: 'direct',
  kernels: { forward: conv2d, inputGrad: conv2dInputGrad, weightGrad: conv2dWeightGrad },
  packing: { elements: packedElements, lower: packWeights },
};

/** A sum over taps alone. */
const depthwise: ConvolutionAlgorithm = {
  name: 'depthwise',
  kernels: { forward: depthwiseForward, inputGrad: depthwiseInputGrad, weightGrad: depthwiseWeightGrad },
};

/** The fastest algorithm for a full batch. Those that software adapters alone run were measured there. */
function algorithmFor(target: KernelTarget, shape: Conv2dShape, direction: ConvolutionDirection): ConvolutionAlgorithm {
  if (isDepthwise(shape)) return depthwise;
  if (!target.software) return direct;
  const { patches, winograd } = family('software');
  const inFull = { ...shape, N: fullBatch(target, shape.N) };
  if (target.winograd !== false && winograd.suits(target, inFull, direction)) return winograd;
  return target.texels && patches.suits(target, inFull, direction) ? patches : direct;
}

function packingFor(
  { name, packing }: ConvolutionAlgorithm,
  shape: Conv2dShape,
  direction: PackDirection,
): Packing | undefined {
  const { elements: count, lower, ...type } = packing ?? {};
  const elements = count?.(shape, direction);
  if (!elements) return undefined;
  const key = `${name},${direction},${shape.groups}`;
  return { input: 1, key, elements, ...type, lower: (target) => lower!(target, shape, direction) };
}

/** The kernel for a product of the convolution. Inputs: x or gy, then the weight (for its gradient: gy, then x). */
export function planConvolution(target: KernelTarget, shape: Conv2dShape, direction: ConvolutionDirection): Choice {
  const algorithm = algorithmFor(target, shape, direction);
  const kernel = algorithm.kernels[direction]!;
  const ofWeight = direction === 'weightGrad';
  return {
    key: algorithm.name,
    // The shared epilogue is for ops after a layer: after a gradient, which has mostly none, it would be a detour.
    lower: (adapter, epilogue) =>
      kernel(adapter, shape, ofWeight && epilogue === identityEpilogue ? noEpilogue : epilogue),
    packing: ofWeight ? undefined : packingFor(algorithm, shape, direction),
  };
}
