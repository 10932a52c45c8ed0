/** The common parts of the pooling kernels: sizes, parameters, the loop over the elements that a kernel writes. */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  float,
  identityEpilogue,
  type KernelTarget,
  type Operand,
  type Program,
  type Step,
} from './kernel.ts';
import { coordinates, coordinatesOf, walk } from './strided.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** Sizes of a pooling: [N, C, H, W] -> [N, C, outH, outW]. */
export interface PoolShape {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** The output's size as the caller computed it, with ceilMode or without. */
  readonly outH: number;
  readonly outW: number;
}

/** A sliding window. Pairs are [vertical, horizontal]. */
export interface Window extends PoolShape {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** WGSL: parameters of every pooling kernel, in the order of {@link poolStep}'s words. */
export const poolParams = /* wgsl */ `
struct Params {
  // [N, C, height, width] of what the kernel writes, and what an invocation moves by, as coordinates.
  sizes: vec4u,
  step: vec4u,
  // (height, width) of input and output.
  size: vec2i,
  outSize: vec2i,
  kernel: vec2i,
  stride: vec2i,
  padding: vec2i,
  dilation: vec2i,
  inverseStride: vec2f,
  inverseDilation: vec2f,
  inverseSize: vec2f,
  inverseOutSize: vec2f,
  count: u32,
  countIncludePad: u32,
  lowest: f32,
}

// floor(a / b) for |a| below 2^21: the half keeps the rounded product off the integers. Integer division costs several loads.
fn quotient(a: vec2i, inverse: vec2f) -> vec2i {
  return vec2i(floor((vec2f(a) + 0.5) * inverse));
}`;

/** WGSL: the module's `main`, which calls `compute(i, at, p)` for the coordinates `at` [n, c, h, w] of every element. */
export const elementLoop = /* wgsl */ `
${coordinates}
${walk(4)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let p = params;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, p.count);
  var at = coordinates(start + lane, p.sizes);
  for (var i = start + lane; i < end; i += THREADS) {
    compute(i, at, p);
    at = advance(at, p.step, p.sizes);
  }
}`;

/** Invocations of a workgroup, and elements each of them does. */
export type Threads = readonly [threads: number, perThread: number];

const NO_WINDOW = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] } as const;

/** One dispatch over the elements of the input's or the output's shape. */
export function poolStep(
  target: KernelTarget,
  name: string,
  over: 'input' | 'output',
  shape: PoolShape & Partial<Window> & { dilation?: readonly [number, number]; countIncludePad?: boolean },
  step: {
    wgsl: (threads: Threads) => string;
    reads: readonly Operand[];
    writes: readonly Operand[];
    epilogue?: Fusion | undefined;
  },
): Program {
  const threads = [workgroupThreads(target), elementsPerThread(target)] as const;
  const { N, C, H, W, outH, outW, dilation = [1, 1], countIncludePad = false } = shape;
  const { kernel, stride, padding } = { ...NO_WINDOW, ...shape };
  const sizes = over === 'input' ? [N, C, H, W] : [N, C, outH, outW];
  const count = sizes.reduce((a, b) => a * b, 1);
  const inverse = (pair: readonly number[]) => pair.map((n) => float(1 / n));
  const { epilogue } = step;
  const program: Step = {
    name,
    wgsl: step.wgsl(threads),
    reads: step.reads,
    writes: step.writes,
    params: [
      ...sizes,
      ...coordinatesOf(threads[0], sizes),
      ...[H, W, outH, outW, ...kernel, ...stride, ...padding, ...dilation],
      ...[...inverse(stride), ...inverse(dilation), ...inverse([H, W]), ...inverse([outH, outW])],
      ...[count, countIncludePad ? 1 : 0, float(Number.NEGATIVE_INFINITY)],
    ],
    workgroups: flatGrid(ceilDiv(count, threads[0] * threads[1]), target.maxWorkgroupsPerDimension),
    ...(epilogue && epilogue !== identityEpilogue && { fusion: epilogue }),
  };
  return { steps: [program] };
}
