/** A layer's weights by Keras's names, in Keras's order, and the way between Keras's layouts and those here. */
import { type TensorData, toFloat32 } from '../../core/dtype.ts';
import type { Shape } from '../../core/shape.ts';
import { BatchNorm2d, type Buffer, Conv2d, Linear, type Module, type Parameter } from '../../nn/index.ts';
import { PReLU } from './activations.ts';
import { DepthwiseConv2D, SeparableConv2D } from './convolution.ts';
import { permuted } from './layout.ts';
import { LayerNormalization, LayerScale, Normalization } from './normalization.ts';

/** One weight of a layer. */
export interface LayerWeight {
  /** As Keras calls it: `kernel`, `moving_mean`. */
  readonly name: string;
  /** What other versions call it. */
  readonly aliases?: readonly string[];
  /** Where it is kept here: a field's path inside the layer's module. */
  readonly field: string;
  readonly tensor: Parameter | Buffer;
  /** In Keras's layout. */
  readonly shape: Shape;
  /** The axes of Keras's layout in the order that they have here; none where both are the same. */
  readonly axes?: readonly number[];
}

/** Names of a weight's axes in Keras's layout and here; undefined where both are the same. */
export function axisNames({ axes, shape }: LayerWeight): readonly [keras: string, here: string] | undefined {
  if (!axes) return undefined;
  if (shape.length === 2) return ['IO', 'OI'];
  if (shape.length === 3) return ['HWC', 'CHW'];
  return axes[0] === 2 ? ['HWIM', 'IM1HW'] : ['HWIO', 'OIHW'];
}

/** The weights of a module in Keras's order: those that training changes first, as Keras saves them. */
export function layerWeights(module: Module): LayerWeight[] {
  if (module instanceof SeparableConv2D)
    return [
      ...kernel(module.depthwise, 'depthwise_kernel', 'depthwise.'),
      ...kernel(module.pointwise, 'pointwise_kernel', 'pointwise.'),
    ];
  // Keras 3 calls it kernel in .h5 files.
  if (module instanceof DepthwiseConv2D) return kernel(module, 'depthwise_kernel', '', ['kernel']);
  if (module instanceof Conv2d) return kernel(module, 'kernel', '');
  if (module instanceof Linear)
    return [
      {
        name: 'kernel',
        field: 'weight',
        tensor: module.weight,
        shape: [module.inFeatures, module.outFeatures],
        axes: [1, 0],
      },
      ...plain([['bias', 'bias', module.bias]]),
    ];
  if (module instanceof BatchNorm2d)
    return plain([
      ['gamma', 'weight', module.weight],
      ['beta', 'bias', module.bias],
      ['moving_mean', 'running_mean', module.running_mean],
      ['moving_variance', 'running_var', module.running_var],
    ]);
  if (module instanceof LayerNormalization)
    return plain([
      ['gamma', 'weight', module.weight],
      ['beta', 'bias', module.bias],
    ]);
  // Keras 3 calls it variable in .h5 files.
  if (module instanceof LayerScale)
    return plain([['gamma', 'weight', module.weight]]).map((weight) => ({ ...weight, aliases: ['variable'] }));
  if (module instanceof PReLU) {
    const [alpha] = plain([['alpha', 'weight', module.weight]]);
    const [c, h, w] = module.weight.shape;
    return module.weight.rank === 3 ? [{ ...alpha!, shape: [h!, w!, c!], axes: [2, 0, 1] }] : [alpha!];
  }
  if (module instanceof Normalization)
    return plain([
      ['mean', 'mean', module.mean],
      ['variance', 'variance', module.variance],
    ]);
  return [];
}

function kernel(module: Conv2d, name: string, prefix: string, aliases: readonly string[] = []): LayerWeight[] {
  const [h, w] = module.kernelSize;
  const isDepthwise = module instanceof DepthwiseConv2D;
  // Depthwise: [H, W, in, multiplier] to [in, multiplier, H, W], which is [in * multiplier, 1, H, W]; else HWIO to OIHW.
  const shape = isDepthwise
    ? [h, w, module.inChannels, module.depthMultiplier]
    : [h, w, module.inChannels / module.groups, module.outChannels];
  const axes = isDepthwise ? [2, 3, 0, 1] : [3, 2, 0, 1];
  return [
    { name, aliases, field: `${prefix}weight`, tensor: module.weight, shape, axes },
    ...plain([['bias', `${prefix}bias`, module.bias]]),
  ];
}

function plain(
  list: readonly (readonly [name: string, field: string, tensor: Parameter | Buffer | null])[],
): LayerWeight[] {
  return list.flatMap(([name, field, tensor]) => (tensor ? [{ name, field, tensor, shape: tensor.shape }] : []));
}

/** A weight out of a Keras file, in the layout of here. Its shape must be the weight's. */
export function fromKeras(weight: LayerWeight, data: TensorData): TensorData {
  const { axes, tensor } = weight;
  const values = toFloat32(data);
  return {
    shape: tensor.shape,
    dtype: 'float32',
    data: axes ? permuted(values, weight.shape, axes) : values,
  };
}

/** A weight's elements in Keras's layout. */
export function toKeras(weight: LayerWeight, values: Float32Array): TensorData {
  const { axes, shape } = weight;
  if (!axes) return { shape, dtype: 'float32', data: values };
  const here = axes.map((axis) => shape[axis]!);
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return { shape, dtype: 'float32', data: permuted(values, here, back) };
}
