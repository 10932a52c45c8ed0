/** Element types: what a tensor can compute in, what a file can hold, and the conversions between the two. */
import { ArgumentError } from './errors.ts';
import { shown } from './options.ts';

/**
 * How a tensor's elements are kept. Labels and indices are int32, all else float32 or, in half the memory, float16. Kernels compute
 * in float32 in any case: they widen what they load and round what they store.
 */
export type DType = 'float32' | 'float16' | 'int32';

const DTYPES: readonly unknown[] = ['float32', 'float16', 'int32'] satisfies DType[];

/** @throws ArgumentError for what is no element type. */
export function checkDType(op: string, dtype: unknown, allowed: readonly unknown[] = DTYPES): void {
  if (allowed.includes(dtype)) return;
  const isDevice = typeof dtype === 'string' && /^(cuda|cpu|gpu|webgpu|mps|xpu)(:\d+)?$/.test(dtype);
  const fix = isDevice ? 'Nothing has to be moved: init() opens the device that all tensors are on.' : '';
  throw new ArgumentError(`${op}: expected ${allowed.join(' or ')}, got ${shown(dtype)}. ${fix}`.trim());
}

/** What a weight file may hold. */
export type StoredDType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

/** The host array of a tensor; float16 as its bits, as in weight files. */
export type HostArray = Float32Array | Int32Array | Uint16Array;

/** The array in which stored elements are kept: 16-bit floats as their bits, int64 as bigint. */
export type StoredArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** One named entry of a weight file: row-major, contiguous. `float16` and `bfloat16` come as their bits in a Uint16Array. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly dtype: StoredDType;
  readonly data: StoredArray;
}

/** A tensor in host memory, as the GPU keeps it. */
export interface HostTensor {
  readonly data: HostArray;
  readonly shape: readonly number[];
}

/** Tensors in host memory by name: the inputs of a network, its targets, its outputs. */
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** Names to values, in the file's order: PyTorch's `state_dict`. */
export type StateDict = Map<string, TensorData> & {
  /** The network that the values are of, where another one has the same names and shapes. Files keep it as metadata. */
  architecture?: string | undefined;
};

export const BYTES_PER_ELEMENT: Readonly<Record<StoredDType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

const F32 = new Float32Array(1);
const U32 = new Uint32Array(F32.buffer);

/** IEEE 754 binary16 bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number to IEEE 754 binary16 bits, rounded to nearest even. */
export function floatToHalf(value: number): number {
  F32[0] = value;
  const bits = U32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    const scaled = Math.abs(F32[0]!) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor & 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** All of them: {@link floatToHalf} of each number. */
export function toHalves(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = floatToHalf(values[i]!);
  return bits;
}

/** What each of the 65536 halves is, made when it is first needed. */
let halves: Float32Array | null = null;

/** All of them: {@link halfToFloat} of each half. */
export function fromHalves(bits: ArrayLike<number>): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => halfToFloat(half));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < values.length; i++) values[i] = halves[bits[i]!]!;
  return values;
}

/** bfloat16 bits (the upper half of a float32) to a number. */
export function bfloat16ToFloat(bits: number): number {
  U32[0] = bits << 16;
  return F32[0]!;
}

/** A number to bfloat16 bits, rounded to nearest even. */
export function floatToBfloat16(value: number): number {
  F32[0] = value;
  const bits = U32[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Numbers as the host array of a tensor of this type, without a copy where they already are. A Uint16Array holds float16. */
export function hostArray(dtype: DType, values: ArrayLike<number>): HostArray {
  const numbers = values instanceof Uint16Array && dtype !== 'float16' ? fromHalves(values) : values;
  if (dtype === 'int32') return numbers instanceof Int32Array ? numbers : Int32Array.from(numbers);
  if (dtype === 'float32') return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  return numbers instanceof Uint16Array ? numbers : toHalves(numbers);
}

/** A tensor's bytes as its host array. */
export function hostView(dtype: DType, bytes: ArrayBuffer, count?: number): HostArray {
  if (dtype === 'float16') return new Uint16Array(bytes, 0, count);
  return dtype === 'int32' ? new Int32Array(bytes, 0, count) : new Float32Array(bytes, 0, count);
}

/** Stored elements as float32, without a copy where they already are. */
export function toFloat32(t: TensorData): Float32Array {
  if (t.dtype === 'float32') return t.data as Float32Array;
  if (t.dtype === 'float16') return fromHalves(t.data as Uint16Array);
  const out = new Float32Array(t.data.length);
  if (t.dtype === 'bfloat16') for (let i = 0; i < out.length; i++) out[i] = bfloat16ToFloat(t.data[i] as number);
  else for (let i = 0; i < out.length; i++) out[i] = Number(t.data[i]);
  return out;
}

/** Stored elements as int32, without a copy where they already are. */
export function toInt32(t: TensorData): Int32Array {
  return t.dtype === 'int32' ? (t.data as Int32Array) : Int32Array.from(t.data as ArrayLike<number>, Number);
}

/** Stored elements in another stored dtype (a copy, unless the dtype is already that one). */
export function castTo(t: TensorData, dtype: StoredDType): TensorData {
  if (t.dtype === dtype) return t;
  const floats = t.dtype === 'float64' && dtype !== 'float32' ? t.data : toFloat32(t);
  const n = floats.length;
  const convert = <A extends StoredArray>(out: A, f: (v: number) => number | bigint): A => {
    for (let i = 0; i < n; i++) (out as { [i: number]: number | bigint })[i] = f(Number(floats[i]));
    return out;
  };
  const data: StoredArray =
    dtype === 'float32'
      ? toFloat32(t)
      : dtype === 'float64'
        ? convert(new Float64Array(n), (v) => v)
        : dtype === 'float16'
          ? toHalves(floats as ArrayLike<number>)
          : dtype === 'bfloat16'
            ? convert(new Uint16Array(n), floatToBfloat16)
            : dtype === 'int64'
              ? BigInt64Array.from(t.data as ArrayLike<number>, (v) => BigInt(v))
              : dtype === 'int32'
                ? toInt32(t)
                : dtype === 'int16'
                  ? convert(new Int16Array(n), (v) => v)
                  : dtype === 'int8'
                    ? convert(new Int8Array(n), (v) => v)
                    : convert(new Uint8Array(n), dtype === 'bool' ? (v) => (v ? 1 : 0) : (v) => v);
  return { shape: t.shape, dtype, data };
}
