/** TensorFlow's operators that compute element by element, or along axes. */
import { HostValue } from '../onnx/operators/value.ts';
import { boolOf, floatOf, intOf, textOf, textsOf, typeOf } from './attributes.ts';
import type { TfNode } from './graph.ts';
import type { TfRule, Translator } from './translator.ts';

/** Operators that ONNX has under this name, of the same operands. */
const same =
  (op: string): TfRule =>
  (t) =>
    t.emit(op, t.inputs);

const passed: TfRule = (t) => t.input(0);

const clamp = (t: Translator, x: string, min: number, max: number): string =>
  t.emit('Clip', [x], { min: { f: min }, max: { f: max } });

/** Applies the function behind a product. @param slope of Prelu. */
export function activated(t: Translator, node: TfNode, name: string, x: string, slope?: string): string {
  switch (name) {
    case 'Relu6':
      return clamp(t, x, 0, 6);
    case 'LeakyRelu':
      return t.emit('LeakyRelu', [x], {
        alpha: { f: floatOf(node, node.op === name ? 'alpha' : 'leakyrelu_alpha', 0.2) },
      });
    case 'Prelu':
      return t.emit('PRelu', [x, slope ?? t.input(1)]);
    case 'Relu':
    case 'Elu':
    case 'Sigmoid':
    case 'Tanh':
      return t.emit(name, [x]);
    default:
      throw t.unknown(`a product followed by '${name}' is not computed here.`);
  }
}

const activation =
  (name: string): TfRule =>
  (t, node) =>
    activated(t, node, name, t.input(0));

/** Adds a vector to the channels of `x`: as the bias of the product that makes it, where that has none. */
export function biased(t: Translator, node: TfNode, x: string, bias: string): string {
  if (t.addBias(x, bias)) return x;
  if (textOf(node, 'data_format', 'NHWC') !== 'NCHW') return t.emit('Add', [x, bias]);
  return t.emit('Add', [x, t.emit('Unsqueeze', [bias, t.longs(1, 2)])]);
}

/** x times w, with what the file says is fused behind. */
const matMul: TfRule = (t, node) => {
  const [x, w, ...args] = t.inputs as [string, string, ...string[]];
  const attributes = { transA: Number(boolOf(node, 'transpose_a')), transB: Number(boolOf(node, 'transpose_b')) };
  return fusedBehind(t, node, t.emit('Gemm', [x, w], attributes), args);
};

/** What `fused_ops` names, behind the product that gives `value`. @param args its operands, in order. */
export function fusedBehind(t: Translator, node: TfNode, value: string, args: readonly string[]): string {
  t.remember(value, node.op.includes('Fused'));
  const left = [...args];
  let y = value;
  for (const op of textsOf(node, 'fused_ops')) {
    if (op === 'BiasAdd') y = biased(t, node, y, left.shift() ?? '');
    else y = activated(t, node, op, y, op === 'Prelu' ? left.shift() : undefined);
  }
  return y;
}

const batchMatMul: TfRule = (t, node) => {
  const [transA, transB] = [boolOf(node, 'adj_x'), boolOf(node, 'adj_y')].map(Number);
  if (!transA && !transB) return t.emit('MatMul', t.inputs);
  return t.emit('FusedMatMul', t.inputs, { transA, transB });
};

/** A reduction whose axes are its second operand. */
const reduced =
  (op: string): TfRule =>
  (t, node) =>
    t.isConstant(1) && t.numbers(1).length === 0
      ? t.input(0)
      : t.emit(op, [t.input(0), flat(t)], { keepdims: Number(boolOf(node, 'keep_dims')) });

/** Axes as a list: one may be a number by itself. */
function flat(t: Translator): string {
  return t.longs(...t.numbers(1));
}

const argMost =
  (op: string): TfRule =>
  (t) =>
    t.emit(op, [t.input(0)], { axis: t.numbers(1)[0] ?? 0, keepdims: 0 });

/** Element types by ONNX's numbers. */
const CASTS: Readonly<Record<string, number>> = {
  DT_FLOAT: 1,
  DT_HALF: 1,
  DT_DOUBLE: 1,
  DT_UINT8: 6,
  DT_INT32: 6,
  DT_INT64: 6,
  DT_BOOL: 9,
};

const cast: TfRule = (t, node) => {
  const type = typeOf(node, 'DstT');
  const to = CASTS[type];
  if (to === undefined) throw t.unknown(`a cast to ${type} is not computed here.`);
  return t.emit('Cast', [t.input(0)], { to });
};

/** The operators of `names` behind one another. */
const chain =
  (...names: string[]): TfRule =>
  (t) =>
    names.reduce((x, op) => t.emit(op, [x]), t.input(0));

const half =
  (op: string, value: number): TfRule =>
  (t) =>
    t.emit(op, [t.input(0), t.scalar(value)]);

