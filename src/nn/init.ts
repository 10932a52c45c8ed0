/**
 * Initial values, as PyTorch's `torch.nn.init`: the same distributions and bounds, from regraft's own seeded generator.
 * Each call draws one seed; the values are made when the parameter is first used, so a model whose weights are loaded
 * from a file never pays for random ones.
 */
import { ArgumentError } from '../core/errors.ts';
import { checkOneOf, checkOptions, type OptionNames, shown } from '../core/options.ts';
import { defaultGenerator, Generator } from '../core/random.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Buffer, Parameter } from './parameter.ts';

/** Keep the variance of activations (fanIn) or of gradients (fanOut). */
export type FanMode = 'fanIn' | 'fanOut';

/** What follows the layer; it decides the gain. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/** Options of the Kaiming initialisations. */
export interface KaimingOptions {
  /** 'fanIn' by default. */
  mode?: FanMode;
  /** 'leakyRelu' by default. */
  nonlinearity?: Nonlinearity;
  /** Negative slope, for 'leakyRelu': 0 by default. */
  slope?: number;
}

const KAIMING: OptionNames<KaimingOptions> = { mode: true, nonlinearity: true, slope: true };
const NONLINEARITIES = ['linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'] as const satisfies Nonlinearity[];

/** A function that makes `count` elements. */
export type Initializer = () => Float32Array;

/**
 * Inputs and outputs that one weight element takes part in, times the kernel's area: weight [out, in, ...kernel].
 * @throws ArgumentError for fewer than two dimensions.
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2)
    throw new ArgumentError(
      `init: fans need a weight of 2 or more dimensions, got [${shape.join(', ')}]. Use constant or normal for vectors.`,
    );
  const area = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * area, fanOut: shape[0]! * area };
}

/** The factor that a nonlinearity asks of the standard deviation. */
export function gain(nonlinearity: Nonlinearity, slope = 0): number {
  switch (nonlinearity) {
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope * slope));
    case 'tanh':
      return 5 / 3;
    case 'selu':
      return 3 / 4;
    default:
      return 1;
  }
}

/** Normal with standard deviation gain / sqrt(fan). He et al. 2015, https://arxiv.org/abs/1502.01852 */
export function kaimingNormal(t: Parameter, options: KaimingOptions = {}): void {
  initialized('kaimingNormal', t);
  normal(t, 0, kaimingDeviation('kaimingNormal', t.shape, options));
}

/** Uniform in +-sqrt(3) gain / sqrt(fan). He et al. 2015, https://arxiv.org/abs/1502.01852 */
export function kaimingUniform(t: Parameter, options: KaimingOptions = {}): void {
  initialized('kaimingUniform', t);
  const bound = Math.sqrt(3) * kaimingDeviation('kaimingUniform', t.shape, options);
  uniform(t, -bound, bound);
}

/** Normal with standard deviation gain * sqrt(2 / (fanIn + fanOut)). Glorot and Bengio 2010. */
export function xavierNormal(t: Parameter, factor = 1): void {
  initialized('xavierNormal', t);
  normal(t, 0, xavierDeviation(t.shape, factor));
}

/** Uniform with the standard deviation of {@link xavierNormal}. */
export function xavierUniform(t: Parameter, factor = 1): void {
  initialized('xavierUniform', t);
  const bound = Math.sqrt(3) * xavierDeviation(t.shape, factor);
  uniform(t, -bound, bound);
}

/** Normal around `mean`. */
export function normal(t: Parameter | Buffer, mean = 0, deviation = 1): void {
  initialized('normal', t).initialize(normalValues(t.size, mean, deviation));
}

/**
 * Normal around `mean`, drawn again outside of [low, high], which are values and no multiples of the deviation.
 * @throws ArgumentError for bounds that the mean is not between, or less than a deviation apart.
 */
export function truncNormal(t: Parameter | Buffer, mean = 0, deviation = 1, low = -2, high = 2): void {
  if (!(low <= mean && mean <= high && high - low >= deviation))
    throw new ArgumentError(
      `truncNormal: expected bounds around the mean, at least a deviation apart, got [${low}, ${high}] for mean ${mean} and deviation ${deviation}. ` +
        'Bounds are values, not multiples of the deviation.',
    );
  initialized('truncNormal', t).initialize(truncNormalValues(t.size, mean, deviation, low, high));
}

/** Uniform in [low, high). */
export function uniform(t: Parameter | Buffer, low = 0, high = 1): void {
  initialized('uniform', t).initialize(uniformValues(t.size, low, high));
}

/** All elements `value`. */
export function constant(t: Parameter | Buffer, value: number): void {
  initialized('constant', t).initialize(constantValues(t.size, value));
}

/** Draws a seed now and the values later. */
export function normalValues(count: number, mean: number, deviation: number): Initializer {
  const seed = defaultGenerator.uint32();
  return () => {
    const generator = new Generator(seed);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = mean + deviation * generator.normal();
    return out;
  };
}

/** Draws a seed now and the values later. */
function truncNormalValues(count: number, mean: number, deviation: number, low: number, high: number): Initializer {
  const seed = defaultGenerator.uint32();
  return () => {
    const generator = new Generator(seed);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      do out[i] = mean + deviation * generator.normal();
      while (out[i]! < low || out[i]! > high);
    }
    return out;
  };
}

/** Draws a seed now and the values later. */
export function uniformValues(count: number, low: number, high: number): Initializer {
  const seed = defaultGenerator.uint32();
  return () => {
    const generator = new Generator(seed);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = generator.uniform(low, high);
    return out;
  };
}

/** `count` times `value`, for {@link Parameter.initialize}. */
export function constantValues(count: number, value: number): Initializer {
  return () => new Float32Array(count).fill(value);
}

/** PyTorch's default for the weight of linear and convolution layers: uniform in +-1 / sqrt(fanIn). */
export function layerWeight(shape: Shape): Initializer {
  const bound = 1 / Math.sqrt(fans(shape).fanIn);
  return uniformValues(sizeOf(shape), -bound, bound);
}

/** PyTorch's default for the bias that goes with a weight of shape `weight`. */
export function layerBias(count: number, weight: Shape): Initializer {
  const bound = 1 / Math.sqrt(fans(weight).fanIn);
  return uniformValues(count, -bound, bound);
}

/** `t`. @throws ArgumentError if it is neither a parameter nor a buffer. */
function initialized<T extends Parameter | Buffer>(op: string, t: T): T {
  if (typeof t?.initialize === 'function') return t;
  throw new ArgumentError(`${op}: expected a parameter or a buffer, got ${shown(t)}. Pass layer.weight, say.`);
}

function kaimingDeviation(op: string, shape: Shape, options: KaimingOptions): number {
  checkOptions(op, options, KAIMING);
  const { mode = 'fanIn', nonlinearity = 'leakyRelu', slope = 0 } = options;
  checkOneOf(op, 'mode', mode, ['fanIn', 'fanOut']);
  checkOneOf(op, 'nonlinearity', nonlinearity, NONLINEARITIES);
  return gain(nonlinearity, slope) / Math.sqrt(fans(shape)[mode]);
}

function xavierDeviation(shape: Shape, factor: number): number {
  const { fanIn, fanOut } = fans(shape);
  return factor * Math.sqrt(2 / (fanIn + fanOut));
}
