/**
 * Runs ONNX graphs of the operators that ops.ts writes, by the ops here, with all weights and attributes as the file has them:
 * a file that was written is so compared with its model. Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md
 */
import { openSource, type SourceLike } from '#files';
import { type TensorData, toFloat32 } from '../../core/dtype.ts';
import { RegraftError } from '../../core/errors.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { tensor } from '../../tensor/factory.ts';
import { cat, type Tensor } from '../../tensor/tensor.ts';
import { readModel } from './model.ts';
import type { AttributeProto, GraphProto, NodeProto } from './schema.ts';
import { TensorReader } from './tensors.ts';

/** A node with the values of its inputs and attributes. */
interface Call {
  /** Inputs; undefined for one that is left out. */
  readonly x: readonly [Tensor, Tensor, Tensor?, ...Tensor[]];
  /** An input that is a constant, as numbers. */
  readonly numbers: (input: number) => readonly number[];
  readonly int: (name: string, otherwise: number) => number;
  readonly float: (name: string, otherwise: number) => number;
  readonly ints: (name: string, otherwise?: readonly number[]) => readonly number[];
}

type Rule = (call: Call) => Tensor;
type Pair = readonly [number, number];

const pair = (list: readonly number[]) => list as Pair;

/** [top, left, bottom, right] as the ops here take it. */
function padding(pads: readonly number[]): Pair | readonly [number, number, number, number] {
  const [top, left, bottom, right] = pads as [number, number, number, number];
  return top === bottom && left === right ? [top, left] : [top, bottom, left, right];
}

const windows = ({ ints, int }: Call) => ({
  stride: pair(ints('strides', [1, 1])),
  padding: padding(ints('pads', [0, 0, 0, 0])) as Pair,
  ceilMode: int('ceil_mode', 0) === 1,
});

const convolution = ({ ints, int }: Call) => ({
  stride: pair(ints('strides', [1, 1])),
  padding: padding(ints('pads', [0, 0, 0, 0])),
  dilation: pair(ints('dilations', [1, 1])),
  groups: int('group', 1),
});

const reduction =
  (name: 'sum' | 'mean' | 'max' | 'min'): Rule =>
  ({ x: [x, axes], numbers, ints, int }) =>
    x[name](axes ? numbers(1) : ints('axes'), { keepdim: int('keepdims', 1) === 1 });

/** The error function, from gelu(z) = z (1 + erf(z / sqrt 2)) / 2; 0 at 0. */
const erf: Rule = ({ x: [x] }) => {
  const z = x.mul(Math.SQRT2);
  return x.where(z.gelu().mul(2).div(z).sub(1), x);
};

/** Converts to an element type by its number: 1 is float, 6 int32, 9 bool (here 0 and 1), 10 float16. */
function cast(x: Tensor, type: number): Tensor {
  const dtype = ({ 1: 'float32', 6: 'int32', 10: 'float16' } as const)[type];
  if (type === 9) return x.ne(0);
  if (!dtype) throw new RegraftError(`onnx: element type ${type} is none that is computed with here.`);
  return x.to(dtype);
}

