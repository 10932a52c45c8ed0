/** Ops that move elements and compute nothing: reshape, permute, expand, slice, flip, pad, cat. */
import { ShapeError } from '../core/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { promotedType, type Value, withShape } from '../graph/value.ts';
import { type CopyFrom, cat as catKernel, copyFrom } from '../kernels/copy.ts';
import { cast } from './cast.ts';
import { defineOp, type Op } from './op.ts';
import { sumTo } from './reduce.ts';

/** Whether the copy leaves the first axis as it is. */
function samplewise(shape: Shape, { outShape, strides, offset = 0, valid }: CopyFrom): boolean {
  const [row] = stridesOf(shape);
  const inside = valid ? valid[0]?.[0] === 0 && valid[0][1] === shape[0] : offset >= 0 && offset < row!;
  return outShape[0] === shape[0] && strides[0] === row && inside;
}

/** Records a strided copy. */
function copy(name: string, x: Value, spec: CopyFrom): Value {
  const { dtype } = x.data;
  const [y] = recordKernel(name, [x], [{ shape: spec.outShape, dtype }], {
    key: JSON.stringify(spec),
    lower: (target) => copyFrom(target, { ...spec, dtype }),
    samplewise: samplewise(x.shape, spec),
  });
  return y!;
}

/** Another shape over the same elements; no kernel runs. */
export const reshape: Op<{ shape: Shape }> = defineOp<{ shape: Shape }>({
  name: 'reshape',
  forward: ([x], { shape }) => {
    const free = shape.indexOf(-1);
    const known = sizeOf(shape.filter((d) => d !== -1));
    const full = free < 0 ? shape : shape.map((d, k) => (k === free ? x!.data.count / known : d));
    if (
      sizeOf(full) !== x!.data.count ||
      !full.every((d) => Number.isInteger(d) && d >= 0) ||
      shape.indexOf(-1, free + 1) > free
    )
      throw new ShapeError(
        'reshape',
        `cannot view ${x!.data.count} elements of shape ${formatShape(x!.shape)} as ${formatShape(shape)}.`,
        [x!.shape, shape],
      );
    return withShape(x!, full);
  },
  backward: (gy, { inputs: [x] }) => [withShape(gy, x!.shape)],
});

/** Axes in another order. */
export const permute: Op<{ axes: readonly number[] }> = defineOp<{ axes: readonly number[] }>({
  name: 'permute',
  forward: ([x], { axes }) => {
    const order = axes.map((a) => normalizeAxis('permute', a, x!.shape.length));
    if (new Set(order).size !== x!.shape.length)
      throw new ShapeError('permute', `expected each of ${x!.shape.length} axes once, got ${formatShape(axes)}.`, [
        x!.shape,
      ]);
    return permuted(x!, order);
  },
  backward: (gy, { inputs: [x], attributes: { axes } }) => {
    const order = axes.map((a) => normalizeAxis('permute', a, x!.shape.length));
    return [
      permuted(
        gy,
        order.map((_, d) => order.indexOf(d)),
      ),
    ];
  },
});

/** Records a permutation of axes that are known to be right. */
export function permuted(x: Value, axes: readonly number[]): Value {
  const strides = stridesOf(x.shape);
  return copy('permute', x, { outShape: axes.map((a) => x.shape[a]!), strides: axes.map((a) => strides[a]!) });
}

/** Repeats axes of size 1, and new leading axes. */
export const expand: Op<{ shape: Shape }> = defineOp<{ shape: Shape }>({
  name: 'expand',
  forward: ([x], { shape }) => {
    const lead = shape.length - x!.shape.length;
    const outShape = shape.map((d, k) => (d === -1 ? (x!.shape[k - lead] ?? -1) : d));
    if (
      lead < 0 ||
      outShape.some((d, k) => d < 0 || (k >= lead && x!.shape[k - lead] !== d && x!.shape[k - lead] !== 1))
    )
      throw new ShapeError('expand', `cannot expand ${formatShape(x!.shape)} to ${formatShape(shape)}.`, [
        x!.shape,
        shape,
      ]);
    const strides = stridesOf(x!.shape);
    return copy('expand', x!, {
      outShape,
      strides: outShape.map((_, k) => (k < lead || x!.shape[k - lead] === 1 ? 0 : strides[k - lead]!)),
    });
  },
  backward: (gy, { inputs: [x] }) => [sumTo(gy, x!.shape)],
});

