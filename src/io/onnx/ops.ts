/** The ONNX form of each op (opset 17). Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md */
import type { DType } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { normalizeAxes, normalizeAxis, sizeOf } from '../../core/shape.ts';
import type {
  AvgPoolOptions,
  Conv2dOptions,
  ConvTranspose2dOptions,
  LayerNormAttributes,
  MaxPoolOptions,
  Pair,
} from '../../ops/index.ts';
import type { InterpolateOptions } from '../../ops/interpolate.ts';
import { ATTENTION } from './attention-ops.ts';
import { type Emitter, f, i, ints, type Rule, text } from './emitter.ts';
import type { BatchedOp } from './trace.ts';
import type { Attribute } from './write.ts';

const pair = (p: Pair | undefined, otherwise: number): readonly [number, number] =>
  p === undefined ? [otherwise, otherwise] : typeof p === 'number' ? [p, p] : p;

/** One operator of the same meaning. */
const same =
  (name: string, attributes: Readonly<Record<string, Attribute>> = {}): Rule =>
  (e) => {
    e.node(name, e.inputs, attributes, 'last');
  };

/** An operator whose second operand is a constant. */
const withScalar =
  (name: string): Rule =>
  (e, op) => {
    e.node(name, [e.inputs[0]!, e.scalar(scalarsOf(op)[0]!)], {}, 'last');
  };

/** A comparison, as 0 and 1 in float32 (data type 1). */
const comparison =
  (name: string, options: { scalar?: boolean; not?: boolean } = {}): Rule =>
  (e, op) => {
    const right = options.scalar ? e.scalar(scalarsOf(op)[0]!) : e.inputs[1]!;
    const truth = e.node(name, [e.inputs[0]!, right]);
    e.node('Cast', [options.not ? e.node('Not', [truth]) : truth], { to: i(1) }, 'last');
  };

const reduction =
  (name: string): Rule =>
  (e, op) => {
    const { axes, keepdim = false } = op.attributes as { axes?: number | readonly number[]; keepdim?: boolean };
    const list = normalizeAxes(op.name, axes, op.inputs[0]!.shape.length);
    // Of the reductions, ReduceSum alone takes its axes as an input in opset 17.
    if (name === 'ReduceSum') e.node(name, [e.inputs[0]!, e.longs(list)], { keepdims: i(keepdim) }, 'last');
    else e.node(name, [e.inputs[0]!], { axes: ints(list), keepdims: i(keepdim) }, 'last');
  };

const alongAxis =
  (name: string): Rule =>
  (e, op) => {
    const { axis } = op.attributes as { axis: number };
    e.node(name, e.inputs, { axis: i(normalizeAxis(op.name, axis, op.output.shape.length)) }, 'last');
  };

function scalarsOf({ attributes }: BatchedOp): readonly number[] {
  return (attributes as { scalars?: readonly number[] }).scalars ?? [];
}

/** [top, left, bottom, right], as ONNX orders them. */
function padsOf(padding: Conv2dOptions['padding']): readonly number[] {
  if (padding === undefined || typeof padding === 'number') return new Array(4).fill(padding ?? 0);
  const [top, bottom, left, right] = padding.length === 4 ? padding : [padding[0], padding[0], padding[1], padding[1]];
  return [top, left, bottom, right];
}

function convolution(op: BatchedOp, options: Conv2dOptions): Record<string, Attribute> {
  return {
    kernel_shape: ints(op.inputs[1]!.shape.slice(2)),
    strides: ints(pair(options.stride, 1)),
    pads: ints(padsOf(options.padding)),
    dilations: ints(pair(options.dilation, 1)),
    group: i(options.groups ?? 1),
  };
}

