/** Operators that follow indices: of the file, or, where rows of a table are read, of the device. */
import { RegraftError } from '../../../core/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf, stridesOf } from '../../../core/shape.ts';
import { embedding } from '../../../nn/embedding.ts';
import { tensor } from '../../../tensor/factory.ts';
import { cat, type Tensor } from '../../../tensor/tensor.ts';
import type { Call, Rule } from './call.ts';
import { sliced } from './movement.ts';
import { type HostValue, isHost, picked, type Value } from './value.ts';

/** More ranges than these are read as rows of a table, by one kernel. */
const FEW_RUNS = 16;

/** The most elements that TopK finds, one after another. */
const MOST_FOUND = 64;

/** What is taken off an element that was found: more than any differ by. */
const FAR = 1e38;

/** Elements at indices along an axis: of numbers, or a few of a tensor, whose ranges are joined. */
function gather(call: Call): Value {
  const x = call.value(0);
  const axis = normalizeAxis('Gather', call.int('axis', 0), x.shape.length);
  const indices = call.value(1);
  if (!isHost(indices)) return embedded(call, call.tensor(0), indices, axis);
  const size = x.shape[axis]!;
  const at = Array.from(indices.data, (i) => (i < 0 ? i + size : i));
  const wrong = at.find((i) => !(i >= 0 && i < size));
  if (wrong !== undefined) throw new RegraftError(`index ${wrong} is not of axis ${axis} of ${formatShape(x.shape)}.`);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  if (isHost(x)) {
    const inner = sizeOf(x.shape.slice(axis + 1));
    return picked(x, shape, (i) => {
      const [outer, rest] = [Math.floor(i / (inner * at.length)), i % (inner * at.length)];
      return (outer * size + at[Math.floor(rest / inner)]!) * inner + (rest % inner);
    });
  }
  const runs = runsOf(at);
  if (runs.length > FEW_RUNS && axis === 0) return rowsOf(call, x, indices.shape, at);
  const parts = runs.map(([from, to]) => sliced(x, axis, from, to) as Tensor);
  return (parts.length === 1 ? parts[0]! : cat(parts, axis)).reshape(shape);
}

/** Indices as ranges of neighbours. */
function runsOf(at: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const i of at) {
    const last = runs.at(-1);
    if (last && last[1] === i) last[1]++;
    else runs.push([i, i + 1]);
  }
  return runs;
}

/** Rows of a table by ids of the device. */
function embedded(call: Call, table: Tensor, ids: Tensor, axis: number): Tensor {
  if (axis !== 0) call.refuse(`indices that are an input are followed along axis 0 alone, got axis ${axis}.`);
  const rows = embedding(ids.dtype === 'int32' ? ids : ids.to('int32'), table.reshape([table.shape[0]!, -1]));
  return rows.reshape([...ids.shape, ...table.shape.slice(1)]);
}

/** Rows of `x` [rows, …] by their numbers, as [...shape, …]. */
function rowsOf(call: Call, x: Tensor, shape: Shape, at: readonly number[]): Tensor {
  const ids = tensor(Int32Array.from(at), [at.length]);
  return embedded(call, x, ids, 0).reshape([...shape, ...x.shape.slice(1)]);
}

/** Elements at an index each along an axis. */
const gatherElements: Rule = (call) => {
  const x = call.value(0);
  const { shape, data } = call.host(1);
  const axis = normalizeAxis('GatherElements', call.int('axis', 0), x.shape.length);
  const [own, strides] = [stridesOf(shape), stridesOf(x.shape)];
  const at = Array.from(data, (index, place) =>
    own.reduce((sum, stride, d) => {
      const here = d === axis ? (index < 0 ? index + x.shape[axis]! : index) : Math.floor(place / stride) % shape[d]!;
      return sum + here * strides[d]!;
    }, 0),
  );
  if (isHost(x)) return picked(x, shape, (place) => at[place]!);
  return rowsOf(call, x.reshape([-1, 1]), shape, at).reshape(shape);
};

