/**
 * Every tolerance of the numeric tests, with its reason, and the comparison that uses them.
 * A value passes when |got - want| <= relative * |want| + scale * max|want| + absolute, the maximum taken over the tensor.
 */

export interface Tolerance {
  /** Of the element's own magnitude. */
  readonly relative: number;
  /** Of the largest magnitude in the tensor: errors of cancelled sums do not shrink with the result. */
  readonly scale: number;
  /** Of nothing: for functions that saturate, whose errors do not shrink with the result. */
  readonly absolute?: number;
}

export const tolerances = {
  /** Values are moved, chosen or compared, never computed. */
  exact: { relative: 0, scale: 0 },
  /** One or two roundings of 2^-24 each; WGSL allows a division 2.5 units in the last place. */
  rounded: { relative: 5e-7, scale: 1e-7 },
  /** WGSL's exp, pow, tanh and the like are a few units in the last place wide, and log has an absolute error near 1. */
  transcendental: { relative: 4e-6, scale: 1e-6 },
  /** WGSL allows tanh an error of 1e-5, and 1 - y^2 cancels where it is flat, in PyTorch's float32 too. */
  saturating: { relative: 4e-6, scale: 1e-6, absolute: 5e-6 },
  /** Sums of up to a few thousand products in float32; their order is ours, so the last bits differ from PyTorch's. */
  accumulated: { relative: 2e-6, scale: 2e-6 },
  /** Batch statistics: two sums, a difference of near values and a root, then again in the gradient. */
  normalised: { relative: 1e-5, scale: 1e-5 },
  /** Several ops in a row, each with its own rounding. */
  composed: { relative: 1e-5, scale: 1e-5 },
  /** Kept in float16: each result, and each intermediate one, is rounded to 2^-11 of itself. */
  half: { relative: 2e-3, scale: 2e-3 },
  /** A few training steps: rounding differences of one step are the next one's inputs. */
  training: { relative: 1e-4, scale: 1e-4 },
  /** Central differences with a step of 2^-8: float32 outputs are good to 2^-24, so slopes to about 2^-14 of the output. */
  finiteDifference: { relative: 1e-2, scale: 5e-3 },
} as const satisfies Record<string, Tolerance>;

export type ToleranceName = keyof typeof tolerances;

