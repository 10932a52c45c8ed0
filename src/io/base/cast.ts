/** Preparation of a tensor for any writer: check it, convert it, refuse values that do not fit. */
import { castTo, type StateDict, type StoredDType, type TensorData, toFloat32 } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import { count, LITTLE_ENDIAN, plural } from './bytes.ts';
import type { WriteOptions } from './format.ts';

/** The type that a tensor of `from` is written as: only floating point is converted. */
export function writtenDType(from: StoredDType, to: WriteOptions['dtype']): StoredDType {
  return to !== undefined && ['float64', 'float32', 'float16', 'bfloat16'].includes(from) ? to : from;
}

/**
 * Checks that each tensor has as many elements as its shape says, and that this machine can write them.
 * @throws ArgumentError naming the format and the tensor.
 */
export function checkWritable(format: string, state: StateDict): void {
  if (!LITTLE_ENDIAN) throw new ArgumentError(`${format}: weight files are written on little-endian machines only.`);
  for (const [name, { shape, data }] of state)
    if (data.length !== sizeOf(shape))
      throw new ArgumentError(
        `${format}: ${name}: shape ${formatShape(shape)} has ${plural(sizeOf(shape), 'element')}, got ${count(data.length)}.`,
      );
}

/**
 * A tensor as `dtype`.
 * @throws ArgumentError if a finite value would become infinite.
 */
export function converted(format: string, name: string, tensor: TensorData, dtype: StoredDType): TensorData {
  const out = castTo(tensor, dtype);
  if (out === tensor) return out;
  const before = tensor.dtype === 'float64' ? (tensor.data as Float64Array) : toFloat32(tensor);
  const infinite =
    dtype === 'float16'
      ? (bits: number) => (bits & 0x7fff) === 0x7c00
      : dtype === 'bfloat16'
        ? (bits: number) => (bits & 0x7fff) === 0x7f80
        : (value: number) => Math.abs(value) === Number.POSITIVE_INFINITY;
  let overflows = 0;
  for (let i = 0; i < before.length; i++) {
    if (infinite(out.data[i] as number) && Number.isFinite(before[i])) overflows++;
  }
  if (overflows > 0)
    throw new ArgumentError(
      `${format}: ${name}: ${plural(overflows, 'value')} too large for ${dtype}. Write it as ${dtype === 'float16' ? 'bfloat16 or ' : ''}float32.`,
    );
  return out;
}
