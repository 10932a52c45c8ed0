/** Arg max and arg min over one axis of [outer, length, inner]. PyTorch's rule: the first NaN wins, else the first extremum. */
import { type Shape, sizeOf } from '../core/shape.ts';
import { ceilDiv, flatGrid, flatWorkgroup, input, type KernelTarget, output, type Program } from './kernel.ts';
import { combineLanes, isNan, workgroupThreads } from './workgroup.ts';

const bindings = /* wgsl */ `
struct Params {
  outputs: u32,
  length: u32,
  inner: u32,
}

struct Lane {
  value: f32,
  index: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<uniform> params: Params;
${isNan}`;

const greater = /* wgsl */ `
fn beats(a: f32, b: f32) -> bool {
  return a > b || (isNan(a) && !isNan(b));
}`;

const less = /* wgsl */ `
fn beats(a: f32, b: f32) -> bool {
  return a < b || (isNan(a) && !isNan(b));
}`;

const combine = /* wgsl */ `
fn combine(a: Lane, b: Lane) -> Lane {
  if (beats(b.value, a.value) || (!beats(a.value, b.value) && b.index < a.index)) {
    return b;
  }
  return a;
}`;

/** One workgroup an output. Lanes past the end look at element 0 again, which changes nothing. */
const workgroupArgmax = (threads: number, beats: string) => /* wgsl */ `
const THREADS = ${threads}u;
${bindings}
${beats}
${combine}
${combineLanes}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let o = flatWorkgroup(workgroup, workgroups);
  if (o >= params.outputs) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = (o / inner) * length * inner + o % inner;
  let first = select(0u, lane, lane < length);
  var best = Lane(x[base + first * inner], first);
  for (var r = lane + THREADS; r < length; r += THREADS) {
    let value = x[base + r * inner];
    if (beats(value, best.value)) {
      best = Lane(value, r);
    }
  }
  let winner = combineLanes(lane, best);
  if (lane == 0u) {
    y[o] = i32(winner.index);
  }
}`;

/** One invocation an output. */
const threadArgmax = (threads: number, beats: string) => /* wgsl */ `
const THREADS = ${threads}u;
${bindings}
${beats}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let o = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (o >= params.outputs) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = (o / inner) * length * inner + o % inner;
  var best = Lane(x[base], 0u);
  for (var r = 1u; r < length; r++) {
    let value = x[base + r * inner];
    if (beats(value, best.value)) {
      best = Lane(value, r);
    }
  }
  y[o] = i32(best.index);
}`;

/**
 * The index along `axis` of the maximum (of the minimum with `min`): input(0) float32 of `shape` -> output(0) int32, `axis` dropped.
 * For the whole tensor pass its flat shape.
 */
export function argmax(
  target: KernelTarget,
  { shape, axis, min = false }: { shape: Shape; axis: number; min?: boolean },
): Program {
  const threads = workgroupThreads(target);
  const length = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const outputs = sizeOf(shape.slice(0, axis)) * inner;
  const byThread = length <= 64 || (outputs >= 8 * threads && (target.software || inner > 1));
  return {
    steps: [
      {
        name: `argmax.${byThread ? 'thread' : 'workgroup'}`,
        wgsl: (byThread ? threadArgmax : workgroupArgmax)(threads, min ? less : greater),
        reads: [input(0)],
        writes: [output(0)],
        params: [outputs, length, inner],
        workgroups: flatGrid(byThread ? ceilDiv(outputs, threads) : outputs, target.maxWorkgroupsPerDimension),
      },
    ],
  };
}