const RULES: Readonly<Record<string, Rule>> = {
  Identity: ({ x: [x] }) => x,
  Add: ({ x: [a, b] }) => a.add(b),
  Sub: ({ x: [a, b] }) => a.sub(b),
  Mul: ({ x: [a, b] }) => a.mul(b),
  Div: ({ x: [a, b] }) => a.div(b),
  Pow: ({ x: [a, b] }) => a.pow(b),
  Max: ({ x: [a, b] }) => a.maximum(b),
  Min: ({ x: [a, b] }) => a.minimum(b),
  Equal: ({ x: [a, b] }) => a.eq(b),
  Less: ({ x: [a, b] }) => a.lt(b),
  LessOrEqual: ({ x: [a, b] }) => a.le(b),
  Greater: ({ x: [a, b] }) => a.gt(b),
  GreaterOrEqual: ({ x: [a, b] }) => a.ge(b),
  Not: ({ x: [x] }) => x.eq(0),
  Where: ({ x: [condition, a, b] }) => condition.where(a, b!),
  Cast: ({ x: [x], int }) => cast(x, int('to', 0)),
  Neg: ({ x: [x] }) => x.neg(),
  Abs: ({ x: [x] }) => x.abs(),
  Exp: ({ x: [x] }) => x.exp(),
  Log: ({ x: [x] }) => x.log(),
  Sqrt: ({ x: [x] }) => x.sqrt(),
  Reciprocal: ({ x: [x] }) => x.reciprocal(),
  Erf: erf,
  Relu: ({ x: [x] }) => x.relu(),
  LeakyRelu: ({ x: [x], float }) => x.leakyRelu(float('alpha', 0.01)),
  Clip: ({ x: [x], numbers }) => x.clamp(numbers(1)[0], numbers(2)[0]),
  Sigmoid: ({ x: [x] }) => x.sigmoid(),
  Tanh: ({ x: [x] }) => x.tanh(),
  HardSwish: ({ x: [x] }) => x.hardswish(),
  HardSigmoid: ({ x: [x], float }) => x.mul(float('alpha', 0.2)).add(float('beta', 0.5)).clamp(0, 1),
  ReduceSum: reduction('sum'),
  ReduceMean: reduction('mean'),
  ReduceMax: reduction('max'),
  ReduceMin: reduction('min'),
  ArgMax: ({ x: [x], int }) => x.argmax(int('axis', 0), { keepdim: int('keepdims', 1) === 1 }),
  MatMul: ({ x: [a, b] }) => a.matmul(b),
  Gemm: ({ x: [x, weight, bias], int }) => x.linear(int('transB', 0) ? weight : weight.transpose(0, 1), bias),
  Conv: (call) => call.x[0].conv2d(call.x[1], call.x[2], convolution(call)),
  ConvTranspose: (call) =>
    call.x[0].convTranspose2d(call.x[1], call.x[2], {
      ...convolution(call),
      outputPadding: pair(call.ints('output_padding', [0, 0])),
    }),
  BatchNormalization: ({ x: [x, weight, bias, mean, variance], float }) =>
    x.batchNorm2d(weight, bias!, mean!, variance!, { training: false, eps: float('epsilon', 1e-5) }),
  LayerNormalization: ({ x: [x, weight, bias], int, float }) =>
    x.layerNorm(x.shape.slice(int('axis', -1)), weight, bias, { eps: float('epsilon', 1e-5) }),
  MaxPool: (call) =>
    call.x[0].maxPool2d(pair(call.ints('kernel_shape')), {
      ...windows(call),
      dilation: pair(call.ints('dilations', [1, 1])),
    }),
  AveragePool: (call) =>
    call.x[0].avgPool2d(pair(call.ints('kernel_shape')), {
      ...windows(call),
      countIncludePad: call.int('count_include_pad', 0) === 1,
    }),
  GlobalAveragePool: ({ x: [x] }) => x.adaptiveAvgPool2d(1),
  Softmax: ({ x: [x], int }) => x.softmax(int('axis', -1)),
  LogSoftmax: ({ x: [x], int }) => x.logSoftmax(int('axis', -1)),
  Reshape: ({ x: [x], numbers }) => x.reshape(numbers(1)),
  Transpose: ({ x: [x], ints }) => x.permute(ints('perm')),
  Expand: ({ x: [x], numbers }) => {
    const lead = numbers(1).length - x.rank;
    return x.expand(numbers(1).map((d, k) => (d === 1 && k >= lead ? -1 : d)));
  },
  Slice: ({ x: [x], numbers }) => {
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map(numbers) as [number[], number[], number[], number[]];
    // From back to front is a flip, of a whole axis.
    return axes.reduce(
      (y, axis, i) => (steps[i] === -1 ? y.flip([axis]) : y.slice(axis, starts[i]!, ends[i], steps[i])),
      x,
    );
  },
  Pad: ({ x: [x], numbers }) => {
    const [pads, [value]] = [numbers(1), numbers(2)];
    const axes = x.shape.map((_, k) => x.rank - 1 - k);
    return x.pad(
      axes.flatMap((k) => [pads[k]!, pads[k + x.rank]!]),
      value,
    );
  },
  Concat: ({ x, int }) => cat(x as readonly Tensor[], int('axis', 0)),
};

/**
 * The output of a graph.
 * @param inputs one for each input of the graph, in its order.
 * @throws WeightFileError if the file cannot be read; RegraftError for an operator that {@link exportOnnx} does not write.
 */
export async function runOnnx(source: SourceLike, inputs: readonly Tensor[]): Promise<Tensor> {
  const file = await openSource(source);
  const reader = new TensorReader(file);
  try {
    const { graph } = await readModel(file);
    const constants = new Map<string, TensorData>();
    for (const proto of graph.initializer) constants.set(proto.name, await reader.read(proto));
    return noGrad(() => evaluate(graph, constants, inputs));
  } finally {
    await reader.close();
    await file.close();
  }
}

function evaluate(graph: GraphProto, constants: ReadonlyMap<string, TensorData>, inputs: readonly Tensor[]): Tensor {
  const ports = graph.input.filter(({ name }) => !constants.has(name));
  const values = new Map(ports.map(({ name }, i) => [name, inputs[i]!]));
  const named = (name: string): Tensor | undefined => {
    const constant = values.has(name) ? undefined : constants.get(name);
    if (constant) values.set(name, tensor(toFloat32(constant), constant.shape));
    return values.get(name);
  };
  for (const node of graph.node) {
    const rule = Object.hasOwn(RULES, node.opType) ? RULES[node.opType]! : undefined;
    if (!rule) throw new RegraftError(`onnx: '${node.opType}' is no operator that is run here.`);
    values.set(node.output[0]!, rule(callOf(node, constants, named)));
  }
  return named(graph.output[0]!.name)!;
}

function callOf(
  { input, attribute }: NodeProto,
  constants: ReadonlyMap<string, TensorData>,
  named: (name: string) => Tensor | undefined,
): Call {
  const byName = new Map(attribute.map((a): [string, AttributeProto] => [a.name, a]));
  return {
    x: input.map(named) as unknown as Call['x'],
    numbers: (i) => Array.from(constants.get(input[i]!)!.data as Float32Array, Number),
    int: (name, otherwise) => byName.get(name)?.i ?? otherwise,
    float: (name, otherwise) => byName.get(name)?.f ?? otherwise,
    ints: (name, otherwise = []) => byName.get(name)?.ints ?? otherwise,
  };
}
