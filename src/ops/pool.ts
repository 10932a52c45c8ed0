/** Pooling over windows of [N, C, H, W]: maximum, average, adaptive average. */
import type { DType } from '../core/dtype.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import { dims4, formatShape, type Shape } from '../core/shape.ts';
import { type KernelOptions, recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value } from '../graph/value.ts';
import * as kernels from '../kernels/pool.ts';
import { type Pair, pairOf } from './conv2d.ts';
import { defineOp, type Op } from './op.ts';
import { spread } from './reduce.ts';

/** The windows of a pooling. */
export interface PoolOptions {
  /** Side of the window, or [height, width], in pixels. */
  readonly kernel: Pair;
  /** The kernel size by default: windows that do not overlap. */
  readonly stride?: Pair | undefined;
  /** At most half the kernel. */
  readonly padding?: Pair | undefined;
  /** Count a last window that hangs over the edge. */
  readonly ceilMode?: boolean | undefined;
}

/** Options of `Tensor.maxPool2d`. */
export interface MaxPoolOptions extends PoolOptions {
  /** Distance between the pixels of a window; 1 by default. */
  readonly dilation?: Pair | undefined;
}

/** Options of `Tensor.avgPool2d`. */
export interface AvgPoolOptions extends PoolOptions {
  /** Divide by the window's size, padding included (the default), or by the elements it covers. */
  readonly countIncludePad?: boolean | undefined;
}

