/** Making tensors. */
import { checkDType, type DType, type HostArray, hostArray } from '../core/dtype.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { checkNumber, checkOptions, type OptionNames, shown } from '../core/options.ts';
import { defaultGenerator, Generator } from '../core/random.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { wantFloat16 } from '../device/current.ts';
import { hostValue } from '../graph/value.ts';
import { Tensor } from './tensor.ts';

/** Numbers or booleans, nested as the axes are. */
export type Nested = number | boolean | readonly Nested[];

/** What a new tensor is: float32 and without gradient by default. */
export interface TensorOptions {
  /** float32 by default, or what the values are. */
  readonly dtype?: DType;
  /** Collects gradients in `grad`; off by default. */
  readonly requires_grad?: boolean;
}

const OPTIONS: OptionNames<TensorOptions> = { dtype: true, requires_grad: true };
const RANDOM_OPTIONS: OptionNames<RandomOptions> = { ...OPTIONS, seed: true };

function measure(data: unknown, path: Shape = []): Shape {
  if (typeof data === 'number' || typeof data === 'boolean') return path;
  if (!Array.isArray(data))
    throw new ArgumentError(
      `tensor: expected numbers or booleans, nested arrays of them, or a typed array, got ${shown(data)}${path.length ? ' inside' : ''}.`,
    );
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

/** The elements one after another; their shape, where they tell it themselves. */
function elementsOf(data: unknown): { flat: HostArray | number[]; shape: Shape } {
  if (ArrayBuffer.isView(data) && !('length' in data && typeof data[0 as never] !== 'bigint'))
    throw new ArgumentError(
      `tensor: expected a typed array of numbers, got a ${data.constructor.name}. Convert it, as in Float32Array.from(data, Number).`,
    );
  if (ArrayBuffer.isView(data)) return { flat: data as HostArray, shape: [(data as HostArray).length] };
  const shape = measure(data);
  return { flat: [data].flat(Number.POSITIVE_INFINITY).map(Number), shape };
}

/**
 * A tensor of the given elements: a number, nested arrays, or a typed array with a shape. Int32Array gives int32, all else
 * float32 (booleans 1 and 0, as comparisons do); with `dtype: 'float16'` a Uint16Array holds its bits, and numbers are rounded. Typed
 * arrays are not copied: do not change them until the tensor was used.
 * @param data A number, nested arrays of numbers or booleans, or a typed array.
 * @param shape Of a typed array; default: one dimension. Nested arrays have theirs.
 * @param options The dtype, and whether gradients are wanted.
 * @throws ArgumentError for what is no number; ShapeError where the shape does not fit.
 * @example
 * const x = tensor([[1, 2], [3, 4]], { requires_grad: true }); // float32 [2, 2]
 * const labels = tensor(Int32Array.of(0, 1)); // int32 [2]
 */
export function tensor(data: Nested | HostArray, shape?: Shape, options?: TensorOptions): Tensor;
export function tensor(data: Nested | HostArray, options: TensorOptions): Tensor;
export function tensor(data: Nested | HostArray, first?: Shape | TensorOptions, second?: TensorOptions): Tensor {
  const isShape = first === undefined || Array.isArray(first);
  const options = ((isShape ? second : first) ?? {}) as TensorOptions;
  checkOptions('tensor', options, OPTIONS);
  const { flat, shape } = elementsOf(data);
  const actual = isShape && first ? (first as Shape) : shape;
  const dtype = dtypeOf('tensor', options, data instanceof Int32Array ? 'int32' : 'float32');
  checkShape('tensor', actual);
  if (sizeOf(actual) !== flat.length)
    throw new ShapeError(
      'tensor',
      `shape ${formatShape(actual)} needs ${sizeOf(actual)} elements, got ${flat.length}.`,
      [actual],
    );
  return new Tensor(hostValue(actual, dtype, elements('tensor', dtype, flat)), options);
}

/**
 * As {@link hostArray}; fractions are cut off for int32, as in PyTorch.
 * @throws ArgumentError for what int32 has no number for, which would become another one.
 */
function elements(op: string, dtype: DType, values: ArrayLike<number>): HostArray {
  const fits = (value: number) => (value | 0) === Math.trunc(value);
  let at = 0;
  if (dtype === 'int32' && !(values instanceof Int32Array)) while (at < values.length && fits(values[at]!)) at++;
  else at = values.length;
  if (at === values.length) return hostArray(dtype, values);
  throw new ArgumentError(
    `${op}: expected numbers from -2147483648 to 2147483647 for int32, got ${values[at]}. Leave dtype out for float32.`,
  );
}

/** The type that is asked for. @throws ArgumentError if there is none such; DeviceError where the adapter lacks it. */
function dtypeOf(op: string, options: TensorOptions, otherwise: DType = 'float32'): DType {
  const dtype = options.dtype ?? otherwise;
  checkDType(op, dtype);
  if (dtype === 'float16') wantFloat16(op);
  return dtype;
}

const made = (
  op: string,
  shape: Shape,
  options: TensorOptions,
  make: () => number,
  names: OptionNames<TensorOptions> = OPTIONS,
): Tensor => {
  checkOptions(op, options, names);
  checkShape(op, shape);
  const dtype = dtypeOf(op, options);
  const numbers = dtype === 'int32' ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  for (let i = 0; i < numbers.length; i++) numbers[i] = make();
  return new Tensor(hostValue(shape, dtype, elements(op, dtype, numbers)), options);
};

/** All elements `value`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  checkNumber('full', 'value', value);
  return made('full', shape, options, () => value);
}
/** All elements 0. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return made('zeros', shape, options, () => 0);
}
/** All elements 1. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return made('ones', shape, options, () => 1);
}

/** Options of {@link rand} and {@link randn}. */
export interface RandomOptions extends TensorOptions {
  /** Without it, the numbers follow from `manualSeed`. */
  readonly seed?: number;
}

/** Normal with mean 0 and standard deviation 1. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  const generator = options.seed === undefined ? defaultGenerator : new Generator(options.seed);
  return made('randn', shape, options, () => generator.normal(), RANDOM_OPTIONS);
}
/** Uniform in [0, 1). */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const generator = options.seed === undefined ? defaultGenerator : new Generator(options.seed);
  return made('rand', shape, options, () => generator.uniform(), RANDOM_OPTIONS);
}
/** start, start + step, … below end. */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const count = Math.max(0, Math.ceil((to - from) / step));
  let k = 0;
  return made('arange', [count], options, () => from + step * k++);
}
