/** What a graph computes with: tensors of the device, and numbers of the host, which shapes and indices are. */
import type { StoredDType, TensorData } from '../../../core/dtype.ts';
import { castTo, toFloat32 } from '../../../core/dtype.ts';
import { RegraftError } from '../../../core/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** Whole numbers, floats of 32 bits, or 0 and 1. */
export type HostKind = 'int' | 'float' | 'bool';

/** The most elements that are computed on the host: 512 MiB of float32. */
const MOST_ELEMENTS = 2 ** 27;

/** Numbers of the host, row-major. Whole numbers are exact up to 2^53. */
export class HostValue {
  readonly shape: Shape;
  readonly kind: HostKind;
  readonly data: Float32Array | Float64Array;
  /** The type of a tensor of a file. */
  readonly stored: StoredDType | undefined;

  constructor(shape: Shape, kind: HostKind, data: ArrayLike<number>, stored?: StoredDType) {
    this.shape = shape;
    this.kind = kind;
    this.stored = stored;
    const wanted = kind === 'float' ? Float32Array : Float64Array;
    this.data = data instanceof wanted ? data : wanted.from(data);
  }

  get size(): number {
    return this.data.length;
  }
}

export type Value = Tensor | HostValue;

export const isHost = (value: Value | undefined): value is HostValue => value instanceof HostValue;

/** A vector of whole numbers. */
export const longs = (values: readonly number[]): HostValue => new HostValue([values.length], 'int', values);

/** A stored tensor as numbers of the host; floats of any width as float32. */
export function hostOf(t: TensorData): HostValue {
  if (t.dtype.includes('float')) return new HostValue(t.shape, 'float', toFloat32(t), t.dtype);
  if (t.dtype === 'bool')
    return new HostValue(
      t.shape,
      'bool',
      Float64Array.from(t.data as Uint8Array, (v) => +(v !== 0)),
    );
  return new HostValue(t.shape, 'int', castTo(t, 'float64').data as Float64Array, t.dtype);
}

/** @throws RegraftError for more elements than are computed on the host. */
export function checkSize(shape: Shape): Shape {
  if (sizeOf(shape) <= MOST_ELEMENTS) return shape;
  throw new RegraftError(
    `expected at most ${MOST_ELEMENTS.toLocaleString('en-US')} numbers outside of the device, got ${formatShape(shape)}.`,
  );
}

/** Elements of `x` at other places: `at(place)` is the offset of the element that comes to `place` of the result, row-major. */
export function picked(x: HostValue, shape: Shape, at: (place: number) => number): HostValue {
  const data =
    x.kind === 'float' ? new Float32Array(sizeOf(checkSize(shape))) : new Float64Array(sizeOf(checkSize(shape)));
  for (let i = 0; i < data.length; i++) data[i] = x.data[at(i)]!;
  return new HostValue(shape, x.kind, data);
}

/** As {@link picked}, where each step along an axis of the result is a constant step through `x`. */
export function strided(x: HostValue, shape: Shape, strides: readonly number[], offset = 0): HostValue {
  const own = stridesOf(shape);
  return picked(x, shape, (i) => {
    let at = offset;
    for (let d = 0; d < own.length; d++) at += (Math.floor(i / own[d]!) % shape[d]!) * strides[d]!;
    return at;
  });
}

/** `x` repeated along axes of size 1, and new leading axes. */
export function broadcast(x: HostValue, shape: Shape): HostValue {
  const lead = shape.length - x.shape.length;
  const own = stridesOf(x.shape);
  if (lead === 0 && x.shape.every((d, k) => d === shape[k])) return x;
  return strided(
    x,
    shape,
    shape.map((_, k) => (k < lead || x.shape[k - lead] === 1 ? 0 : own[k - lead]!)),
  );
}

/** Numbers element by element, broadcast to one shape. */
export function mapped(kind: HostKind, values: readonly HostValue[], f: (...numbers: number[]) => number): HostValue {
  const shape = checkSize(values.reduce<Shape>((s, v) => broadcastShapes('onnx', s, v.shape), []));
  const parts = values.map((v) => broadcast(v, shape).data);
  const data = kind === 'float' ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = f(...parts.map((part) => part[i]!));
  return new HostValue(shape, kind, data);
}
