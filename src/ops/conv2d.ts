/** 2-D convolution and its transpose, over NCHW images and OIHW weights. */
import { check, each, whole } from '../core/check.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { dims4, formatShape } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value, withShape } from '../graph/value.ts';
import { planConvolution } from '../kernels/conv2d/plan.ts';
import { type Conv2dShape, isDepthwise } from '../kernels/conv2d/shape.ts';
import { checkOneType } from './cast.ts';
import { elementwise } from './elementwise.ts';
import { defineOp, type Op } from './op.ts';
import { sumTo } from './reduce.ts';

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];

/** Options of `Tensor.conv2d`. */
export interface Conv2dOptions {
  /** Step of the window, or [height, width], in pixels; 1 by default. */
  readonly stride?: Pair | undefined;
  /** Zeros around the input: one number, [height, width] or [top, bottom, left, right]. */
  readonly padding?: number | readonly [number, number] | readonly [number, number, number, number] | undefined;
  /** Distance between the pixels of a window; 1 by default. */
  readonly dilation?: Pair | undefined;
  /** Groups of channels that are convolved apart; 1 by default. */
  readonly groups?: number | undefined;
}

/** Options of `Tensor.convTranspose2d`. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added at the bottom and right of the output. */
  readonly outputPadding?: Pair | undefined;
}

export const pairOf = (p: Pair | undefined, otherwise: number): readonly [number, number] =>
  p === undefined
    ? [otherwise, otherwise]
    : Array.isArray(p)
      ? (p as readonly [number, number])
      : [p as number, p as number];

function paddingOf(p: Conv2dOptions['padding']): readonly [number, number, number, number] {
  if (p === undefined || typeof p === 'number') return [p ?? 0, p ?? 0, p ?? 0, p ?? 0];
  return p.length === 2 ? [p[0], p[0], p[1], p[1]] : p;
}

const POSITIVE = each(whole(1, 'a positive integer'));
const PADDING = each(whole(0, 'zero or a positive integer'));

const positive = (op: string, options: object): void => {
  for (const [name, value] of Object.entries(options)) check(op, name, value, name === 'padding' ? PADDING : POSITIVE);
};

/** The geometry of conv2d(x, weight); every shape error of the op is thrown here. */
function shapeOf(x: Value, weight: Value, options: Conv2dOptions): Conv2dShape {
  const [N, C, H, W] = dims4('conv2d', 'the input', x.shape);
  const [K, depth, R, S] = dims4('conv2d', 'the weight', weight.shape, '[K, C / groups, R, S]');
  const stride = pairOf(options.stride, 1);
  const dilation = pairOf(options.dilation, 1);
  const padding = paddingOf(options.padding);
  const groups = options.groups ?? 1;
  positive('conv2d', {
    stride: options.stride ?? 1,
    dilation: options.dilation ?? 1,
    groups,
    padding: options.padding ?? 0,
  });
  if (C !== depth * groups)
    throw new ShapeError(
      'conv2d',
      `input has ${C} channels, but weight ${formatShape(weight.shape)} expects ${depth * groups} (groups = ${groups}).`,
      [x.shape, weight.shape],
    );
  if (K % groups)
    throw new ShapeError('conv2d', `${K} output channels do not divide into ${groups} groups.`, [
      x.shape,
      weight.shape,
    ]);
  const outH = Math.floor((H + padding[0] + padding[1] - dilation[0] * (R - 1) - 1) / stride[0]) + 1;
  const outW = Math.floor((W + padding[2] + padding[3] - dilation[1] * (S - 1) - 1) / stride[1]) + 1;
  if (outH < 1 || outW < 1)
    throw new ShapeError(
      'conv2d',
      `the kernel ${R}x${S} (dilation ${dilation.join('x')}) is larger than the padded input ${H + padding[0] + padding[1]}x${W + padding[2] + padding[3]}. Use larger images or a smaller kernel.`,
      [x.shape, weight.shape],
    );
  const [strideH, strideW] = stride;
  const [dilationH, dilationW] = dilation;
  return { N, C, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW };
}

const keyOf = (s: Conv2dShape): string => Object.values(s).join();

function forward(x: Value, weight: Value, s: Conv2dShape): Value {
  checkOneType('conv2d', x, weight);
  const [y] = recordKernel('conv2d', [x, weight], [{ shape: [s.N, s.K, s.outH, s.outW], dtype: floatTypeOf(x) }], {
    key: keyOf(s),
    choose: (target) => planConvolution(target, s, 'forward'),
    fuses: 'epilogue',
    axes: { row: { inner: s.outH * s.outW, size: s.K } },
    samplewise: true,
  });
  return y!;
}

function inputGrad(gy: Value, weight: Value, s: Conv2dShape): Value {
  checkOneType('conv2d', gy, weight);
  const output = { shape: [s.N, s.C, s.H, s.W], dtype: floatTypeOf(gy) };
  const [gx] = recordKernel('conv2dInputGrad', [gy, weight], [output], {
    key: keyOf(s),
    choose: (target) => planConvolution(target, s, 'inputGrad'),
    fuses: 'epilogue',
    axes: { row: { inner: s.H * s.W, size: s.C } },
    samplewise: true,
  });
  return gx!;
}

