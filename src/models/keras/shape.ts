/** Keras's shapes and paddings beside regraft's: Keras counts [N, H, W, C], tensors here are [N, C, H, W]. */
import type { Tensor } from '../../tensor/tensor.ts';

/** As Keras writes it, batch first and channels last; null where a size is open. */
export type KerasShape = readonly (number | null)[];

/** [top, bottom, left, right]. */
export type Margins = readonly [number, number, number, number];

/** `(None, 112, 112, 64)`. */
export function formatKerasShape(shape: KerasShape): string {
  const sizes = shape.map((d) => (d === null ? 'None' : String(d)));
  return sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(', ')})`;
}

/** What TensorFlow pads one axis by for 'same': as little as ceil(size / stride) windows need, the odd one at the end. */
export function samePadding(size: number, kernel: number, stride: number, dilation: number): [number, number] {
  const windows = Math.ceil(size / stride);
  const total = Math.max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** {@link samePadding} of both axes of an image [N, C, H, W]. */
export function sameMargins(
  x: Tensor,
  kernel: readonly [number, number],
  stride: readonly [number, number],
  dilation: readonly [number, number] = [1, 1],
): Margins {
  const [h, w] = [x.shape[2]!, x.shape[3]!];
  return [
    ...samePadding(h, kernel[0], stride[0], dilation[0]),
    ...samePadding(w, kernel[1], stride[1], dilation[1]),
  ] as const;
}

/** Number of windows along an axis. */
export function windows(
  size: number | null,
  kernel: number,
  stride: number,
  dilation: number,
  padding: 'same' | 'valid',
): number | null {
  if (size === null) return null;
  if (padding === 'same') return Math.ceil(size / stride);
  return Math.floor((size - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** [N, C, H, W] to [N, H, W, C]; other ranks as they are. */
export function toChannelsLast(x: Tensor): Tensor {
  if (x.rank !== 4) return x;
  return x.shape[2] === 1 && x.shape[3] === 1 ? x.reshape([x.shape[0]!, 1, 1, x.shape[1]!]) : x.permute([0, 2, 3, 1]);
}

/** [N, H, W, C] to [N, C, H, W]; other ranks as they are. */
export function toChannelsFirst(x: Tensor): Tensor {
  if (x.rank !== 4) return x;
  return x.shape[1] === 1 && x.shape[2] === 1 ? x.reshape([x.shape[0]!, x.shape[3]!, 1, 1]) : x.permute([0, 3, 1, 2]);
}

/** Where Keras's axis of a tensor of `rank` is here: of images, 3 (or -1) is the channel axis 1. */
export function axisHere(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  return rank === 4 ? [0, 2, 3, 1][positive]! : positive;
}
