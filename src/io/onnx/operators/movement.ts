/** Operators that move elements and compute nothing; on shapes and indices they run on the host. */
import { RegraftError } from '../../../core/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf, stridesOf } from '../../../core/shape.ts';
import { cat, type Tensor } from '../../../tensor/tensor.ts';
import { type Call, forBatch, type Output, onDevice, type Rule } from './call.ts';
import { broadcast, checkSize, HostValue, hostOf, isHost, longs, strided, type Value } from './value.ts';

/** The same elements under another shape. */
const reshaped = (x: Value, shape: Shape): Value =>
  isHost(x) ? new HostValue(shape, x.kind, x.data) : x.reshape(shape);

/** 0 copies a size, -1 is what is left; a batch that the file has as a number gives way to that of now. */
function reshape(call: Call): Value {
  const x = call.value(0);
  const keepsZero = call.int('allowzero', 0) === 1;
  const listed = call.numbers(1) ?? call.ints('shape');
  const copied = listed.map((d, k) => (d === 0 && !keepsZero ? (x.shape[k] ?? 0) : d));
  const fixed = listed[0] === 0 ? copied : forBatch(call, copied, x.shape[0]);
  const { classes } = call.around;
  const fits = fixed.includes(-1) || sizeOf(fixed) === sizeOf(x.shape);
  // What follows a new head has its outputs.
  const shape = fits || !classes ? fixed : fixed.map((d, k) => (k > 0 && d === classes.declared ? classes.now : d));
  const known = sizeOf(shape.filter((d) => d !== -1));
  return reshaped(
    x,
    shape.map((d) => (d === -1 ? sizeOf(x.shape) / known : d)),
  );
}

function transpose(call: Call): Value {
  const x = call.value(0);
  const axes = call.ints(
    'perm',
    x.shape.map((_, d) => x.shape.length - 1 - d),
  );
  if (!isHost(x)) return x.permute(axes);
  const strides = stridesOf(x.shape);
  return strided(
    x,
    axes.map((a) => x.shape[a]!),
    axes.map((a) => strides[a]!),
  );
}

function unsqueeze(call: Call): Value {
  const x = call.value(0);
  const axes = call.list(1, 'axes') ?? [];
  const rank = x.shape.length + axes.length;
  const at = new Set(axes.map((a) => normalizeAxis('Unsqueeze', a, rank)));
  const sizes = [...x.shape];
  return reshaped(
    x,
    Array.from({ length: rank }, (_, d) => (at.has(d) ? 1 : sizes.shift()!)),
  );
}

function squeeze(call: Call): Value {
  const x = call.value(0);
  const axes = call.list(1, 'axes')?.map((a) => normalizeAxis('Squeeze', a, x.shape.length));
  return reshaped(
    x,
    x.shape.filter((d, k) => (axes ? !axes.includes(k) : d !== 1)),
  );
}