/** What an op's output and its gradients are held to; `rounded` and `accumulated` for those that are not named. */
export const opTolerances: Readonly<Record<string, readonly [output: ToleranceName, gradient: ToleranceName]>> = {
  neg: ['exact', 'exact'],
  abs: ['exact', 'exact'],
  relu: ['exact', 'exact'],
  relu6: ['exact', 'exact'],
  clamp: ['exact', 'exact'],
  maximum: ['exact', 'accumulated'],
  maxScalar: ['exact', 'exact'],
  minimum: ['exact', 'accumulated'],
  minScalar: ['exact', 'exact'],
  eq: ['exact', 'exact'],
  eqScalar: ['exact', 'exact'],
  ne: ['exact', 'exact'],
  neScalar: ['exact', 'exact'],
  lt: ['exact', 'exact'],
  ltScalar: ['exact', 'exact'],
  le: ['exact', 'exact'],
  leScalar: ['exact', 'exact'],
  gt: ['exact', 'exact'],
  gtScalar: ['exact', 'exact'],
  ge: ['exact', 'exact'],
  geScalar: ['exact', 'exact'],
  where: ['exact', 'accumulated'],
  max: ['exact', 'rounded'],
  min: ['exact', 'rounded'],
  argmax: ['exact', 'exact'],
  embedding: ['exact', 'accumulated'],
  lastTokens: ['exact', 'exact'],
  scaledDotProductAttention: ['composed', 'composed'],
  reshape: ['exact', 'exact'],
  flatten: ['exact', 'exact'],
  unsqueeze: ['exact', 'exact'],
  squeeze: ['exact', 'exact'],
  permute: ['exact', 'exact'],
  flip: ['exact', 'exact'],
  transpose: ['exact', 'exact'],
  slice: ['exact', 'rounded'],
  pad: ['exact', 'exact'],
  expand: ['exact', 'accumulated'],
  cat: ['exact', 'rounded'],
  maxPool2d: ['exact', 'accumulated'],
  exp: ['transcendental', 'transcendental'],
  log: ['transcendental', 'transcendental'],
  sqrt: ['transcendental', 'transcendental'],
  rsqrt: ['transcendental', 'transcendental'],
  powScalar: ['transcendental', 'transcendental'],
  pow: ['transcendental', 'transcendental'],
  sigmoid: ['transcendental', 'transcendental'],
  tanh: ['saturating', 'saturating'],
  silu: ['transcendental', 'transcendental'],
  geluTanh: ['saturating', 'saturating'],
  gelu: ['saturating', 'saturating'],
  softmax: ['transcendental', 'accumulated'],
  logSoftmax: ['transcendental', 'accumulated'],
  crossEntropy: ['transcendental', 'transcendental'],
  sum: ['accumulated', 'exact'],
  mean: ['accumulated', 'rounded'],
  variance: ['accumulated', 'accumulated'],
  matmul: ['accumulated', 'accumulated'],
  linear: ['accumulated', 'accumulated'],
  conv2d: ['accumulated', 'accumulated'],
  convTranspose2d: ['accumulated', 'accumulated'],
  avgPool2d: ['accumulated', 'accumulated'],
  interpolate: ['accumulated', 'accumulated'],
  adaptiveAvgPool2d: ['accumulated', 'accumulated'],
  mseLoss: ['accumulated', 'rounded'],
  batchNorm2d: ['normalised', 'normalised'],
  layerNorm: ['normalised', 'normalised'],
};

type Numbers = ArrayLike<number>;

/** How far values are from those that were expected. */
export interface Comparison {
  /** The largest difference, over the largest magnitude that was expected. */
  readonly error: number;
  /** What the worst element's difference is of what the tolerance allows it: up to 1 passes. */
  readonly share: number;
  /** The violation in words; absent where every value passes. */
  readonly fault?: string;
}

export function compare(got: Numbers, want: Numbers, tolerance: Tolerance): Comparison {
  if (got.length !== want.length)
    return {
      error: Number.POSITIVE_INFINITY,
      share: Number.POSITIVE_INFINITY,
      fault: `${got.length} values, expected ${want.length}`,
    };
  let largest = 0;
  for (let i = 0; i < want.length; i++) if (Number.isFinite(want[i])) largest = Math.max(largest, Math.abs(want[i]!));
  let [difference, share, worst, wrong] = [0, 0, 0, 0];
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i]) || got[i] === want[i]) continue;
    const error = Math.abs(got[i]! - want[i]!);
    const allowed = tolerance.relative * Math.abs(want[i]!) + tolerance.scale * largest + (tolerance.absolute ?? 0);
    const ratio = Number.isFinite(error) && Number.isFinite(allowed) ? error / allowed : Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    if (ratio > 1) wrong++;
    if (ratio > share) [share, worst] = [ratio, i];
  }
  const error = difference / (largest || 1);
  if (wrong === 0) return { error, share };
  const off = Math.abs(got[worst]! - want[worst]!) / largest;
  const element = `element ${worst} is ${got[worst]}, expected ${want[worst]} (${off.toExponential(1)} of the largest)`;
  return { error, share, fault: `${wrong} of ${want.length} values are off; ${element}` };
}

/** @throws Error that names `what` and the worst element, unless every value is within the tolerance. */
export function expectClose(what: string, got: Numbers, want: Numbers, tolerance: Tolerance): void {
  const { fault } = compare(got, want, tolerance);
  if (fault) throw new Error(`${what}: ${fault}.`);
}