export interface SliceOptions {
  readonly axis: number;
  readonly start: number;
  /** Exclusive; negative counts from the end. */
  readonly end: number;
  readonly step?: number | undefined;
}

/** A range along one axis, as `x[:, start:end:step]`. */
export const slice: Op<SliceOptions> = defineOp<SliceOptions>({
  name: 'slice',
  forward: ([x], options) => {
    const { axis, start, count, step } = rangeOf(x!.shape, options);
    const strides = stridesOf(x!.shape);
    return copy('slice', x!, {
      outShape: x!.shape.map((d, k) => (k === axis ? count : d)),
      strides: strides.map((s, k) => (k === axis ? s * step : s)),
      offset: start * strides[axis]!,
    });
  },
  backward: (gy, { inputs: [x], attributes }) => {
    const { axis, start, count, step } = rangeOf(x!.shape, attributes);
    if (step === 1) {
      const pads = x!.shape.map((d, k): [number, number] => (k === axis ? [start, d - start - count] : [0, 0]));
      return [padded(gy, pads, 0)];
    }
    // Every step-th place gets its gradient, the rest 0: a zero-stuffed axis, then the ends.
    const size = x!.shape[axis]!;
    const split = gy.shape.flatMap((d, k) => (k === axis ? [d, 1] : [d]));
    const stuffed = padded(
      withShape(gy, split),
      split.map((_, k) => (k === axis + 1 ? [0, step - 1] : [0, 0])),
      0,
    );
    const flat = gy.shape.map((d, k) => (k === axis ? d * step : d));
    return [
      padded(
        withShape(stuffed, flat),
        flat.map((d, k) => (k === axis ? [start, size - start - d] : [0, 0])),
        0,
      ),
    ];
  },
});

function rangeOf(shape: Shape, options: SliceOptions): { axis: number; start: number; count: number; step: number } {
  const axis = normalizeAxis('slice', options.axis, shape.length);
  const size = shape[axis]!;
  const { step = 1 } = options;
  const clip = (i: number) => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const [start, end] = [clip(options.start), clip(options.end)];
  if (!Number.isInteger(step) || step < 1)
    throw new ShapeError('slice', `step must be a positive integer, got ${step}.`, [shape]);
  if (end < start)
    throw new ShapeError(
      'slice',
      `the range ${options.start} to ${options.end} of axis ${axis} (size ${size}) is empty.`,
      [shape],
    );
  return { axis, start, count: Math.ceil((end - start) / step), step };
}

/** Records constant padding, [before, after] for each axis; negative crops. */
function padded(x: Value, pads: readonly (readonly [number, number])[], value: number): Value {
  const strides = stridesOf(x.shape);
  return copy('pad', x, {
    outShape: x.shape.map((d, k) => d + pads[k]![0] + pads[k]![1]),
    strides,
    offset: -strides.reduce((n, s, k) => n + s * pads[k]![0], 0),
    valid: x.shape.map((d, k): [number, number] => [
      Math.max(0, pads[k]![0]),
      Math.min(d + pads[k]![0], d + pads[k]![0] + pads[k]![1]),
    ]),
    fill: value,
  });
}

/** Axes from back to front, as `torch.flip`. */
export const flip: Op<{ axes: readonly number[] }> = defineOp<{ axes: readonly number[] }>({
  name: 'flip',
  forward: ([x], { axes }) => flipped(x!, axes),
  backward: (gy, { attributes: { axes } }) => [flipped(gy, axes)],
});