/** The numbers of rows that indices [..., depth] name, of `shape` with its first axes in one. */
function rowNumbers(call: Call, indices: HostValue, shape: Shape): { readonly rows: number; readonly at: number[] } {
  if (call.int('batch_dims', 0) !== 0) call.refuse('indices for each image are not followed here.');
  const depth = indices.shape.at(-1)!;
  const lead = shape.slice(0, depth);
  const strides = stridesOf(lead);
  const at = Array.from({ length: indices.size / depth }, (_, j) =>
    strides.reduce((sum, stride, d) => {
      const index = indices.data[j * depth + d]!;
      return sum + (index < 0 ? index + lead[d]! : index) * stride;
    }, 0),
  );
  return { rows: sizeOf(lead), at };
}

/** Slices at indices [..., depth], each of which names the first axes. */
const gatherND: Rule = (call) => {
  const x = call.tensor(0);
  const indices = call.host(1);
  const rest = x.shape.slice(indices.shape.at(-1)!);
  const { rows, at } = rowNumbers(call, indices, x.shape);
  const shape = [...indices.shape.slice(0, -1), ...rest];
  return rowsOf(call, x.reshape([rows, -1]), [at.length], at).reshape(shape);
};

/** What a slice that is there and its update become. */
const REDUCED: Readonly<Record<string, (there: Tensor, update: Tensor) => Tensor>> = {
  none: (_, update) => update,
  add: (there, update) => there.add(update),
  mul: (there, update) => there.mul(update),
  max: (there, update) => there.maximum(update),
  min: (there, update) => there.minimum(update),
};

/** Slices of the third input in place of those that the indices name, or of both what one is made of them: rows of both, joined. */
const scatterND: Rule = (call) => {
  const reduction = call.text('reduction', 'none');
  const { rows, at } = rowNumbers(call, call.host(1), call.tensor(0).shape);
  if (!Object.hasOwn(REDUCED, reduction) || (reduction !== 'none' && new Set(at).size < at.length))
    call.refuse(`reduction '${reduction}' of these slices is not computed here.`);
  const [x, updates] = [call.tensor(0).reshape([rows, -1]), call.tensor(2).reshape([at.length, -1])];
  const there = reduction === 'none' ? updates : rowsOf(call, x, [at.length], at);
  const from = Array.from({ length: rows }, (_, row) => row);
  for (const [j, row] of at.entries()) from[row] = rows + j;
  return rowsOf(call, cat([x, REDUCED[reduction]!(there, updates)], 0), [rows], from).reshape(call.tensor(0).shape);
};

/** The largest or smallest elements along an axis, from the first on, and where they are. */
const topK: Rule = (call) => {
  const given = call.tensor(0);
  const k = call.numbers(1)?.[0] ?? call.int('k', 1);
  const axis = normalizeAxis('TopK', call.int('axis', -1), given.rank);
  const size = given.shape[axis]!;
  if (k > Math.min(MOST_FOUND, size)) call.refuse(`expected at most ${Math.min(MOST_FOUND, size)} elements, got ${k}.`);
  const sign = call.int('largest', 1) === 1 ? 1 : -1;
  const places = tensor(
    Float32Array.from({ length: size }, (_, i) => i),
    given.shape.map((d, axisHere) => (axisHere === axis ? d : 1)),
  );
  let left = sign === 1 ? given : given.neg();
  const found: { readonly value: Tensor; readonly index: Tensor }[] = [];
  for (let i = 0; i < k; i++) {
    const index = left.argmax(axis, { keepdim: true });
    const hot = index.float().eq(places);
    found.push({ value: given.mul(hot).sum(axis, { keepdim: true }), index });
    left = left.sub(hot.mul(FAR));
  }
  const joined = (parts: Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : cat(parts, axis));
  return [joined(found.map(({ value }) => value)), joined(found.map(({ index }) => index))];
};

export const INDICES: Readonly<Record<string, Rule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  TopK: topK,
};