function pooling(options: MaxPoolOptions | AvgPoolOptions): Record<string, Attribute> {
  const kernel = pair(options.kernel, 1);
  const padding = pair(options.padding, 0);
  return {
    kernel_shape: ints(kernel),
    strides: ints(options.stride === undefined ? kernel : pair(options.stride, 1)),
    pads: ints([...padding, ...padding]),
    ceil_mode: i(options.ceilMode ?? false),
  };
}

/** 0.5 x (1 + t), for both forms of GELU. */
function halfOnePlus(e: Emitter, t: string): void {
  e.node('Mul', [e.node('Mul', [e.inputs[0]!, e.scalar(0.5)]), e.node('Add', [t, e.scalar(1)])], {}, 'last');
}

const RULES: Readonly<Record<string, Rule>> = {
  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  pow: same('Pow'),
  maximum: same('Max'),
  minimum: same('Min'),
  where: (e) => {
    e.node('Where', [e.node('Cast', [e.inputs[0]!], { to: i(9) }), e.inputs[1]!, e.inputs[2]!], {}, 'last');
  },
  eq: comparison('Equal'),
  ne: comparison('Equal', { not: true }),
  lt: comparison('Less'),
  le: comparison('LessOrEqual'),
  gt: comparison('Greater'),
  ge: comparison('GreaterOrEqual'),
  addScalar: withScalar('Add'),
  mulScalar: withScalar('Mul'),
  powScalar: withScalar('Pow'),
  maxScalar: withScalar('Max'),
  minScalar: withScalar('Min'),
  eqScalar: comparison('Equal', { scalar: true }),
  neScalar: comparison('Equal', { scalar: true, not: true }),
  ltScalar: comparison('Less', { scalar: true }),
  leScalar: comparison('LessOrEqual', { scalar: true }),
  gtScalar: comparison('Greater', { scalar: true }),
  geScalar: comparison('GreaterOrEqual', { scalar: true }),
  neg: same('Neg'),
  abs: same('Abs'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  rsqrt: (e) => {
    e.node('Reciprocal', [e.node('Sqrt', e.inputs)], {}, 'last');
  },
  square: (e) => {
    e.node('Mul', [e.inputs[0]!, e.inputs[0]!], {}, 'last');
  },
  reciprocal: same('Reciprocal'),
  relu: same('Relu'),
  relu6: (e) => {
    e.node('Clip', [e.inputs[0]!, e.scalar(0), e.scalar(6)], {}, 'last');
  },
  leakyRelu: (e, op) => {
    e.node('LeakyRelu', e.inputs, { alpha: f(scalarsOf(op)[0]!) }, 'last');
  },
  sigmoid: same('Sigmoid'),
  tanh: same('Tanh'),
  silu: (e) => {
    e.node('Mul', [e.inputs[0]!, e.node('Sigmoid', e.inputs)], {}, 'last');
  },
  gelu: (e) => halfOnePlus(e, e.node('Erf', [e.node('Mul', [e.inputs[0]!, e.scalar(Math.SQRT1_2)])])),
  geluTanh: (e) => {
    const cube = e.node('Mul', [e.node('Pow', [e.inputs[0]!, e.scalar(3)]), e.scalar(0.044715)]);
    const sum = e.node('Add', [e.inputs[0]!, cube]);
    halfOnePlus(e, e.node('Tanh', [e.node('Mul', [sum, e.scalar(Math.sqrt(2 / Math.PI))])]));
  },
  hardswish: same('HardSwish'),
  hardsigmoid: same('HardSigmoid', { alpha: f(1 / 6), beta: f(0.5) }),
  clamp: (e, op) => {
    const [min, max] = scalarsOf(op) as [number, number];
    e.node('Clip', [e.inputs[0]!, e.scalar(min), e.scalar(max)], {}, 'last');
  },

  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  max: reduction('ReduceMax'),
  min: reduction('ReduceMin'),
  variance: (e, op) => {
    const {
      axes,
      keepdim = false,
      correction = 1,
    } = op.attributes as {
      axes?: number | readonly number[];
      keepdim?: boolean;
      correction?: number;
    };
    const { shape } = op.inputs[0]!;
    const list = normalizeAxes('variance', axes, shape.length);
    if (list.includes(0)) throw new ArgumentError("exportOnnx: 'variance' over the batch has no ONNX form.");
    const n = list.reduce((product, a) => product * shape[a]!, 1);
    const mean = e.node('ReduceMean', e.inputs, { axes: ints(list), keepdims: i(1) });
    const deviation = e.node('Sub', [e.inputs[0]!, mean]);
    const sum = e.node('ReduceSum', [e.node('Mul', [deviation, deviation]), e.longs(list)], { keepdims: i(keepdim) });
    e.node('Mul', [sum, e.scalar(1 / (n - correction))], {}, 'last');
  },
  argmax: (e, op) => {
    const { axis, keepdim = false } = op.attributes as { axis?: number; keepdim?: boolean };
    const { shape } = op.inputs[0]!;
    const flat = axis === undefined ? e.node('Reshape', [e.inputs[0]!, e.longs([-1])]) : e.inputs[0]!;
    const at = axis === undefined ? 0 : normalizeAxis('argmax', axis, shape.length);
    const index = e.node('ArgMax', [flat], { axis: i(at), keepdims: i(keepdim && axis !== undefined) });
    const back = axis === undefined && keepdim ? e.node('Reshape', [index, e.longs(shape.map(() => 1))]) : index;
    e.node('Cast', [back], { to: i(6) }, 'last');
  },
  to: (e, op) => {
    const { dtype } = op.attributes as { dtype: DType };
    e.node('Cast', e.inputs, { to: i({ float32: 1, float16: 10, int32: 6 }[dtype]) }, 'last');
  },
  matmul: same('MatMul'),
  linear: (e, op) => {
    const [x, weight, bias] = e.inputs as [string, string, string?];
    if (op.inputs[0]!.shape.length === 2) {
      e.node('Gemm', bias ? [x, weight, bias] : [x, weight], { transB: i(1) }, 'last');
      return;
    }
    const product = [x, e.node('Transpose', [weight], { perm: ints([1, 0]) })];
    if (bias) e.node('Add', [e.node('MatMul', product), bias], {}, 'last');
    else e.node('MatMul', product, {}, 'last');
  },

  ...ATTENTION,
  conv2d: (e, op) => {
    e.node('Conv', e.inputs, convolution(op, op.attributes as Conv2dOptions), 'last');
  },
  convTranspose2d: (e, op) => {
    const options = op.attributes as ConvTranspose2dOptions;
    const outputPadding = ints(pair(options.outputPadding, 0));
    e.node('ConvTranspose', e.inputs, { ...convolution(op, options), output_padding: outputPadding }, 'last');
  },
  batchNorm2d: (e, op) => {
    const { training, eps } = op.attributes as { training: boolean; eps: number };
    if (training)
      throw new ArgumentError(
        'exportOnnx: a batch norm without running statistics has no ONNX form: it uses those of the batch.',
      );
    const [x, weight, bias, mean, variance] = e.inputs as [string, string, string, string, string];
    const channels = op.output.shape[1]!;
    const inputs = [x, weight || e.vector(channels, 1), bias || e.vector(channels, 0), mean, variance];
    e.node('BatchNormalization', inputs, { epsilon: f(eps) }, 'last');
  },
  layerNorm: (e, op) => {
    const { normalizedShape, axis, eps } = op.attributes as LayerNormAttributes;
    const rank = op.output.shape.length;
    const [x, weight, bias] = e.inputs as [string, string, string];
    const ones = () => e.node('Reshape', [e.vector(sizeOf(normalizedShape), 1), e.longs(normalizedShape)]);
    const operands = [weight || ones(), ...(bias ? [bias] : [])];
    const attributes = { axis: i(-normalizedShape.length), epsilon: f(eps) };
    // ONNX normalises over the last axes alone.
    const last = rank - normalizedShape.length;
    const first = axis === undefined ? last : normalizeAxis('layerNorm', axis, rank);
    if (first === last) {
      e.node('LayerNormalization', [x, ...operands], attributes, 'last');
      return;
    }
    const axes = op.output.shape.map((_, d) => d);
    const moved = axes.splice(first, normalizedShape.length);
    const perm = [...axes, ...moved];
    const rows = e.node('Transpose', [x], { perm: ints(perm) });
    const normalized = e.node('LayerNormalization', [rows, ...operands], attributes);
    e.node('Transpose', [normalized], { perm: ints(perm.map((_, d) => perm.indexOf(d))) }, 'last');
  },
  maxPool2d: (e, op) => {
    const options = op.attributes as MaxPoolOptions;
    e.node('MaxPool', e.inputs, { ...pooling(options), dilations: ints(pair(options.dilation, 1)) }, 'last');
  },
  avgPool2d: (e, op) => {
    const options = op.attributes as AvgPoolOptions;
    const included = i(options.countIncludePad ?? true);
    e.node('AveragePool', e.inputs, { ...pooling(options), count_include_pad: included }, 'last');
  },
  adaptiveAvgPool2d: (e, op) => {
    const [H, W] = op.inputs[0]!.shape.slice(2) as [number, number];
    const [outH, outW] = op.output.shape.slice(2) as [number, number];
    if (outH === 1 && outW === 1) {
      e.node('GlobalAveragePool', e.inputs, {}, 'last');
      return;
    }
    if (H % outH || W % outW)
      throw new ArgumentError(
        `exportOnnx: adaptiveAvgPool2d from ${H}x${W} to ${outH}x${outW} has windows of several sizes, which ONNX has no ` +
          'form for. Choose an inputShape that divides evenly.',
      );
    const kernel = ints([H / outH, W / outW]);
    e.node('AveragePool', e.inputs, { kernel_shape: kernel, strides: kernel }, 'last');
  },
  interpolate: (e, op) => {
    const { mode = 'nearest', scaleFactor, alignCorners = false } = op.attributes as InterpolateOptions;
    const [C, H, W] = op.inputs[0]!.shape.slice(1) as [number, number, number];
    const [outH, outW] = op.output.shape.slice(2) as [number, number];
    const [tall, wide] = pair(scaleFactor, 1);
    if (scaleFactor !== undefined && !alignCorners && (H * tall !== outH || W * wide !== outW))
      throw new ArgumentError(
        `exportOnnx: interpolate by ${tall}x${wide} from ${H}x${W} does not give a whole size. Give it a size in place of the factor.`,
      );
    const centred = alignCorners ? 'align_corners' : mode === 'nearest' ? 'asymmetric' : 'half_pixel';
    const attributes = mode.startsWith('nearest')
      ? { mode: text('nearest'), nearest_mode: text(mode === 'nearest' ? 'floor' : 'round_prefer_ceil') }
      : { mode: text(mode === 'bilinear' ? 'linear' : 'cubic') };
    const sizes = e.node('Concat', [e.batch(), e.longs([C, outH, outW])], { axis: i(0) });
    e.node(
      'Resize',
      [e.inputs[0]!, '', '', sizes],
      { ...attributes, coordinate_transformation_mode: text(centred) },
      'last',
    );
  },
  softmax: alongAxis('Softmax'),
  logSoftmax: alongAxis('LogSoftmax'),

  reshape: (e, op) => {
    const open = op.openShape.filter((d) => d === null).length;
    if (open > 1 || (open === 1 && op.openShape.includes(0)))
      throw new ArgumentError(
        `exportOnnx: a reshape to [${op.output.shape.join(', ')}] mixes the batch into several axes.`,
      );
    e.node('Reshape', [e.inputs[0]!, e.longs(op.openShape.map((d) => d ?? -1))], {}, 'last');
  },
  permute: (e, op) => {
    const { axes } = op.attributes as { axes: readonly number[] };
    const perm = axes.map((a) => normalizeAxis('permute', a, axes.length));
    e.node('Transpose', e.inputs, { perm: ints(perm) }, 'last');
  },
  expand: (e, op) => {
    const from = op.inputs[0]!.shape;
    const lead = op.output.shape.length - from.length;
    // 1 leaves an axis as it is, whatever its size.
    const shape = op.openShape.map((d, k) => (op.output.shape[k] === from[k - lead] ? 1 : d));
    const at = shape.indexOf(null);
    if (at !== shape.lastIndexOf(null))
      throw new ArgumentError(
        `exportOnnx: an expand to [${op.output.shape.join(', ')}] repeats by the batch along several axes.`,
      );
    const [before, after] = [shape.slice(0, Math.max(at, 0)), shape.slice(at + 1)] as [number[], number[]];
    const known = (list: number[]) => (list.length ? [e.longs(list)] : []);
    const to =
      at < 0
        ? e.longs(shape as number[])
        : e.node('Concat', [...known(before), e.batch(), ...known(after)], { axis: i(0) });
    e.node('Expand', [e.inputs[0]!, to], {}, 'last');
  },
  slice: (e, op) => {
    const { axis, start, end, step = 1 } = op.attributes as { axis: number; start: number; end: number; step?: number };
    const at = normalizeAxis('slice', axis, op.output.shape.length);
    e.node('Slice', [e.inputs[0]!, e.longs([start]), e.longs([end]), e.longs([at]), e.longs([step])], {}, 'last');
  },
  flip: (e, op) => {
    const { axes } = op.attributes as { axes: readonly number[] };
    const rank = op.output.shape.length;
    const each = (value: number) => e.longs(axes.map(() => value));
    const at = e.longs(axes.map((axis) => normalizeAxis('flip', axis, rank)));
    e.node('Slice', [e.inputs[0]!, each(-1), each(-(2 ** 31)), at, each(-1)], {}, 'last');
  },
  pad: (e, op) => {
    const { padding, value = 0 } = op.attributes as { padding: readonly number[]; value?: number };
    const rank = op.output.shape.length;
    const at = (k: number, side: 0 | 1) => padding[2 * (rank - 1 - k) + side] ?? 0;
    const axes = op.output.shape.map((_, k) => k);
    const pads = e.longs([...axes.map((k) => at(k, 0)), ...axes.map((k) => at(k, 1))]);
    e.node('Pad', [e.inputs[0]!, pads, e.scalar(value, op.output.data.dtype)], {}, 'last');
  },
  cat: (e, op) => {
    const { axis } = op.attributes as { axis: number };
    e.node('Concat', e.inputs, { axis: i(normalizeAxis('cat', axis, op.output.shape.length)) }, 'last');
  },
};

/**
 * Writes one op.
 * @throws ArgumentError if it has no form in ONNX.
 */
export function emitOp(e: Emitter, op: BatchedOp): void {
  const rule = Object.hasOwn(RULES, op.name) ? RULES[op.name] : undefined;
  if (!rule)
    throw new ArgumentError(`exportOnnx: the op '${op.name}' has no ONNX form here. Export the model without it.`);
  rule({ ...e, inputs: operands(e, op) }, op);
}

/** Ops whose integers are places, not numbers to compute with. */
const PLACES: readonly string[] = ['embedding'];

/** Names of the inputs; of int32 ones as floats where the result is of floats, as it is computed here. */
function operands(e: Emitter, { name: op, inputs, output }: BatchedOp): string[] {
  const isFloat = output.data.dtype !== 'int32' && !PLACES.includes(op);
  return e.inputs.map((name, k) =>
    isFloat && inputs[k]?.data.dtype === 'int32' ? e.node('Cast', [name], { to: i(1) }) : name,
  );
}
