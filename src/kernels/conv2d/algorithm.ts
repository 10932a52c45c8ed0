/** An algorithm for a convolution and its gradients. `planConvolution` (plan.ts) decides which one runs. */
import type { Fusion, KernelTarget, Program } from '../kernel.ts';
import type { Conv2dShape, PackDirection } from './shape.ts';

/** The product of a convolution y = conv2d(x, w): y from x and w, the gradient of x from gy and w, or that of w from gy and x. */
export type ConvolutionDirection = PackDirection | 'weightGrad';

export interface ConvolutionAlgorithm {
  readonly name: string;
  /** Kernels by their results; input(0) and input(1) are read, output(0) is written. */
  readonly kernels: {
    readonly [D in ConvolutionDirection]?: (target: KernelTarget, shape: Conv2dShape, epilogue: Fusion) => Program;
  };
  /** The order in which the kernels read the weight; OIHW where it is left out. */
  readonly packing?: {
    /** Elements of the packed weight; null where OIHW is read as it is. */
    readonly elements: (shape: Conv2dShape, direction: PackDirection) => number | null;
    /** input(0) w, OIHW -> output(0) the packed weight. */
    readonly lower: (target: KernelTarget, shape: Conv2dShape, direction: PackDirection) => Program;
    /** Type of the packed weight; the weight's own where it is left out. */
    readonly dtype?: 'float32';
  };
}

/** An algorithm that is the fastest for some convolutions. */
export interface MeasuredAlgorithm extends ConvolutionAlgorithm {
  /** True if it was measured to be the fastest; `shape` is that of a full batch. */
  suits(target: KernelTarget, shape: Conv2dShape, direction: ConvolutionDirection): boolean;
}