function flatten(call: Call): Value {
  const x = call.value(0);
  const axis = call.int('axis', 1);
  const at = axis < 0 ? axis + x.shape.length : axis;
  return reshaped(x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
}

/** A range of one axis. @param step not 0; from back to front where it is negative. */
export function sliced(x: Value, axis: number, from: number, to: number, step = 1): Value {
  const size = x.shape[axis]!;
  const clip = (i: number, low: number, high: number) => Math.min(Math.max(i < 0 ? i + size : i, low), high);
  const [start, end] =
    step > 0 ? [clip(from, 0, size), clip(to, 0, size)] : [clip(from, -1, size - 1), clip(to, -1, size - 1)];
  const count = Math.max(Math.ceil((end - start) / step), 0);
  if (isHost(x)) {
    const strides = stridesOf(x.shape);
    return strided(
      x,
      x.shape.map((d, k) => (k === axis ? count : d)),
      strides.map((s, k) => (k === axis ? s * step : s)),
      start * strides[axis]!,
    );
  }
  if (count === 0) throw new RegraftError(`leaves nothing of axis ${axis} of ${formatShape(x.shape)}.`);
  if (step === 1 && count === size) return x;
  if (step > 0) return x.slice(axis, start, end, step);
  const first = size - 1 - start;
  return x.flip([axis]).slice(axis, first, first + (count - 1) * -step + 1, -step);
}

function slice(call: Call): Value {
  const x = call.value(0);
  const [starts, ends] = [call.list(1, 'starts') ?? [], call.list(2, 'ends') ?? []];
  const axes = call.list(3, 'axes') ?? starts.map((_, i) => i);
  const steps = call.numbers(4) ?? starts.map(() => 1);
  return axes.reduce<Value>((y, axis, i) => {
    // A bound before the first element is -1 behind the ends' own negative counting.
    const last =
      steps[i]! < 0 && ends[i]! < -x.shape[normalizeAxis('Slice', axis, x.shape.length)]! ? -(2 ** 60) : ends[i]!;
    return sliced(y, normalizeAxis('Slice', axis, x.shape.length), starts[i]!, last, steps[i]!);
  }, x);
}

function split(call: Call): Value[] {
  const x = call.value(0);
  const axis = normalizeAxis('Split', call.int('axis', 0), x.shape.length);
  const count = call.attribute('num_outputs')?.i ?? call.outputs;
  const each = Math.ceil(x.shape[axis]! / count);
  const sizes =
    call.list(1, 'split') ?? Array.from({ length: count }, (_, i) => Math.min(each, x.shape[axis]! - i * each));
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return sliced(x, axis, start - size, start);
  });
}

/** Joins along an axis; what is there once (a class token) is repeated for a batch that the file does not have. */
function concat(call: Call): Value {
  // Nothing, as numbers: what a network of another size would add.
  const values = call.inputs.map((_, i) => call.value(i));
  const parts = values.filter((v) => !isHost(v) || v.size > 0);
  const [first = call.value(0)] = parts;
  const axis = normalizeAxis('Concat', call.int('axis', 0), first.shape.length);
  if (parts.every(isHost)) return concatHost(parts.length ? parts : [first as HostValue], axis);
  const tensors = values.flatMap((v, i) => (isHost(v) && v.size === 0 ? [] : [call.tensor(i)]));
  const batch = Math.max(...tensors.map((t) => t.shape[0]!));
  const repeated = tensors.map((t) =>
    axis > 0 && t.shape[0] === 1 && batch > 1 ? t.expand([batch, ...t.shape.slice(1)]) : t,
  );
  return repeated.length === 1 ? repeated[0]! : cat(repeated, axis);
}

function concatHost(parts: readonly HostValue[], axis: number): HostValue {
  const [first] = parts as [HostValue];
  const shape = first.shape.map((d, k) => (k === axis ? parts.reduce((n, p) => n + p.shape[axis]!, 0) : d));
  const inner = sizeOf(shape.slice(axis + 1));
  const data: number[] = [];
  for (let i = 0; i < sizeOf(checkSize(shape).slice(0, axis)); i++)
    for (const part of parts) {
      const run = part.shape[axis]! * inner;
      for (let j = i * run; j < (i + 1) * run; j++) data.push(part.data[j]!);
    }
  return new HostValue(shape, first.kind, data);
}

/** Repeats axes of size 1, those of the value too. */
function expand(call: Call): Value {
  const x = call.value(0);
  const wanted = call.numbers(1)!;
  const rank = Math.max(wanted.length, x.shape.length);
  const to = Array.from({ length: rank }, (_, k) => {
    const [own, other] = [x.shape[k - rank + x.shape.length] ?? 1, wanted[k - rank + wanted.length] ?? 1];
    return other === 1 ? own : other;
  });
  const shape = forBatch(call, to, wanted.length === rank ? call.around.batch.now : undefined);
  if (isHost(x)) return broadcast(x, checkSize(shape));
  return shape.length === x.rank && shape.every((d, k) => d === x.shape[k]) ? x : x.expand(shape);
}