/** Windows along one axis. In ceil mode the last one must start inside the input or its leading padding. */
function outputSize(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
  ceilMode: boolean,
): number {
  const span = size + 2 * padding - dilation * (kernel - 1) - 1;
  const count = (ceilMode ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
  return ceilMode && (count - 1) * stride >= size + padding ? count - 1 : count;
}

function windowOf(op: string, x: Shape, options: MaxPoolOptions): kernels.MaxWindow {
  const [N, C, H, W] = dims4(op, 'the input', x);
  const kernel = pairOf(options.kernel, 1);
  const stride = options.stride === undefined ? kernel : pairOf(options.stride, 1);
  const padding = pairOf(options.padding, 0);
  const dilation = pairOf(options.dilation, 1);
  const { ceilMode = false } = options;
  for (const [name, pair] of Object.entries({ kernel, stride, dilation }))
    if (!pair.every((v) => Number.isInteger(v) && v > 0))
      throw new ArgumentError(`${op}: ${name} must be a positive integer, got ${pair.map(shown).join('x')}.`);
  if (!padding.every((p, d) => Number.isInteger(p) && p >= 0 && 2 * p <= kernel[d]!))
    throw new ArgumentError(
      `${op}: padding must be at most half of the kernel, got padding ${padding.join('x')} for kernel ${kernel.join('x')}.`,
    );
  const outH = outputSize(H, kernel[0], stride[0], padding[0], dilation[0], ceilMode);
  const outW = outputSize(W, kernel[1], stride[1], padding[1], dilation[1], ceilMode);
  if (outH < 1 || outW < 1)
    throw new ShapeError(
      op,
      `the window ${kernel.join('x')} is larger than the padded input ${formatShape(x)}. Use larger images or a smaller window.`,
      [x],
    );
  return { N, C, H, W, outH, outW, kernel, stride, padding, dilation };
}

const keyOf = (...shapes: object[]): string => shapes.map((s) => Object.values(s).join()).join(';');

function record(
  name: string,
  inputs: Value[],
  outputs: { shape: Shape; dtype?: DType }[],
  options: KernelOptions,
): Value[] {
  return recordKernel(name, inputs, outputs, { ...options, samplewise: true });
}

/** Maximum of each window; padding never wins. */
export const maxPool2d: Op<MaxPoolOptions> = defineOp<MaxPoolOptions>({
  name: 'maxPool2d',
  forward: ([x], options, saved) => {
    const window = windowOf('maxPool2d', x!.shape, options);
    const shape = [window.N, window.C, window.outH, window.outW];
    // Where the maxima were is for backward alone.
    const indices = saved !== null;
    const values = { shape, dtype: floatTypeOf(x!) };
    const outputs = indices ? [values, { shape, dtype: 'int32' as const }] : [values];
    const [y, places] = record('maxPool2d', [x!], outputs, {
      key: keyOf({ ...window, indices }),
      lower: (target, epilogue) => kernels.maxPool2d(target, { ...window, indices }, epilogue),
      fuses: 'epilogue',
      axes: { row: { inner: window.outH * window.outW, size: window.C } },
    });
    if (saved) saved.indices = places!;
    return y!;
  },
  backward: (gy, { inputs: [x], attributes, saved }) => {
    const window = windowOf('maxPool2d', x!.shape, attributes);
    return record('maxPool2dGrad', [gy, saved.indices!], [{ shape: x!.shape, dtype: floatTypeOf(x!) }], {
      key: keyOf(window),
      lower: (target) => kernels.maxPool2dGrad(target, window),
    });
  },
});

function averageWindow(x: Shape, options: AvgPoolOptions): kernels.AverageWindow {
  const { countIncludePad = true } = options;
  return { ...windowOf('avgPool2d', x, options), countIncludePad };
}

/** Mean of each window. */
export const avgPool2d: Op<AvgPoolOptions> = defineOp<AvgPoolOptions>({
  name: 'avgPool2d',
  forward: ([x], options) => {
    const window = averageWindow(x!.shape, options);
    const [y] = record(
      'avgPool2d',
      [x!],
      [{ shape: [window.N, window.C, window.outH, window.outW], dtype: floatTypeOf(x!) }],
      {
        key: keyOf(window),
        lower: (target, epilogue) => kernels.avgPool2d(target, window, epilogue),
        fuses: 'epilogue',
        axes: { row: { inner: window.outH * window.outW, size: window.C } },
      },
    );
    return y!;
  },
  backward: (gy, { inputs: [x], attributes }) => {
    const window = averageWindow(x!.shape, attributes);
    return record('avgPool2dGrad', [gy], [{ shape: x!.shape, dtype: floatTypeOf(x!) }], {
      key: keyOf(window),
      lower: (target) => kernels.avgPool2dGrad(target, window),
    });
  },
});

function adaptiveShape(x: Shape, outputSize: Pair): kernels.PoolShape {
  const [N, C, H, W] = dims4('adaptiveAvgPool2d', 'the input', x);
  const [outH, outW] = pairOf(outputSize, 1);
  if (![outH, outW].every((v) => Number.isInteger(v) && v > 0))
    throw new ArgumentError(`adaptiveAvgPool2d: the output size must be positive integers, got ${outputSize}.`);
  return { N, C, H, W, outH, outW };
}

/** Mean over as many equal windows as the output has elements. */
export const adaptiveAvgPool2d: Op<{ outputSize: Pair }> = defineOp<{ outputSize: Pair }>({
  name: 'adaptiveAvgPool2d',
  forward: ([x], { outputSize }) => {
    const shape = adaptiveShape(x!.shape, outputSize);
    const [y] = record(
      'adaptiveAvgPool2d',
      [x!],
      [{ shape: [shape.N, shape.C, shape.outH, shape.outW], dtype: floatTypeOf(x!) }],
      {
        key: keyOf(shape),
        lower: (target) => kernels.adaptiveAvgPool2d(target, shape),
      },
    );
    return y!;
  },
  backward: (gy, { inputs: [x], attributes: { outputSize } }) => {
    const shape = adaptiveShape(x!.shape, outputSize);
    // Elementwise, it melts into what takes it.
    if (shape.outH * shape.outW === 1)
      return [spread('adaptiveAvgPool2dGrad', gy, x!.shape, [2, 3], 1 / (shape.H * shape.W))];
    return record('adaptiveAvgPool2dGrad', [gy], [{ shape: x!.shape, dtype: floatTypeOf(x!) }], {
      key: keyOf(shape),
      lower: (target) => kernels.adaptiveAvgPool2dGrad(target, shape),
    });
  },
});
