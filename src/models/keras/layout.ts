/** Axes of weights in another order. */
import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts';

/** Elements of `shape` in the order of its permuted axes. */
export function permuted(values: Float32Array, shape: Shape, axes: readonly number[]): Float32Array {
  const out = new Float32Array(sizeOf(shape));
  const strides = stridesOf(shape);
  const sizes = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const rank = sizes.length;
  const [inner, step] = [sizes[rank - 1] ?? 1, steps[rank - 1] ?? 1];
  const index = new Array<number>(rank).fill(0);
  for (let at = 0, base = 0; at < out.length; ) {
    for (let i = 0; i < inner; i++) out[at++] = values[base + i * step]!;
    for (let axis = rank - 2; axis >= 0; axis--) {
      base += steps[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      base -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
