/** What the pooling kernels share: sizes, the position of an element in its plane, the dispatch over all elements. */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  identityEpilogue,
  type KernelTarget,
  type Operand,
  type Program,
  type Step,
} from './kernel.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** Sizes of a pooling: [N, C, H, W] -> [N, C, outH, outW]. Pairs are [vertical, horizontal]. */
export interface PoolShape {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** As the caller computed it, with ceilMode or without. */
  readonly outH: number;
  readonly outW: number;
}

/** WGSL: (y, x) and the plane of element `i` of planes of `size`. */
export const planePosition = /* wgsl */ `
struct PlanePosition {
  at: vec2i,
  plane: u32,
}

fn planePosition(i: u32, size: vec2i) -> PlanePosition {
  let width = u32(size.y);
  let height = u32(size.x);
  let row = i / width;
  let plane = row / height;
  return PlanePosition(vec2i(i32(row - plane * height), i32(i - row * width)), plane);
}`;

/** WGSL: the module's `main`: `compute(i)` for THREADS * PER_THREAD elements a workgroup. */
export const elementLoop = /* wgsl */ `
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.count);
  for (var i = start + lane; i < end; i += THREADS) {
    compute(i);
  }
}`;

/** Invocations of a workgroup, and elements each of them does. */
export type Threads = readonly [threads: number, perThread: number];

/** One dispatch over `count` elements of `shape`'s planes. */
export function poolStep(
  target: KernelTarget,
  name: string,
  count: number,
  step: {
    wgsl: (threads: Threads) => string;
    reads: readonly Operand[];
    writes: readonly Operand[];
    params: readonly number[];
    epilogue?: Fusion | undefined;
  },
): Program {
  const threads = [workgroupThreads(target), elementsPerThread(target)] as const;
  const { epilogue } = step;
  const program: Step = {
    name,
    wgsl: step.wgsl(threads),
    reads: step.reads,
    writes: step.writes,
    params: step.params,
    workgroups: flatGrid(ceilDiv(count, threads[0] * threads[1]), target.maxWorkgroupsPerDimension),
    ...(epilogue && epilogue !== identityEpilogue && { fusion: epilogue }),
  };
  return { steps: [program] };
}
