/** The shape of a 2-D convolution and the sizes that its kernels derive from it. */

/** x [N, C, H, W], w [K, C/groups, R, S], y [N, K, outH, outW]; padding is [top, bottom, left, right]. */
export interface Conv2dShape {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly K: number;
  readonly R: number;
  readonly S: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
  readonly groups: number;
  readonly outH: number;
  readonly outW: number;
}

/** The product that weights are packed for: y from x, or the gradient of x from that of y. */
export type PackDirection = 'forward' | 'inputGrad';

/** One input channel a group: no sum over channels, so its kernels (depthwise.ts) are not matrix products. */
export const isDepthwise = ({ C, groups }: Conv2dShape): boolean => groups === C && groups > 1;

/** True for 1x1, stride 1, no padding: no pixel depends on another. */
export const isPointwise = ({ R, S, strideH, strideW, padding }: Conv2dShape): boolean =>
  R * S === 1 && strideH === 1 && strideW === 1 && padding.every((p) => p === 0);

/** A pointwise convolution is one long row: fewer, longer rows suit every kernel. */
export function canonical(shape: Conv2dShape): Conv2dShape {
  const { H, W, outH, outW } = shape;
  return isPointwise(shape) ? { ...shape, H: 1, W: H * W, outH: 1, outW: outH * outW } : shape;
}

/** True if pixels 4i to 4i + 3 of an output plane lie under four neighbours of the input, at a multiple of 4. */
export const inPixelQuads = (shape: Conv2dShape): boolean => isPointwise(shape) && (shape.H * shape.W) % 4 === 0;

/**
 * The taps that meet one phase of the input (its coordinates plus padding, modulo the stride): every `step`-th one, and the
 * output coordinate under each is `back` less than under the one before.
 */
export function phaseTaps(stride: number, dilation: number): { step: number; back: number } {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const step = stride / gcd(dilation, stride);
  return { step, back: (step * dilation) / stride };
}

/** WGSL: the first tap r < step of a phase, or step if the phase meets none. */
export const firstTap = /* wgsl */ `
fn firstTap(phase: u32, dilation: u32, stride: u32, step: u32) -> u32 {
  var r = 0u;
  while (r < step && (r * dilation) % stride != phase) {
    r++;
  }
  return r;
}`;