export const ELEMENTWISE: Readonly<Record<string, TfRule>> = {
  Identity: passed,
  StopGradient: passed,
  PreventGradient: passed,
  Snapshot: passed,
  CheckNumerics: passed,
  Add: same('Add'),
  AddV2: same('Add'),
  AddN: same('Sum'),
  Sub: same('Sub'),
  Mul: same('Mul'),
  Div: same('Div'),
  RealDiv: same('Div'),
  DivNoNan: (t) => {
    // 0 where the divisor is: there it is divided by 1.
    const [a, b] = t.inputs as [string, string];
    const isZero = t.emit('Equal', [b, t.scalar(0)]);
    const quotient = t.emit('Div', [a, t.emit('Where', [isZero, t.scalar(1), b])]);
    return t.emit('Where', [isZero, t.scalar(0), quotient]);
  },
  FloorDiv: (t) => t.emit('Floor', [t.emit('Div', t.inputs)]),
  FloorMod: same('Mod'),
  Mod: same('Mod'),
  Maximum: same('Max'),
  Minimum: same('Min'),
  Pow: same('Pow'),
  SquaredDifference: (t) => {
    const difference = t.emit('Sub', t.inputs);
    return t.emit('Mul', [difference, difference]);
  },
  BiasAdd: (t, node) => biased(t, node, t.input(0), t.input(1)),
  Equal: same('Equal'),
  NotEqual: (t) => t.emit('Not', [t.emit('Equal', t.inputs)]),
  Less: same('Less'),
  LessEqual: same('LessOrEqual'),
  Greater: same('Greater'),
  GreaterEqual: same('GreaterOrEqual'),
  LogicalAnd: same('And'),
  LogicalOr: same('Or'),
  LogicalNot: same('Not'),
  Select: same('Where'),
  SelectV2: same('Where'),
  Cast: cast,
  Abs: same('Abs'),
  Neg: same('Neg'),
  Exp: same('Exp'),
  Expm1: (t) => t.emit('Sub', [t.emit('Exp', [t.input(0)]), t.scalar(1)]),
  Log: same('Log'),
  Log1p: (t) => t.emit('Log', [t.emit('Add', [t.input(0), t.scalar(1)])]),
  Sqrt: same('Sqrt'),
  Rsqrt: chain('Sqrt', 'Reciprocal'),
  Square: (t) => t.emit('Mul', [t.input(0), t.input(0)]),
  Reciprocal: same('Reciprocal'),
  Inv: same('Reciprocal'),
  Floor: same('Floor'),
  Ceil: same('Ceil'),
  Round: same('Round'),
  Sign: same('Sign'),
  Erf: same('Erf'),
  Relu: activation('Relu'),
  Relu6: activation('Relu6'),
  LeakyRelu: activation('LeakyRelu'),
  Prelu: activation('Prelu'),
  Elu: activation('Elu'),
  Sigmoid: activation('Sigmoid'),
  Tanh: activation('Tanh'),
  Selu: same('Selu'),
  Softplus: same('Softplus'),
  Softsign: same('Softsign'),
  ClipByValue: (t) => clamp(t, t.input(0), t.numbers(1)[0]!, t.numbers(2)[0]!),
  MatMul: matMul,
  _FusedMatMul: matMul,
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  Mean: reduced('ReduceMean'),
  Sum: reduced('ReduceSum'),
  Max: reduced('ReduceMax'),
  Min: reduced('ReduceMin'),
  Prod: reduced('ReduceProd'),
  ArgMax: argMost('ArgMax'),
  ArgMin: argMost('ArgMin'),
  Softmax: (t) => t.emit('Softmax', [t.input(0)], { axis: -1 }),
  LogSoftmax: (t) => t.emit('LogSoftmax', [t.input(0)], { axis: -1 }),
  ZerosLike: half('Mul', 0),
  OnesLike: (t) => t.emit('Add', [t.emit('Mul', [t.input(0), t.scalar(0)]), t.scalar(1)]),
  Einsum: (t, node) => t.emit('Einsum', t.inputs, { equation: textOf(node, 'equation', '') }),
  Fill: (t) => t.emit('Expand', [t.input(1), t.input(0)]),
  Range: same('Range'),
  Size: same('Size'),
  Rank: (t) => t.emit('Size', [t.emit('Shape', [t.input(0)])]),
  OneHot: (t, node) => {
    const depth = t.numbers(1)[0]!;
    if (intOf(node, 'axis', -1) !== -1) throw t.unknown('an axis that is not the last is not computed here.');
    const ids = t.constant(
      new HostValue(
        [depth],
        'float',
        Array.from({ length: depth }, (_, i) => i),
      ),
    );
    const values = t.emit('Cast', [t.emit('Unsqueeze', [t.input(0), t.longs(-1)])], { to: 1 });
    return t.emit('Where', [t.emit('Equal', [values, ids]), t.input(2), t.input(3)]);
  },
};