function tile(call: Call): Value {
  const x = call.value(0);
  const repeats = call.numbers(1)!;
  const shape = x.shape.map((d, k) => d * repeats[k]!);
  if (repeats.every((n) => n === 1)) return x;
  const split = x.shape.flatMap((d) => [1, d]);
  const wide = x.shape.flatMap((d, k) => [repeats[k]!, d]);
  if (isHost(x)) return reshaped(broadcast(new HostValue(split, x.kind, x.data), checkSize(wide)), shape);
  return x.reshape(split).expand(wide).reshape(shape);
}

/** [before, after] of each axis: an input from opset 11 on, before that an attribute. */
function pad(call: Call): Value {
  const x = call.value(0);
  const list = call.list(1, 'pads') ?? call.ints('paddings');
  const axes = (call.numbers(3) ?? x.shape.map((_, d) => d)).map((a) => normalizeAxis('Pad', a, x.shape.length));
  const sides = axes.map((axis, i) => [axis, list[i]!, list[i + axes.length]!] as const);
  const mode = call.text('mode', 'constant');
  const value = call.numbers(2)?.[0] ?? call.float('value', 0);
  if (isHost(x)) return padHost(call, x, sides, mode, value);
  if (sides.every(([, before, after]) => before === 0 && after === 0)) return x;
  if (mode !== 'constant') return sides.reduce((y, [axis, before, after]) => padded(y, axis, before, after, mode), x);
  const amounts = new Array<number>(2 * x.rank).fill(0);
  for (const [axis, before, after] of sides) amounts.splice(2 * (x.rank - 1 - axis), 2, before, after);
  return x.pad(amounts, value);
}

function padHost(
  call: Call,
  x: HostValue,
  sides: readonly (readonly [number, number, number])[],
  mode: string,
  value: number,
): HostValue {
  if (mode !== 'constant') call.refuse(`mode '${mode}' on constants is not computed here.`);
  return sides.reduce((y, [axis, before, after]) => {
    const margin = (size: number) => {
      const shape = y.shape.map((d, k) => (k === axis ? size : d));
      return new HostValue(shape, y.kind, new Float64Array(sizeOf(checkSize(shape))).fill(value));
    };
    return concatHost([margin(before), y, margin(after)], axis);
  }, x);
}

/** Pads one axis by what the input has there: mirrored without its edge, its edge, or its other end. */
function padded(x: Tensor, axis: number, before: number, after: number, mode: string): Tensor {
  const size = x.shape[axis]!;
  const part = (from: number, to: number) => x.slice(axis, from, to);
  const edge = (at: number, count: number) => part(at, at + 1).expand(x.shape.map((d, k) => (k === axis ? count : d)));
  const sides = {
    reflect: [() => part(1, before + 1).flip([axis]), () => part(size - 1 - after, size - 1).flip([axis])],
    edge: [() => edge(0, before), () => edge(size - 1, after)],
    wrap: [() => part(size - before, size), () => part(0, after)],
  }[mode];
  if (!sides) throw new RegraftError(`expected mode constant, reflect, edge or wrap, got '${mode}'.`);
  if (mode !== 'edge' && Math.max(before, after) > size - Number(mode === 'reflect'))
    throw new RegraftError(`cannot pad axis ${axis} of ${formatShape(x.shape)} by ${before} and ${after} (${mode}).`);
  const parts = [...(before > 0 ? [sides[0]!()] : []), x, ...(after > 0 ? [sides[1]!()] : [])];
  return parts.length === 1 ? x : cat(parts, axis);
}

