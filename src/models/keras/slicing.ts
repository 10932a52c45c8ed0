/** Slices in a model (`x[..., ::-1]`), which Keras saves as layers: `SlicingOpLambda` in Keras 2, `GetItem` in Keras 3. */
import { Module } from '../../nn/module.ts';
import { cat, type Tensor } from '../../tensor/tensor.ts';
import { isJson, type Json } from './config.ts';
import { axisHere, type KerasShape, toChannelsLast } from './shape.ts';

/** What is taken along an axis: one index, which takes the axis away, or Python's slice. */
export type Taken =
  | number
  | { readonly start: number | null; readonly stop: number | null; readonly step: number | null };

/** What a slice takes along the axes of Keras's layout, and for 'ellipsis' of all that are not said. */
export type SliceSpec = readonly (Taken | 'ellipsis')[];

/** The specification of a slice in either generation's JSON; undefined for one that is none, or adds axes. */
export function sliceSpec(json: unknown): SliceSpec | undefined {
  if (!Array.isArray(json)) return undefined;
  const spec = json.map((item: unknown) => {
    if (Number.isInteger(item)) return item as number;
    if (!isJson(item)) return undefined;
    if (item.class_name === '__ellipsis__') return 'ellipsis';
    const { start = null, stop = null, step = null } = isJson(item.config) ? item.config : item;
    const isBound = (value: unknown) => value === null || Number.isInteger(value);
    return isBound(start) && isBound(stop) && isBound(step) && step !== 0
      ? ({ start, stop, step } as Taken)
      : undefined;
  });
  return spec.includes(undefined) ? undefined : (spec as SliceSpec);
}

/** The JSON of a specification in a generation's spelling. */
export function sliceJson(spec: SliceSpec, generation: 2 | 3): unknown[] {
  const named = (class_name: string, config: Json) => (generation === 2 ? config : { class_name, config });
  return spec.map((item) => {
    if (item === 'ellipsis') return generation === 2 ? { class_name: '__ellipsis__' } : named('__ellipsis__', {});
    return typeof item === 'number' ? item : named('__slice__', item);
  });
}

/** What is taken along each axis of a tensor of `rank`; undefined where the specification does not fit it, or cuts the batch. */
export function takenOf(spec: SliceSpec, rank: number): Taken[] | undefined {
  const all: Taken = { start: null, stop: null, step: null };
  const open = Math.max(0, rank - spec.filter((item) => item !== 'ellipsis').length);
  const taken = (spec.includes('ellipsis') ? spec : [...spec, 'ellipsis' as const]).flatMap((item) =>
    item === 'ellipsis' ? new Array<Taken>(open).fill(all) : [item],
  );
  const [batch] = taken;
  const isWhole = typeof batch === 'object' && !batch.start && batch.stop === null && (batch.step ?? 1) === 1;
  return taken.length === rank && isWhole ? taken : undefined;
}

/** The shape after a slice, in Keras's layout; a size that is open stays open. */
export function slicedShape(taken: readonly Taken[], shape: KerasShape): KerasShape {
  return shape.flatMap((size, axis) => {
    const item = taken[axis]!;
    if (typeof item === 'number') return [];
    return [size === null ? null : rangeOf(item, size).count];
  });
}

/** Part of a tensor, by indices of Keras's layout. */
export class GetItem extends Module {
  readonly taken: readonly Taken[];
  readonly spec: SliceSpec;

  constructor(spec: SliceSpec, taken: readonly Taken[]) {
    super();
    this.spec = spec;
    this.taken = taken;
  }

  override forward(x: Tensor): Tensor {
    const keeps = this.taken.every((item) => typeof item === 'object');
    const given = keeps ? x : toChannelsLast(x);
    const sliced = this.taken.reduce<Tensor>((y, item, axis) => {
      const at = keeps ? axisHere(axis, x.rank) : axis;
      const size = y.shape[at]!;
      const { first, last, step, count } = rangeOf(item, size);
      if (count === size && step === 1) return y;
      if (step > 0) return y.slice(at, first, last + 1, step);
      const forwards = y.slice(at, last, first + 1, -step);
      return cat(
        Array.from({ length: count }, (_, i) => forwards.slice(at, count - 1 - i, count - i)),
        at,
      );
    }, given);
    return keeps ? sliced : sliced.reshape(sliced.shape.filter((_, axis) => typeof this.taken[axis] === 'object'));
  }
}

/** Python's `slice(start, stop, step).indices(size)`: the first and the last index that are taken. */
function rangeOf(item: Taken, size: number): { first: number; last: number; step: number; count: number } {
  if (typeof item === 'number') {
    const index = item < 0 ? item + size : item;
    return { first: index, last: index, step: 1, count: 1 };
  }
  const step = item.step ?? 1;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (value: number) => Math.min(high, Math.max(low, value < 0 ? value + size : value));
  const first = item.start === null ? (step > 0 ? low : high) : bound(item.start);
  const stop = item.stop === null ? (step > 0 ? high : low) : bound(item.stop);
  const count = Math.max(0, Math.ceil((stop - first) / step));
  return { first, last: first + step * (count - 1), step, count };
}
