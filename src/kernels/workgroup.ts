/** The common parts of kernels that reduce or loop: workgroup sizes, how a reduction is cut up, the tree over a workgroup's lanes, NaN. */
import { ceilDiv, fullBatch, type KernelTarget } from './kernel.ts';

/** Invocations of a workgroup, a power of two. One core runs a software adapter's workgroup, so small ones spread better there. */
export const workgroupThreads = (target: KernelTarget): number =>
  target.software ? 64 : Math.min(256, target.maxInvocationsPerWorkgroup);

/**
 * Elements that one invocation of an elementwise kernel does, a workgroup's width apart. A software adapter takes about a
 * microsecond to start a workgroup: with one element an invocation, a plain copy runs at a quarter of the speed.
 */
export const elementsPerThread = (target: KernelTarget): number => (target.software ? 16 : 4);

/** The arrangement of `outputs` reductions of `length` elements each. */
export interface Schedule {
  /** One invocation a part, else one workgroup a part. */
  readonly byThread: boolean;
  /** Parts an output is cut into; a second step combines them. */
  readonly splits: number;
}

/** Longest chain of additions in one register: bounds both the rounding error and the time of one invocation. */
const LONGEST_CHAIN = 1024;

/** `coalesced`: the elements of one output are neighbours in memory, so a workgroup's lanes should share an output. */
export function scheduleOf(target: KernelTarget, outputs: number, length: number, coalesced: boolean): Schedule {
  const threads = workgroupThreads(target);
  const inFull = fullBatch(target, outputs);
  // A software adapter loads at one price from any address, and its barriers cost as much as thousands of loads.
  const byThread = target.software || length <= 32 || (!coalesced && inFull >= threads);
  const lanes = byThread ? 1 : threads;
  const busy = threads * (target.software ? 16 : 512);
  const smallest = byThread ? 64 : 16 * threads;
  const forSpeed = Math.min(ceilDiv(busy, Math.max(1, inFull * lanes)), Math.floor(length / smallest));
  const forAccuracy = ceilDiv(length, LONGEST_CHAIN * lanes);
  const wanted = Math.max(1, forSpeed, forAccuracy);
  // Equal parts may turn out fewer.
  return { byThread, splits: Math.max(1, ceilDiv(length, Math.max(1, ceilDiv(length, wanted)))) };
}

/** WGSL: NaN by its bits, which no compiler's arithmetic assumptions can optimise away. */
export const isNan = /* wgsl */ `
fn isNan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}`;

/** WGSL: the maximum, where a NaN wins, as in PyTorch; WGSL's own `max` leaves that open. */
export const nanMax = /* wgsl */ `
${isNan}

fn nanMax(a: f32, b: f32) -> f32 {
  return select(b, a, a > b || isNan(a));
}`;

/**
 * WGSL: exp(x - m) with a row's maximum m. `finiteOrNan` makes an infinite maximum NaN, as the difference would be; `expNan` keeps a NaN,
 * which SwiftShader's exp does not.
 */
export const rowExp = /* wgsl */ `
${nanMax}

fn finiteOrNan(value: f32) -> f32 {
  let bits = bitcast<u32>(value);
  return select(value, bitcast<f32>(bits | 0x7fffffffu), (bits & 0x7f800000u) == 0x7f800000u);
}

fn expNan(value: f32) -> f32 {
  return select(exp(value), value, isNan(value));
}`;

/**
 * WGSL: one value per lane combined over the workgroup, in a fixed order; every lane gets the result. To be called in uniform
 * control flow. The module declares `const THREADS` (a power of two), `alias Lane` and `fn combine(a: Lane, b: Lane) -> Lane`.
 */
export const combineLanes = /* wgsl */ `
var<workgroup> lanes: array<Lane, THREADS>;

fn combineLanes(lane: u32, value: Lane) -> Lane {
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      lanes[lane] = combine(lanes[lane], lanes[lane + half]);
    }
    workgroupBarrier();
  }
  let combined = lanes[0];
  workgroupBarrier();
  return combined;
}`;
