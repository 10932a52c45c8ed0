/** TensorFlow's operators that move elements and compute nothing. */
import { intOf, intsOf, textOf } from './attributes.ts';
import type { TfRule, Translator } from './translator.ts';

/** Beyond every axis. */
const END = 2 ** 31 - 1;

const bits = (mask: number, i: number): boolean => Math.floor(mask / 2 ** i) % 2 === 1;

/** Joins values along a constant axis. */
const joined = (t: Translator, values: readonly string[], axis: number): string =>
  values.length === 1 ? values[0]! : t.emit('Concat', values, { axis });

const strided: TfRule = (t, node) => {
  const [begin, end, strides] = [1, 2, 3].map((i) => t.numbers(i)) as [number[], number[], number[]];
  const mask = (name: string) => intOf(node, `${name}_mask`, 0);
  const [begins, ends, shrinks] = ['begin', 'end', 'shrink_axis'].map(mask) as [number, number, number];
  if (mask('ellipsis') !== 0) throw t.unknown('a slice with an ellipsis is not computed here.');
  if (mask('new_axis') !== 0) return newAxes(t, begin.length, mask('new_axis'), begins, ends, shrinks);
  const axes = begin.map((_, i) => i);
  const starts = begin.map((b, i) => (bits(begins, i) && !bits(shrinks, i) ? (strides[i]! > 0 ? 0 : END) : b));
  const stops = end.map((e, i) => {
    // One element, whatever the end says.
    if (bits(shrinks, i)) return begin[i] === -1 ? END : begin[i]! + 1;
    return bits(ends, i) ? (strides[i]! > 0 ? END : -END) : e;
  });
  const used = axes.filter((i) => starts[i] !== 0 || stops[i] !== END || strides[i] !== 1);
  const pick = (list: readonly number[]) => t.longs(...used.map((i) => list[i]!));
  const sliced = used.length
    ? t.emit('Slice', [t.input(0), pick(starts), pick(stops), pick(axes), pick(strides)])
    : t.input(0);
  const gone = axes.filter((i) => bits(shrinks, i));
  return gone.length ? t.emit('Squeeze', [sliced, t.longs(...gone)]) : sliced;
};

/** A slice that takes whole axes and adds new ones. */
function newAxes(t: Translator, rank: number, added: number, begins: number, ends: number, shrinks: number): string {
  const axes = Array.from({ length: rank }, (_, i) => i);
  if (shrinks !== 0 || axes.some((i) => !bits(added, i) && !(bits(begins, i) && bits(ends, i))))
    throw t.unknown('a slice that adds axes and takes parts of others is not computed here.');
  return t.emit('Unsqueeze', [t.input(0), t.longs(...axes.filter((i) => bits(added, i)))]);
}

const slice: TfRule = (t) => {
  const [begin, size] = [t.numbers(1), t.numbers(2)];
  const ends = begin.map((b, i) => (size[i]! < 0 ? END : b + size[i]!));
  return t.emit('Slice', [t.input(0), t.longs(...begin), t.longs(...ends)]);
};

/** Paddings [[before, after], …] as ONNX has them: all before, then all behind. */
function pads(t: Translator): string {
  const list = t.numbers(1);
  const side = (k: 0 | 1) => list.filter((_, i) => i % 2 === k);
  return t.longs(...side(0), ...side(1));
}

const split = (t: Translator, x: string, axis: number, outputs: number, sizes?: readonly number[]): readonly string[] =>
  t.outputsOf(t.emit('Split', sizes ? [x, t.longs(...sizes)] : [x], { axis }, outputs));

export const MOVEMENT: Readonly<Record<string, TfRule>> = {
  Reshape: (t) => t.emit('Reshape', [t.input(0), t.input(1)]),
  Squeeze: (t, node) => {
    const axes = [...intsOf(node, 'squeeze_dims'), ...intsOf(node, 'axis')];
    return t.emit('Squeeze', axes.length ? [t.input(0), t.longs(...axes)] : [t.input(0)]);
  },
  ExpandDims: (t) => t.emit('Unsqueeze', [t.input(0), t.longs(...t.numbers(1))]),
  Transpose: (t) => t.emit('Transpose', [t.input(0)], { perm: t.numbers(1) }),
  ConcatV2: (t) => joined(t, t.inputs.slice(0, -1), t.numbers(t.inputs.length - 1)[0]!),
  Concat: (t) => joined(t, t.inputs.slice(1), t.numbers(0)[0]!),
  Pack: (t, node) => {
    const axis = intOf(node, 'axis', 0);
    return joined(
      t,
      t.inputs.map((x) => t.emit('Unsqueeze', [x, t.longs(axis)])),
      axis,
    );
  },
  Unpack: (t, node) => {
    const axis = intOf(node, 'axis', 0);
    return split(t, t.input(0), axis, intOf(node, 'num', 1)).map((x) => t.emit('Squeeze', [x, t.longs(axis)]));
  },
  Split: (t, node) => split(t, t.input(1), t.numbers(0)[0]!, intOf(node, 'num_split', 1)),
  SplitV: (t) => {
    const sizes = t.numbers(1);
    if (sizes.includes(-1)) throw t.unknown('a split with a size that is left open is not computed here.');
    return split(t, t.input(0), t.numbers(2)[0]!, sizes.length, sizes);
  },
  Slice: slice,
  StridedSlice: strided,
  Gather: (t) => t.emit('Gather', [t.input(0), t.input(1)], { axis: 0 }),
  GatherV2: (t, node) => {
    if (intOf(node, 'batch_dims', 0) !== 0) throw t.unknown('indices for each image are not followed here.');
    return t.emit('Gather', [t.input(0), t.input(1)], { axis: t.numbers(2)[0]! });
  },
  Tile: (t) => t.emit('Tile', [t.input(0), t.input(1)]),
  BroadcastTo: (t) => t.emit('Expand', [t.input(0), t.input(1)]),
  Shape: (t) => t.emit('Shape', [t.input(0)]),
  Pad: (t) => t.emit('Pad', [t.input(0), pads(t)]),
  PadV2: (t) => t.emit('Pad', [t.input(0), pads(t), t.input(2)]),
  MirrorPad: (t, node) => {
    const mode = textOf(node, 'mode', 'REFLECT');
    if (mode.toUpperCase() !== 'REFLECT') throw t.unknown(`mode '${mode}' is not computed here.`);
    return t.emit('Pad', [t.input(0), pads(t)], { mode: 'reflect' });
  },
  Reverse: (t) => reversed(t, t.numbers(1)),
  ReverseV2: (t) => reversed(t, t.numbers(1)),
};

/** From back to front along axes. */
function reversed(t: Translator, axes: readonly number[]): string {
  const list = (value: number) => t.longs(...axes.map(() => value));
  return t.emit('Slice', [t.input(0), list(-1), list(-END), t.longs(...axes), list(-1)]);
}
