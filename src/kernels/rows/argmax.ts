/** Arg max and arg min over one axis of [outer, length, inner]. PyTorch's rule: the first NaN wins, else the first extremum. */
import type { Shape } from '../../core/shape.ts';
import { input, type KernelTarget, output, type Program } from '../kernel.ts';
import { isNan, workgroupThreads } from '../workgroup.ts';
import { rowKernel, rowsAlong } from './row.ts';

const greater = /* wgsl */ `
fn beats(a: f32, b: f32) -> bool {
  return a > b || (isNan(a) && !isNan(b));
}`;

const less = /* wgsl */ `
fn beats(a: f32, b: f32) -> bool {
  return a < b || (isNan(a) && !isNan(b));
}`;

const argmaxWgsl = (beats: string) => /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
${isNan}

struct Lane {
  value: f32,
  index: u32,
}
${beats}

fn combine(a: Lane, b: Lane) -> Lane {
  if (beats(b.value, a.value) || (!beats(a.value, b.value) && b.index < a.index)) {
    return b;
  }
  return a;
}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let inner = params.inner;
  // A lane past the end looks at element 0 again, which changes nothing.
  let first = select(0u, lane, lane < length);
  var best = Lane(x[base + first * inner], first);
  for (var c = lane + LANES; c < length; c += LANES) {
    let value = x[base + c * inner];
    if (beats(value, best.value)) {
      best = Lane(value, c);
    }
  }
  let winner = combineLanes(lane, best);
  if (lane == 0u) {
    y[row] = i32(winner.index);
  }
}`;

/**
 * The index along `axis` of the maximum (of the minimum with `min`): input(0) float32 of `shape` -> output(0) int32, `axis` dropped.
 * Pass the flat shape for the whole tensor.
 */
export function argmax(
  target: KernelTarget,
  { shape, axis, min = false }: { shape: Shape; axis: number; min?: boolean },
): Program {
  const rows = rowsAlong(shape, axis);
  const isMany = rows.rows >= 8 * workgroupThreads(target);
  const byThread = rows.length <= 64 || (isMany && (target.software || rows.inner > 1));
  const kernel = { name: 'argmax', reads: [input(0)], writes: [output(0)], wgsl: argmaxWgsl(min ? less : greater) };
  return { steps: [rowKernel(target, rows, kernel, byThread)] };
}
