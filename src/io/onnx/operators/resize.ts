/** Resizing of images: a product with weights along each axis, or repeated pixels where the scale is whole. */
import { RegraftError } from '../../../core/errors.ts';
import { formatShape, type Shape } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';
import { HostValue } from './value.ts';

/** How places of the result become places of the input. */
interface Sampling {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludesOutside: boolean;
}

/** The place of the input that a place of the result is taken from. */
function sourceOf(place: number, from: number, to: number, scale: number, coordinates: string): number {
  switch (coordinates) {
    case 'asymmetric':
      return place / scale;
    case 'align_corners':
      return to === 1 ? 0 : (place * (from - 1)) / (to - 1);
    case 'half_pixel':
      return (place + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (place + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric': {
      const shift = (from / 2) * (1 - to / (scale * from));
      return shift + (place + 0.5) / scale - 0.5;
    }
    default:
      throw new RegraftError(`coordinate_transformation_mode '${coordinates}' is not computed here.`);
  }
}

/** A nearest neighbour of a place, by the rule for those half way. */
function nearestTo(source: number, rule: string): number {
  if (rule === 'floor') return Math.floor(source);
  if (rule === 'ceil') return Math.ceil(source);
  return rule === 'round_prefer_ceil' ? Math.floor(source + 0.5) : Math.ceil(source - 0.5);
}

/** Keys's cubic weights of the four neighbours of a place that lies `t` behind the second. */
function cubicWeights(t: number, a: number): number[] {
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** [to, from]: the weights of the input's places for each of the result. */
function weightsOf(from: number, to: number, scale: number, how: Sampling): Float32Array {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const source = sourceOf(i, from, to, scale, how.coordinates);
    const row = new Float64Array(from);
    const addAt = (at: number, weight: number) => {
      const inside = Math.min(Math.max(at, 0), from - 1);
      row[inside]! += how.excludesOutside && inside !== at ? 0 : weight;
    };
    const first = Math.floor(source);
    if (how.mode === 'nearest') addAt(nearestTo(source, how.nearest), 1);
    else if (how.mode === 'linear') {
      addAt(first, 1 - (source - first));
      addAt(first + 1, source - first);
    } else for (const [k, w] of cubicWeights(source - first, how.cubic).entries()) addAt(first - 1 + k, w);
    const sum = how.excludesOutside ? row.reduce((a, b) => a + b, 0) : 1;
    for (let j = 0; j < from; j++) weights[i * from + j] = row[j]! / sum;
  }
  return weights;
}

/** How often every element is repeated, where that is all that the weights do; 0 otherwise. */
function repeatsOf(weights: Float32Array, from: number, to: number): number {
  const times = to / from;
  if (!Number.isInteger(times)) return 0;
  for (let i = 0; i < to; i++) if (weights[i * from + Math.floor(i / times)] !== 1) return 0;
  return times;
}

/** Resizes one axis. */
function resizeAxis(call: Call, x: Tensor, axis: number, to: number, scale: number, how: Sampling): Tensor {
  const from = x.shape[axis]!;
  if (from === to && scale === 1) return x;
  const weights = weightsOf(from, to, scale, how);
  const shape = x.shape.map((d, k) => (k === axis ? to : d));
  const times = repeatsOf(weights, from, to);
  if (times === 1) return x;
  const at = (size: number[]): Shape => [...x.shape.slice(0, axis + 1), ...size, ...x.shape.slice(axis + 1)];
  if (times > 1)
    return x
      .reshape(at([1]))
      .expand(at([times]))
      .reshape(shape);
  const matrix = call.around.toTensor(new HostValue([to, from], 'float', weights));
  // Rows [..., from] by the weights' transpose; an axis that is not the last is brought there.
  if (axis === x.rank - 1) return x.linear(matrix);
  return x
    .transpose(axis, x.rank - 1)
    .linear(matrix)
    .transpose(axis, x.rank - 1);
}

function resize(call: Call, x: Tensor, scales: readonly number[], sizes: readonly number[], how: Sampling): Tensor {
  const axes = call.attribute('axes')?.ints ?? x.shape.map((_, d) => d);
  if (call.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    call.refuse('a size that keeps the aspect ratio is not computed here.');
  if (call.int('antialias', 0)) call.refuse('antialiasing is not computed here.');
  if (Math.max(scales.length, sizes.length) !== axes.length)
    call.refuse(`expected a scale or a size for each axis of ${formatShape(x.shape)}.`);
  return axes.reduce((y, axis, i) => {
    const from = x.shape[axis]!;
    // The batch stays what it is, whatever the file's own is.
    if (axis === 0) return y;
    const to = sizes[i] ?? Math.floor(from * scales[i]!);
    return resizeAxis(call, y, axis, to, scales[i] ?? to / from, how);
  }, x);
}

/** Scales as they are to be read: 1.9999998 of a float is 2. */
const scalesOf = (list: readonly number[] | undefined): number[] =>
  (list ?? []).map((s) => (Math.abs(s - Math.round(s)) < 1e-5 ? Math.round(s) : s));

export const RESIZES: Readonly<Record<string, Rule>> = {
  Resize: onDevice((call, x) => {
    const isOld = call.opset < 11;
    const scales = scalesOf(call.numbers(isOld ? 1 : 2));
    const sizes = isOld ? [] : (call.numbers(3) ?? []);
    return resize(call, x, sizes.length ? [] : scales, sizes, {
      mode: call.text('mode', 'nearest'),
      coordinates: call.text('coordinate_transformation_mode', isOld ? 'asymmetric' : 'half_pixel'),
      nearest: call.text('nearest_mode', isOld ? 'floor' : 'round_prefer_floor'),
      cubic: call.float('cubic_coeff_a', -0.75),
      excludesOutside: call.int('exclude_outside', 0) === 1,
    });
  }),
  Upsample: onDevice((call, x) => {
    const scales = scalesOf(call.numbers(1) ?? call.floats('scales'));
    const mode = call.text('mode', 'nearest').replace('bilinear', 'linear');
    const how = { mode, coordinates: 'asymmetric', nearest: 'floor', cubic: -0.75, excludesOutside: false };
    return resize(call, x, scales, [], how);
  }),
};
