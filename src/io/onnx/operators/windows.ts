/** Operators of windows over images: convolutions and poolings; over sequences [N, C, L] as images of one row. */
import { RegraftError } from '../../../core/errors.ts';
import { formatShape, type Shape } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';
import { HostValue } from './value.ts';

type Pair = readonly [number, number];

/** A window in both directions; pads are [before, after]. */
interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly pads: readonly [Pair, Pair];
}

/** Less than any activation, and finite, so that 0 times it is 0. */
const LOWEST = -3.4028234663852886e38;

/** Images of an input: sequences get a row. @throws RegraftError for volumes. */
function asImages(x: Tensor): Tensor {
  if (x.rank === 4) return x;
  if (x.rank === 3) return x.unsqueeze(2);
  throw new RegraftError(`expected images [N, C, H, W] or sequences [N, C, L], got ${formatShape(x.shape)}.`);
}

/** Undoes {@link asImages}. */
const asGiven = (y: Tensor, given: Tensor): Tensor => (given.rank === 3 ? y.squeeze(2) : y);

/** Values for each direction, of which a sequence has one. */
function pairOf(list: readonly number[], otherwise: number): Pair {
  return list.length === 1 ? [otherwise, list[0]!] : [list[0]!, list[1]!];
}

/** The window of a node over images of `size`; `SAME` divides the padding so that the output has size / stride. */
function windowOf(call: Call, kernelShape: Shape, [, , H, W]: Shape): Window {
  const rank = kernelShape.length;
  const kernel = pairOf(kernelShape, 1);
  const stride = pairOf(call.ints('strides', new Array(rank).fill(1)), 1);
  const dilation = pairOf(call.ints('dilations', new Array(rank).fill(1)), 1);
  const auto = call.text('auto_pad', 'NOTSET');
  const same = (d: 0 | 1): Pair => {
    const size = [H!, W!][d]!;
    const total = Math.max((Math.ceil(size / stride[d]) - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1 - size, 0);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return auto === 'SAME_UPPER' ? [less, more] : [more, less];
  };
  if (auto.startsWith('SAME')) return { kernel, stride, dilation, pads: [same(0), same(1)] };
  const list = auto === 'VALID' ? new Array(2 * rank).fill(0) : call.ints('pads', new Array(2 * rank).fill(0));
  const [top, left] = pairOf(list.slice(0, rank), 0);
  const [bottom, right] = pairOf(list.slice(rank), 0);
  return {
    kernel,
    stride,
    dilation,
    pads: [
      [top, bottom],
      [left, right],
    ],
  };
}

/** Pads of a convolution: two numbers where they are alike. */
function paddingOf({ pads: [rows, columns] }: Window): Pair | readonly [number, number, number, number] {
  const isEven = rows[0] === rows[1] && columns[0] === columns[1];
  return isEven ? [rows[0], columns[0]] : [...rows, ...columns];
}

/** A convolution of images or sequences. */
export function conv(call: Call, given: Tensor, weight = call.tensor(1), bias = call.optional(2)): Tensor {
  const x = asImages(given);
  const window = windowOf(call, weight.shape.slice(2), x.shape);
  const { stride, dilation } = window;
  const options = { stride, dilation, padding: paddingOf(window), groups: call.int('group', 1) };
  return asGiven(x.conv2d(asImages(weight), bias, options), given);
}

function convTranspose(call: Call, given: Tensor): Tensor {
  const x = asImages(given);
  const weight = asImages(call.tensor(1));
  const kernelShape = call.tensor(1).shape.slice(2);
  const rank = kernelShape.length;
  const added = pairOf(call.ints('output_padding', new Array(rank).fill(0)), 0);
  const window = windowOf(call, kernelShape, x.shape);
  const { kernel, stride, dilation } = window;
  const wanted = call.attribute('output_shape')?.ints ?? [];
  const auto = call.text('auto_pad', 'NOTSET');
  // What the output has without padding beyond what it shall have.
  const beyond = ([0, 1] as const).map((d) => {
    const size = x.shape[2 + d]!;
    const full = (size - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1 + added[d];
    if (wanted.length) return full - pairOf(wanted.slice(-rank), 1)[d];
    return auto.startsWith('SAME') ? full - size * stride[d] : undefined;
  });
  const pads = beyond.map((total, d): Pair => {
    if (total === undefined) return window.pads[d]!;
    const half = Math.floor(Math.max(total, 0) / 2);
    return auto === 'SAME_UPPER' ? [half, Math.max(total, 0) - half] : [Math.max(total, 0) - half, half];
  }) as [Pair, Pair];
  const outputPadding = added.map((n, d) => n + Math.max(-(beyond[d] ?? 0), 0)) as unknown as Pair;
  const options = {
    stride,
    dilation,
    outputPadding,
    padding: paddingOf({ ...window, pads }),
    groups: call.int('group', 1),
  };
  return asGiven(x.convTranspose2d(weight, call.optional(2), options), given);
}

/** Rows and columns that a last window in ceil mode has beyond the padded input. */
function overhang(size: number, d: 0 | 1, { kernel, stride, dilation, pads }: Window, ceil: boolean): number {
  if (!ceil) return 0;
  const [before, after] = pads[d];
  const span = size + before + after - dilation[d] * (kernel[d] - 1) - 1;
  let count = Math.ceil(span / stride[d]) + 1;
  if ((count - 1) * stride[d] >= size + before) count--;
  return Math.max((count - 1) * stride[d] - span, 0);
}

/** How a pooling pads by itself, and what is to be padded before. */
function pooled(call: Call, x: Tensor) {
  const window = windowOf(call, call.ints('kernel_shape'), x.shape);
  const ceil = call.int('ceil_mode', 0) === 1;
  const [H, W] = x.shape.slice(2) as [number, number];
  const over = [overhang(H, 0, window, ceil), overhang(W, 1, window, ceil)] as const;
  const [rows, columns] = window.pads;
  const isPlain =
    over.every((n) => n === 0) &&
    window.pads.every(([before, after], d) => before === after && 2 * before <= window.kernel[d]!);
  const outer = [columns[0], columns[1] + over[1], rows[0], rows[1] + over[0]];
  return { window, isPlain, outer, over };
}

function maxPool(call: Call, given: Tensor): Tensor {
  if (call.outputs > 1) call.refuse('the places of its maxima, its second output, are not computed here.');
  const x = asImages(given);
  const { window, isPlain, outer } = pooled(call, x);
  const { kernel, stride, dilation, pads } = window;
  if (isPlain) return asGiven(x.maxPool2d(kernel, { stride, dilation, padding: [pads[0][0], pads[1][0]] }), given);
  return asGiven(x.pad(outer, LOWEST).maxPool2d(kernel, { stride, dilation }), given);
}

function averagePool(call: Call, given: Tensor): Tensor {
  const x = asImages(given);
  const { window, isPlain, outer, over } = pooled(call, x);
  const { kernel, stride, dilation, pads } = window;
  if (dilation.some((d) => d !== 1)) call.refuse('an average over a dilated window is not computed here.');
  const countIncludePad = call.int('count_include_pad', 0) === 1;
  if (isPlain)
    return asGiven(x.avgPool2d(kernel, { stride, padding: [pads[0][0], pads[1][0]], countIncludePad }), given);
  // The mean over whole windows, times what they have more than is counted.
  const y = x.pad(outer).avgPool2d(kernel, { stride });
  const [H, W] = x.shape.slice(2) as [number, number];
  const factors = [H, W].map((size, d) => {
    const [before, after] = pads[d]!;
    const [from, to] = countIncludePad ? [-before, size + after] : [0, size];
    return Array.from({ length: y.shape[2 + d]! }, (_, i) => {
      const start = i * stride[d]! - before;
      return kernel[d]! / (Math.min(start + kernel[d]!, to) - Math.max(start, from));
    });
  }) as [number[], number[]];
  if (over.every((n) => n === 0) && countIncludePad) return asGiven(y, given);
  const scale = factors[0].flatMap((a) => factors[1].map((b) => a * b));
  const tensor = call.around.toTensor(new HostValue([1, 1, y.shape[2]!, y.shape[3]!], 'float', scale));
  return asGiven(y.mul(tensor), given);
}

/** Everything behind batch and channels. */
const placesOf = (x: Tensor): number[] => x.shape.map((_, d) => d).slice(2);

export const WINDOWS: Readonly<Record<string, Rule>> = {
  Conv: onDevice((call, x) => conv(call, x)),
  ConvTranspose: onDevice(convTranspose),
  MaxPool: onDevice(maxPool),
  AveragePool: onDevice(averagePool),
  GlobalAveragePool: onDevice((_, x) =>
    x.rank === 4 ? x.adaptiveAvgPool2d(1) : x.mean(placesOf(x), { keepdim: true }),
  ),
  GlobalMaxPool: onDevice((_, x) => x.max(placesOf(x), { keepdim: true })),
  LpPool: onDevice((call, x) => {
    if (call.int('p', 2) !== 2) call.refuse(`p = ${call.int('p', 2)} is not computed here: expected 2.`);
    const kernel = call.ints('kernel_shape');
    const area = kernel.reduce((n, d) => n * d, 1);
    return averagePool(call, x.square()).mul(area).sqrt();
  }),
};
