/** Making tensors. */
import { type DType, type HostArray, hostArray } from '../core/dtype.ts';
import { ShapeError } from '../core/errors.ts';
import { defaultGenerator, Generator } from '../core/random.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { wantFloat16 } from '../device/current.ts';
import { hostValue } from '../graph/value.ts';
import { Tensor } from './tensor.ts';

/** Numbers, nested as the axes are. */
export type Nested = number | readonly Nested[];

/** What a new tensor is: float32 and without gradient by default. */
export interface TensorOptions {
  readonly dtype?: DType;
  readonly requires_grad?: boolean;
}

function measure(data: Nested, path: Shape = []): Shape {
  if (typeof data === 'number') return path;
  if (data.length === 0) return [...path, 0];
  const shape = measure(data[0]!, [...path, data.length]);
  for (const item of data) {
    const other = measure(item, [...path, data.length]);
    if (formatShape(other) !== formatShape(shape))
      throw new ShapeError(
        'tensor',
        `nested arrays must be of equal length, got ${formatShape(shape.slice(path.length + 1))} and ${formatShape(other.slice(path.length + 1))} side by side.`,
      );
  }
  return shape;
}

/**
 * A tensor of the given elements: a number, nested arrays, or a typed array with a shape. Int32Array gives int32, all else
 * float32; with `dtype: 'float16'` a Uint16Array holds its bits, and numbers are rounded. Typed arrays are not copied: do not change them until the tensor was used.
 */
export function tensor(data: Nested | HostArray, shape?: Shape, options: TensorOptions = {}): Tensor {
  const typed = ArrayBuffer.isView(data);
  const dtype = options.dtype ?? (data instanceof Int32Array ? 'int32' : 'float32');
  const actual = shape ?? (typed ? [data.length] : measure(data as Nested));
  const flat = typed
    ? data
    : typeof data === 'number'
      ? [data]
      : ((data as number[]).flat(Number.POSITIVE_INFINITY) as number[]);
  checkSizes('tensor', actual);
  if (sizeOf(actual) !== flat.length)
    throw new ShapeError(
      'tensor',
      `shape ${formatShape(actual)} needs ${sizeOf(actual)} elements, got ${flat.length}.`,
      [actual],
    );
  if (dtype === 'float16') wantFloat16('tensor');
  return new Tensor(hostValue(actual, dtype, hostArray(dtype, flat)), options);
}

function checkSizes(op: string, shape: Shape): void {
  if (!shape.every((d) => Number.isInteger(d) && d >= 0))
    throw new ShapeError(op, `sizes must be whole numbers of 0 or more, got ${formatShape(shape)}.`, [shape]);
}

const made = (shape: Shape, options: TensorOptions, make: () => number): Tensor => {
  const { dtype = 'float32' } = options;
  checkSizes('tensor', shape);
  if (dtype === 'float16') wantFloat16('tensor');
  const numbers = dtype === 'int32' ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  for (let i = 0; i < numbers.length; i++) numbers[i] = make();
  return new Tensor(hostValue(shape, dtype, hostArray(dtype, numbers)), options);
};

/** All elements `value`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  return made(shape, options, () => value);
}
/** All elements 0. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}
/** All elements 1. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** Options of {@link rand} and {@link randn}. */
export interface RandomOptions extends TensorOptions {
  /** Without it, the numbers follow from `manualSeed`. */
  readonly seed?: number;
}

/** Normal with mean 0 and standard deviation 1. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  const generator = options.seed === undefined ? defaultGenerator : new Generator(options.seed);
  return made(shape, options, () => generator.normal());
}
/** Uniform in [0, 1). */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const generator = options.seed === undefined ? defaultGenerator : new Generator(options.seed);
  return made(shape, options, () => generator.uniform());
}
/** start, start + step, … below end. */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const count = Math.max(0, Math.ceil((to - from) / step));
  let k = 0;
  return made([count], options, () => from + step * k++);
}