function flipped(x: Value, axes: readonly number[]): Value {
  const turned = new Set(axes.map((a) => normalizeAxis('flip', a, x.shape.length)));
  if (turned.size < axes.length)
    throw new ShapeError('flip', `expected each axis once, got ${formatShape(axes)}.`, [x.shape]);
  const strides = stridesOf(x.shape);
  return copy('flip', x, {
    outShape: x.shape,
    strides: strides.map((s, k) => (turned.has(k) ? -s : s)),
    offset: strides.reduce((n, s, k) => n + (turned.has(k) ? (x.shape[k]! - 1) * s : 0), 0),
  });
}

export interface PadOptions {
  /** As in `F.pad`: [left, right, top, bottom, …], from the last axis backwards. */
  readonly padding: readonly number[];
  readonly value?: number | undefined;
}

/** Constant padding; negative amounts crop. */
export const pad: Op<PadOptions> = defineOp<PadOptions>({
  name: 'pad',
  forward: ([x], { padding, value = 0 }) => {
    const pads = padsOf(x!.shape, padding);
    const shape = x!.shape.map((d, k) => d + pads[k]![0] + pads[k]![1]);
    if (shape.some((d) => d < 0))
      throw new ShapeError('pad', `padding ${formatShape(padding)} leaves nothing of ${formatShape(x!.shape)}.`, [
        x!.shape,
      ]);
    return padded(x!, pads, value);
  },
  backward: (gy, { inputs: [x], attributes }) => [
    padded(
      gy,
      padsOf(x!.shape, attributes.padding).map(([a, b]) => [-a, -b]),
      0,
    ),
  ],
});

function padsOf(shape: Shape, padding: readonly number[]): [number, number][] {
  if (padding.length % 2 || padding.length > 2 * shape.length)
    throw new ShapeError(
      'pad',
      `expected up to ${shape.length} pairs, from the last axis backwards, got ${formatShape(padding)}.`,
      [shape],
    );
  return shape.map((_, k) => {
    const at = 2 * (shape.length - 1 - k);
    return [padding[at] ?? 0, padding[at + 1] ?? 0];
  });
}

/** Joins tensors along an axis. */
export const cat: Op<{ axis: number }> = defineOp<{ axis: number }>({
  name: 'cat',
  forward: (inputs, options) => {
    const values = inputs as Value[];
    if (!values.length) throw new ShapeError('cat', 'expected one tensor or more, got none.');
    const shapes = values.map((v) => v.shape);
    const [first] = shapes as [Shape];
    const axis = normalizeAxis('cat', options.axis, first.length);
    for (const shape of shapes)
      if (shape.length !== first.length || shape.some((d, k) => k !== axis && d !== first[k]))
        throw new ShapeError(
          'cat',
          `shapes must agree except along axis ${axis}, got ${formatShape(first)} and ${formatShape(shape)}.`,
          shapes,
        );
    const outShape = first.map((d, k) => (k === axis ? shapes.reduce((n, s) => n + s[axis]!, 0) : d));
    const dtype = values.every((v) => v.data.dtype === 'int32') ? 'int32' : promotedType(values);
    const parts = values.map((v) => cast(v, dtype));
    const [y] = recordKernel('cat', parts, [{ shape: outShape, dtype }], {
      key: `${axis}`,
      lower: (target) => catKernel(target, { shapes, axis, dtype }),
      samplewise: axis > 0,
      joins: true,
    });
    return y!;
  },
  backward: (gy, { inputs, attributes, needs }) => {
    const axis = normalizeAxis('cat', attributes.axis, gy.shape.length);
    const strides = stridesOf(gy.shape);
    let start = 0;
    return inputs.map((x, k) => {
      const offset = start * strides[axis]!;
      start += x!.shape[axis]!;
      return needs[k] ? copy('slice', gy, { outShape: x!.shape, strides, offset }) : null;
    });
  },
});
