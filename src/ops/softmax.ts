/** Softmax and its logarithm along one axis. */
import { normalizeAxis } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value } from '../graph/value.ts';
import type { KernelTarget, Program } from '../kernels/kernel.ts';
import * as kernels from '../kernels/rows/softmax.ts';
import { defineOp, type Op } from './op.ts';

type Kernel = (target: KernelTarget, shape: kernels.SoftmaxShape) => Program;

function record(name: string, inputs: Value[], axis: number, kernel: Kernel): Value {
  const { shape } = inputs[0]!;
  const [y] = recordKernel(name, inputs, [{ shape, dtype: floatTypeOf(inputs[0]!) }], {
    key: `${axis}`,
    lower: (target) => kernel(target, { shape, axis }),
    samplewise: axis > 0,
  });
  return y!;
}

const alongAxis = (name: string, forward: Kernel, gradient: Kernel): Op<{ axis: number }> =>
  defineOp<{ axis: number }>({
    name,
    autocast: 'float32',
    forward: ([x], { axis }) => record(name, [x!], normalizeAxis(name, axis, x!.shape.length), forward),
    backward: (gy, { output, attributes: { axis } }) => [
      record(`${name}Grad`, [output, gy], normalizeAxis(name, axis, gy.shape.length), gradient),
    ],
  });

export const softmax: Op<{ axis: number }> = alongAxis('softmax', kernels.softmax, kernels.softmaxGrad);
export const logSoftmax: Op<{ axis: number }> = alongAxis('logSoftmax', kernels.logSoftmax, kernels.logSoftmaxGrad);
