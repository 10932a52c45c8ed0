/**
 * Layer normalisation of rows of [outer, length, inner] and the gradient of what it normalises, with xhat = (x - mean) * rstd:
 *
 *   y = xhat * weight + bias,  gx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = gy * weight
 *
 * Ba et al. 2016, https://arxiv.org/abs/1607.06450. The second pass over a row corrects the mean of the first by the mean of the
 * deviations, so a mean that is large beside them costs no digits.
 */
import { float, input, type KernelTarget, output, type Program } from '../kernel.ts';
import { type Rows, rowKernel } from './row.ts';

/** Sizes and options of {@link layerNorm} and {@link layerNormGrad}. */
export interface LayerNormShape extends Rows {
  /** True if a weight for each element of a row is bound. */
  readonly weighted: boolean;
}

const pairSum = /* wgsl */ `
alias Lane = vec2f;

fn combine(a: vec2f, b: vec2f) -> vec2f {
  return a + b;
}`;

// Without a weight another buffer is bound in its place and not read; so it is with a bias.
const weightOf = /* wgsl */ `
fn weightOf(c: u32) -> f32 {
  if (params.weighted == 1u) {
    return weight[c];
  }
  return 1.0;
}`;

const forwardFields = /* wgsl */ `
  eps: f32,
  // 1 with a weight, and 1 with a bias.
  weighted: u32,
  biased: u32,`;

const forwardWgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
${pairSum}
${weightOf}

fn biasOf(c: u32) -> f32 {
  if (params.biased == 1u) {
    return bias[c];
  }
  return 0.0;
}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let inner = params.inner;
  let count = f32(length);
  var total = 0.0;
  for (var c = lane; c < length; c += LANES) {
    total += x[base + c * inner];
  }
  let near = combineLanes(lane, vec2f(total, 0.0)).x / count;
  var sums = vec2f(0.0);
  for (var c = lane; c < length; c += LANES) {
    let deviation = x[base + c * inner] - near;
    sums += vec2f(deviation, deviation * deviation);
  }
  let means = combineLanes(lane, sums) / count;
  let center = near + means.x;
  let scale = inverseSqrt(max(means.y - means.x * means.x, 0.0) + params.eps);
  for (var c = lane; c < length; c += LANES) {
    let i = base + c * inner;
    y[i] = (x[i] - center) * scale * weightOf(c) + biasOf(c);
  }
  if (lane == 0u) {
    mean[row] = center;
    rstd[row] = scale;
  }
}`;

/**
 * input(0) x, with `weighted` input(1) weight [length], with `biased` the next one bias [length]
 * -> output(0) y, output(1) mean and output(2) 1 / sqrt(biased variance + eps), one a row.
 */
export function layerNorm(
  target: KernelTarget,
  { weighted, biased, eps, ...rows }: LayerNormShape & { readonly biased: boolean; readonly eps: number },
): Program {
  const kernel = {
    name: 'layerNorm',
    reads: [input(0), input(weighted ? 1 : 0), input(biased ? (weighted ? 2 : 1) : 0)],
    writes: [output(0), output(1), output(2)],
    fields: { wgsl: forwardFields, words: [float(eps), Number(weighted), Number(biased)] },
    wgsl: forwardWgsl,
  };
  return { steps: [rowKernel(target, rows, kernel)] };
}

const gradFields = /* wgsl */ `
  // 1 with a weight.
  weighted: u32,`;

const gradWgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> gx: array<f32>;
${pairSum}
${weightOf}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let inner = params.inner;
  let center = mean[row];
  let scale = rstd[row];
  var sums = vec2f(0.0);
  for (var c = lane; c < length; c += LANES) {
    let i = base + c * inner;
    let g = gy[i] * weightOf(c);
    sums += vec2f(g, g * ((x[i] - center) * scale));
  }
  let means = combineLanes(lane, sums) / f32(length);
  for (var c = lane; c < length; c += LANES) {
    let i = base + c * inner;
    gx[i] = scale * (gy[i] * weightOf(c) - means.x - (x[i] - center) * scale * means.y);
  }
}`;

/** input(0) gy, input(1) x, input(2) mean, input(3) rstd, with `weighted` input(4) weight [length] -> output(0) gx. */
export function layerNormGrad(target: KernelTarget, { weighted, ...rows }: LayerNormShape): Program {
  const kernel = {
    name: 'layerNormGrad',
    reads: [input(0), input(1), input(2), input(3), input(weighted ? 4 : 0)],
    writes: [output(0)],
    fields: { wgsl: gradFields, words: [Number(weighted)] },
    wgsl: gradWgsl,
  };
  return { steps: [rowKernel(target, rows, kernel)] };
}
