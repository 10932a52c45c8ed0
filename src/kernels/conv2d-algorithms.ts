/** Ways to compute a convolution and the gradient of its input. */
import { type Conv2dShape, conv2d, type PackDirection, packedLayout, packWeights, readsPlain } from './conv2d.ts';
import { conv2dInputGrad } from './conv2d-grad.ts';
import type { Fusion, KernelTarget, Program } from './kernel.ts';

export interface Conv2dAlgorithm {
  readonly name: string;
  /** Elements of the weight as the kernels want it; null where they read OIHW as it is. */
  packedElements(shape: Conv2dShape, direction: PackDirection): number | null;
  /** Whether it is packed in float32 whatever type it has. */
  readonly packsFloat32?: boolean;
  /** Packs w = input(0), OIHW. */
  pack(target: KernelTarget, shape: Conv2dShape, direction: PackDirection): Program;
  /** Reads x = input(0) and the packed weight = input(1), writes y = output(0). Epilogue as in `conv2d`. */
  forward(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program;
  /** Reads gy = input(0) and the packed weight = input(1), writes gx = output(0). */
  inputGrad(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program;
}

/** The sum as it is defined. */
export const direct: Conv2dAlgorithm = {
  name: 'direct',
  packedElements: (shape, direction) => (readsPlain(shape, direction) ? null : packedLayout(shape, direction).elements),
  pack: packWeights,
  forward: conv2d,
  inputGrad: conv2dInputGrad,
};
