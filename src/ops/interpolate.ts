/** Resizing of images [N, C, H, W], with PyTorch's rules for where pixels lie. */
import { above, check, each, oneOf, whole } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { dims4, type Shape } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { floatTypeOf } from '../graph/value.ts';
import * as kernels from '../kernels/interpolate.ts';
import { type Pair, pairOf } from './conv2d.ts';
import { defineOp, type Op } from './op.ts';

/** Options of `interpolate`: a size, or factors of the size. */
export interface InterpolateOptions {
  /** Height and width of the output, or both in one number, in pixels. */
  readonly size?: Pair | undefined;
  /** What height and width are multiplied with; the product is rounded down. */
  readonly scaleFactor?: Pair | undefined;
  /** 'nearest' by default, which takes the pixel above and left of a place; 'nearest-exact' takes the one that is nearest. */
  readonly mode?: kernels.InterpolationMode | undefined;
  /** Whether the centres of the corner pixels stay in place, or the corners of the image (the default). For bilinear and bicubic alone. */
  readonly alignCorners?: boolean | undefined;
}

const OP = 'interpolate';
const MODE = oneOf('nearest', 'nearest-exact', 'bilinear', 'bicubic');
const SIZE = each(whole(1, 'a positive integer'));
const FACTOR = each(above(0));

function shapeOf(x: Shape, options: InterpolateOptions): kernels.Interpolation {
  const [N, C, H, W] = dims4(OP, 'the input', x);
  const { size, scaleFactor, alignCorners = false } = options;
  const mode = check(OP, 'mode', options.mode ?? 'nearest', MODE);
  if ((size === undefined) === (scaleFactor === undefined))
    throw new ArgumentError(`${OP}: expected size or scaleFactor, got ${size === undefined ? 'neither' : 'both'}.`);
  if (alignCorners && mode.startsWith('nearest'))
    throw new ArgumentError(`${OP}: alignCorners is for bilinear and bicubic, got mode '${mode}'.`);
  if (size === undefined) check(OP, 'scaleFactor', scaleFactor, FACTOR);
  else check(OP, 'size', size, SIZE);
  const factors = pairOf(scaleFactor, 1);
  const [outH, outW] = size === undefined ? [Math.floor(H * factors[0]), Math.floor(W * factors[1])] : pairOf(size, 1);
  if (outH < 1 || outW < 1)
    throw new ArgumentError(`${OP}: scaleFactor ${factors.join('x')} leaves nothing of ${H}x${W}.`);
  const scaleOf = (from: number, to: number, factor: number): number => {
    if (alignCorners) return to > 1 ? (from - 1) / (to - 1) : 0;
    return size === undefined ? 1 / factor : from / to;
  };
  return {
    ...{ N, C, H, W, outH, outW, mode, alignCorners },
    scale: [scaleOf(H, outH, factors[0]), scaleOf(W, outW, factors[1])],
  };
}

/** Images at another size. */
export const interpolate: Op<InterpolateOptions> = defineOp<InterpolateOptions>({
  name: OP,
  forward: ([x], options) => {
    const shape = shapeOf(x!.shape, options);
    const { N, C, outH, outW } = shape;
    const [y] = recordKernel(OP, [x!], [{ shape: [N, C, outH, outW], dtype: floatTypeOf(x!) }], {
      key: Object.values(shape).join(),
      lower: (target, epilogue) => kernels.interpolate(target, shape, epilogue),
      fuses: 'epilogue',
      axes: { row: { inner: outH * outW, size: C } },
      samplewise: true,
    });
    return y!;
  },
  backward: (gy, { inputs: [x], attributes }) => {
    const shape = shapeOf(x!.shape, attributes);
    return recordKernel('interpolateGrad', [gy], [{ shape: x!.shape, dtype: floatTypeOf(x!) }], {
      key: Object.values(shape).join(),
      lower: (target) => kernels.interpolateGrad(target, shape),
      samplewise: true,
    });
  },
});