function weightGrad(gy: Value, x: Value, s: Conv2dShape): Value {
  const shape = [s.K, s.C / s.groups, s.R, s.S];
  const [gw] = recordKernel('conv2dWeightGrad', [gy, x], [{ shape, dtype: floatTypeOf(gy) }], {
    key: keyOf(s),
    choose: (target) => planConvolution(target, s, 'weightGrad'),
    // The kernel of a depthwise one takes no epilogue.
    fuses: isDepthwise(s) ? 'nothing' : 'epilogue',
  });
  return gw!;
}

/** Adds a bias [C] to images [N, C, H, W]. */
function addBias(op: string, y: Value, bias: Value | null | undefined): Value {
  if (!bias) return y;
  if (bias.shape.length !== 1 || bias.shape[0] !== y.shape[1])
    throw new ShapeError(op, `bias must be [${y.shape[1]}], got ${formatShape(bias.shape)}.`, [bias.shape]);
  return elementwise('add', [y, withShape(bias, [bias.shape[0]!, 1, 1])]);
}

const biasGrad = (gy: Value, bias: Value): Value => withShape(sumTo(gy, [bias.shape[0]!, 1, 1]), bias.shape);

/** y[n, k, oy, ox] = bias[k] + sum over c, r, s of x[n, c, oy stride + r dilation - top, …] w[k, c, r, s]. */
export const conv2d: Op<Conv2dOptions> = defineOp<Conv2dOptions>({
  name: 'conv2d',
  autocast: 'float16',
  forward: ([x, weight, bias], options) => addBias('conv2d', forward(x!, weight!, shapeOf(x!, weight!, options)), bias),
  backward: (gy, { inputs: [x, weight, bias], attributes, needs }) => {
    const s = shapeOf(x!, weight!, attributes);
    return [
      needs[0] ? inputGrad(gy, weight!, s) : null,
      needs[1] ? weightGrad(gy, x!, s) : null,
      needs[2] ? biasGrad(gy, bias!) : null,
    ];
  },
});

/** The convolution whose input gradient the transposed convolution is: its input is our output, its output our input. */
function mirroredShape(x: Value, weight: Value, options: ConvTranspose2dOptions): Conv2dShape {
  const op = 'convTranspose2d';
  const [N, K, outH, outW] = dims4(op, 'the input', x.shape);
  const [rows, depth, R, S] = dims4(op, 'the weight', weight.shape, '[C, K / groups, R, S]');
  const groups = options.groups ?? 1;
  if (K !== rows)
    throw new ShapeError(op, `input has ${K} channels, but weight ${formatShape(weight.shape)} expects ${rows}.`, [
      x.shape,
      weight.shape,
    ]);
  if (K % groups)
    throw new ShapeError(op, `${K} input channels do not divide into ${groups} groups.`, [x.shape, weight.shape]);
  const [strideH, strideW] = pairOf(options.stride, 1);
  const [dilationH, dilationW] = pairOf(options.dilation, 1);
  const [extraH, extraW] = pairOf(options.outputPadding, 0);
  const padding = paddingOf(options.padding);
  positive(op, { stride: options.stride ?? 1, dilation: options.dilation ?? 1, groups, padding: options.padding ?? 0 });
  if (extraH >= Math.max(strideH, dilationH) || extraW >= Math.max(strideW, dilationW))
    throw new ArgumentError(
      `${op}: outputPadding must be smaller than stride or dilation, got [${extraH}, ${extraW}].`,
    );
  const H = (outH - 1) * strideH - padding[0] - padding[1] + dilationH * (R - 1) + extraH + 1;
  const W = (outW - 1) * strideW - padding[2] - padding[3] + dilationW * (S - 1) + extraW + 1;
  if (H < 1 || W < 1)
    throw new ShapeError(op, `the padding leaves nothing of the output (${H}x${W}).`, [x.shape, weight.shape]);
  return { N, C: depth * groups, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW };
}

/** The gradient of a convolution as a layer: weight [in, out / groups, R, S]. */
export const convTranspose2d: Op<ConvTranspose2dOptions> = defineOp<ConvTranspose2dOptions>({
  name: 'convTranspose2d',
  autocast: 'float16',
  forward: ([x, weight, bias], options) =>
    addBias('convTranspose2d', inputGrad(x!, weight!, mirroredShape(x!, weight!, options)), bias),
  backward: (gy, { inputs: [x, weight, bias], attributes, needs }) => {
    const s = mirroredShape(x!, weight!, attributes);
    return [
      needs[0] ? forward(gy, weight!, s) : null,
      needs[1] ? weightGrad(x!, gy, s) : null,
      needs[2] ? biasGrad(gy, bias!) : null,
    ];
  },
});