/** [N, C, H, W] with blocks of pixels as channels, or back. */
const depthToSpace: Rule = onDevice((call, x) => {
  const b = call.int('blocksize', 1);
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const isColumnRow = call.text('mode', 'DCR') === 'CRD';
  const split = isColumnRow ? x.reshape([N, C / (b * b), b, b, H, W]) : x.reshape([N, b, b, C / (b * b), H, W]);
  return split.permute(isColumnRow ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]).reshape([N, C / (b * b), H * b, W * b]);
});

const spaceToDepth: Rule = onDevice((call, x) => {
  const b = call.int('blocksize', 1);
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const split = x.reshape([N, C, H / b, b, W / b, b]);
  const isColumnRow = call.text('mode', 'DCR') === 'CRD';
  return split.permute(isColumnRow ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]).reshape([N, C * b * b, H / b, W / b]);
});

function range(call: Call): Value {
  const [start, limit, delta] = [0, 1, 2].map((i) => call.host(i).data[0]!) as [number, number, number];
  const count = Math.max(Math.ceil((limit - start) / delta), 0);
  checkSize([count]);
  return new HostValue(
    [count],
    call.host(0).kind,
    Float64Array.from({ length: count }, (_, i) => start + i * delta),
  );
}

function constantOfShape(call: Call): Value {
  const shape = forBatch(call, call.numbers(0)!, undefined);
  const fill = call.attribute('value')?.t;
  const bytes = fill?.rawData ?? new Uint8Array(0);
  return filled(checkSize(shape), fill?.dataType ?? 1, bytes, fill?.floatData, fill?.int64Data);
}

/** A shape full of the one element of a tensor; of floats by its bytes. */
function filled(shape: Shape, type: number, raw: Uint8Array, floats?: Uint8Array, longsData?: Uint8Array): HostValue {
  const bytes = Uint8Array.from(raw.length ? raw : floats?.length ? floats : new Uint8Array(8));
  const view = new DataView(bytes.buffer);
  const dtype = ({ 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float64' } as const)[type];
  if (!dtype) throw new RegraftError(`a fill of element type ${type} is not made here.`);
  const varint = longsData?.length ? longsData.reduce((n, byte, i) => n + (byte & 127) * 128 ** i, 0) : 0;
  const one =
    dtype === 'float32'
      ? view.getFloat32(0, true)
      : dtype === 'float64'
        ? view.getFloat64(0, true)
        : dtype === 'float16'
          ? hostOf({ shape: [], dtype, data: Uint16Array.of(view.getUint16(0, true)) }).data[0]!
          : dtype === 'bool'
            ? bytes[0]!
            : raw.length
              ? dtype === 'int32'
                ? view.getInt32(0, true)
                : Number(view.getBigInt64(0, true))
              : varint;
  const kind = dtype === 'bool' ? 'bool' : dtype.startsWith('int') ? 'int' : 'float';
  const data = kind === 'float' ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  return new HostValue(shape, kind, data.fill(one));
}

/** The triangle above or below a diagonal of the last two axes, the rest 0. */
function trilu(call: Call): Value {
  const x = call.value(0);
  const k = call.numbers(1)?.[0] ?? 0;
  const upper = call.int('upper', 1) === 1;
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const mask = Float32Array.from({ length: rows * columns }, (_, i) => {
    const distance = (i % columns) - Math.floor(i / columns);
    return Number(upper ? distance >= k : distance <= k);
  });
  if (!isHost(x)) return x.mul(call.around.toTensor(new HostValue([rows, columns], 'float', mask)));
  return new HostValue(
    x.shape,
    x.kind,
    x.data.map((v, i) => (mask[i % mask.length] ? v : 0)),
  );
}

export const MOVEMENT: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Flatten: flatten,
  Slice: slice,
  Split: split as (call: Call) => Output,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: trilu,
  Range: range,
  ConstantOfShape: constantOfShape,
  Shape: (call) => {
    const { shape } = call.value(0);
    return longs(shape.slice(call.int('start', 0), call.attribute('end')?.i));
  },
  Size: (call) => new HostValue([], 'int', [sizeOf(call.value(0).shape)]),
};
