/** Operators that compute element by element. */
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';
import { type HostKind, HostValue, isHost, mapped, type Value } from './value.ts';

/** A number of the host that stands for all elements without adding axes. */
function scalarOf(value: Value, beside: Value): number | undefined {
  return isHost(value) && value.size === 1 && value.shape.length <= beside.shape.length ? value.data[0] : undefined;
}

/**
 * An operator of two operands.
 * @param host on numbers.
 * @param device on a tensor and a tensor or number.
 * @param turned on a number and a tensor; by default `device` with its operands exchanged.
 */
function binary(
  host: (a: number, b: number, isInt: boolean) => number,
  device: (a: Tensor, b: Tensor | number) => Tensor,
  turned: ((a: number, b: Tensor) => Tensor) | null = (a, b) => device(b, a),
  kind?: HostKind,
): (call: Call, a: Value, b: Value) => Value {
  return (call, a, b) => {
    if (isHost(a) && isHost(b)) {
      const isInt = a.kind !== 'float' && b.kind !== 'float';
      return mapped(kind ?? (isInt ? 'int' : 'float'), [a, b], (x, y) => host(x!, y!, isInt));
    }
    const [left, right] = [scalarOf(a, b), scalarOf(b, a)];
    const tensorOf = (value: Value): Tensor => (isHost(value) ? call.around.toTensor(value) : value);
    if (!isHost(a)) return device(a, right ?? tensorOf(b));
    return left !== undefined && turned ? turned(left, tensorOf(b)) : device(tensorOf(a), tensorOf(b));
  };
}

const two =
  (rule: (call: Call, a: Value, b: Value) => Value): Rule =>
  (call) =>
    rule(call, call.value(0), call.value(1));

/** An operator of any number of operands, from the first to the last. */
const many =
  (rule: (call: Call, a: Value, b: Value) => Value): Rule =>
  (call) =>
    call.inputs.map((_, i) => call.value(i)).reduce((a, b) => rule(call, a, b));

const comparison = (
  host: (a: number, b: number) => boolean,
  device: (a: Tensor, b: Tensor | number) => Tensor,
  turned: (a: number, b: Tensor) => Tensor,
): Rule => two(binary((a, b) => Number(host(a, b)), device, turned, 'bool'));

/** An operator of one operand. */
const unary =
  (host: ((x: number) => number) | null, device: (x: Tensor, call: Call) => Tensor, kind?: HostKind): Rule =>
  (call) => {
    const x = call.value(0);
    if (!isHost(x)) return device(x, call);
    return host ? mapped(kind ?? x.kind, [x], host as (...x: number[]) => number) : device(call.tensor(0), call);
  };

const add = binary(
  (a, b) => a + b,
  (a, b) => a.add(b),
);
const mul = binary(
  (a, b) => a * b,
  (a, b) => a.mul(b),
);
const maximum = binary(
  (a, b) => Math.max(a, b),
  (a, b) => a.maximum(b),
);
const minimum = binary(
  (a, b) => Math.min(a, b),
  (a, b) => a.minimum(b),
);

/** Rounds towards minus infinity, as far as int32 reaches. */
function floor(x: Tensor): Tensor {
  const whole = x.to('int32').float();
  return whole.sub(whole.gt(x));
}

/** Half way goes to the even neighbour, as in ONNX. */
export function roundEven(x: number): number {
  const near = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** 1 + e^x, its logarithm, for large x as well. */
const softplus = (x: Tensor): Tensor => x.relu().add(x.abs().neg().exp().add(1).log());

/** The error function: (gelu(z) / z) 2 - 1 at z = sqrt(2) x, and its tangent around 0. */
function erf(x: Tensor): Tensor {
  const small = x.abs().lt(1e-3);
  // 1 where it would be about 0: no gradient may come of a division there.
  const z = x.mul(Math.SQRT2).mul(small.neg().add(1)).add(small);
  return small.where(x.mul(2 / Math.sqrt(Math.PI)), z.gelu().mul(2).div(z).sub(1));
}

/** alpha (e^x - 1) below 0, x above. */
const elu = (x: Tensor, alpha: number): Tensor => x.relu().add(x.minimum(0).exp().sub(1).mul(alpha));

function hardSigmoid(x: Tensor, alpha: number, beta: number): Tensor {
  if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5) return x.hardsigmoid();
  return x.mul(alpha).add(beta).clamp(0, 1);
}

/** Element types by their numbers in ONNX: floats of any width are float32 here. */
function cast(call: Call): Value {
  const type = call.int('to', 1);
  const x = call.value(0);
  const kind: HostKind | undefined = [1, 10, 11, 16].includes(type)
    ? 'float'
    : type === 9
      ? 'bool'
      : [2, 3, 4, 5, 6, 7, 12, 13].includes(type)
        ? 'int'
        : undefined;
  if (!kind) return call.refuse(`element type ${type} is none that is computed with here.`);
  if (isHost(x))
    return mapped(kind, [x], (v) => (kind === 'bool' ? Number(v !== 0) : kind === 'int' ? Math.trunc(v!) : v!));
  if (kind === 'bool') return x.ne(0);
  return x.to(kind === 'int' ? 'int32' : 'float32');
}

function clip(call: Call): Value {
  const x = call.value(0);
  const [low, high] = [call.numbers(1)?.[0], call.numbers(2)?.[0]];
  const [min, max] = [low ?? call.attribute('min')?.f, high ?? call.attribute('max')?.f];
  if (isHost(x)) return mapped(x.kind, [x], (v) => Math.min(Math.max(v!, min ?? -Infinity), max ?? Infinity));
  return min === 0 && max === undefined ? x.relu() : x.clamp(min, max);
}

function where(call: Call): Value {
  const [c, a, b] = [0, 1, 2].map((i) => call.value(i)) as [Value, Value, Value];
  if (isHost(c) && isHost(a) && isHost(b)) return mapped(a.kind, [c, a, b], (t, x, y) => (t ? x! : y!));
  return call.tensor(0).where(call.tensor(1), call.tensor(2));
}

/** Zeroes elements in training, where the network was made to. */
const dropout: Rule = (call) => {
  const x = call.value(0);
  const ratio = call.numbers(1)?.[0] ?? call.float('ratio', 0.5);
  const y = call.around.training && !isHost(x) && ratio > 0 ? x.dropout(ratio) : x;
  return call.outputs > 1 ? [y, new HostValue([], 'bool', [1])] : y;
};

export const ELEMENTWISE: Readonly<Record<string, Rule>> = {
  Identity: (call) => call.value(0),
  Add: two(add),
  Sum: many(add),
  Mean: (call) => {
    const sum = many(add)(call) as Value;
    return mul(call, sum, new HostValue([], 'float', [1 / call.inputs.length]));
  },
  Sub: two(
    binary(
      (a, b) => a - b,
      (a, b) => a.sub(b),
      (a, b) => b.neg().add(a),
    ),
  ),
  Mul: two(mul),
  Div: two(
    binary(
      (a, b, isInt) => (isInt ? Math.trunc(a / b) : a / b),
      (a, b) => a.div(b),
      (a, b) => b.reciprocal().mul(a),
    ),
  ),
  Mod: (call) =>
    mapped(
      call.host(0).kind,
      [call.host(0), call.host(1)],
      call.int('fmod', 0) ? (a, b) => a! % b! : (a, b) => a! - Math.floor(a! / b!) * b!,
    ),
  Pow: two(
    binary(
      (a, b) => a ** b,
      (a, b) => a.pow(b),
      null,
    ),
  ),
  Max: many(maximum),
  Min: many(minimum),
  Equal: comparison(
    (a, b) => a === b,
    (a, b) => a.eq(b),
    (a, b) => b.eq(a),
  ),
  Less: comparison(
    (a, b) => a < b,
    (a, b) => a.lt(b),
    (a, b) => b.gt(a),
  ),
  LessOrEqual: comparison(
    (a, b) => a <= b,
    (a, b) => a.le(b),
    (a, b) => b.ge(a),
  ),
  Greater: comparison(
    (a, b) => a > b,
    (a, b) => a.gt(b),
    (a, b) => b.lt(a),
  ),
  GreaterOrEqual: comparison(
    (a, b) => a >= b,
    (a, b) => a.ge(b),
    (a, b) => b.le(a),
  ),
  And: two(
    binary(
      (a, b) => Number(a !== 0 && b !== 0),
      (a, b) => a.mul(b),
      undefined,
      'bool',
    ),
  ),
  Or: two(
    binary(
      (a, b) => Number(a !== 0 || b !== 0),
      (a, b) => a.maximum(b),
      undefined,
      'bool',
    ),
  ),
  Not: unary(
    (x) => Number(x === 0),
    (x) => x.eq(0),
    'bool',
  ),
  Where: where,
  Cast: cast,
  CastLike: (call) => {
    const [x, like] = [call.value(0), call.value(1)];
    if (isHost(x)) return mapped(isHost(like) ? like.kind : 'float', [x], (v) => v!);
    return x.to(isHost(like) && like.kind !== 'float' ? 'int32' : 'float32');
  },
  Neg: unary(
    (x) => -x,
    (x) => x.neg(),
  ),
  Abs: unary(Math.abs, (x) => x.abs()),
  Exp: unary(Math.exp, (x) => x.exp()),
  Log: unary(Math.log, (x) => x.log()),
  Sqrt: unary(Math.sqrt, (x) => x.sqrt()),
  Reciprocal: unary(
    (x) => 1 / x,
    (x) => x.reciprocal(),
  ),
  Floor: unary(Math.floor, floor),
  Ceil: unary(Math.ceil, (x) => floor(x.neg()).neg()),
  Round: unary(roundEven, (_, call) =>
    call.refuse('rounding is not differentiated: it is computed of constants alone.'),
  ),
  Sign: unary(Math.sign, (x) => x.gt(0).sub(x.lt(0))),
  Erf: unary(null, erf),
  Relu: unary(
    (x) => Math.max(x, 0),
    (x) => x.relu(),
  ),
  LeakyRelu: onDevice((call, x) => x.leakyRelu(call.float('alpha', 0.01))),
  PRelu: onDevice((call, x) => x.relu().add(x.minimum(0).mul(call.tensor(1)))),
  ThresholdedRelu: onDevice((call, x) => x.mul(x.gt(call.float('alpha', 1)))),
  Elu: onDevice((call, x) => elu(x, call.float('alpha', 1))),
  Celu: onDevice((call, x) => {
    const alpha = call.float('alpha', 1);
    return elu(x.mul(1 / alpha), 1).mul(alpha);
  }),
  Selu: onDevice((call, x) =>
    elu(x, call.float('alpha', 1.6732632423543772)).mul(call.float('gamma', 1.0507009873554805)),
  ),
  Sigmoid: unary(null, (x) => x.sigmoid()),
  Tanh: unary(null, (x) => x.tanh()),
  Softplus: onDevice((_, x) => softplus(x)),
  Softsign: onDevice((_, x) => x.div(x.abs().add(1))),
  Mish: onDevice((_, x) => x.mul(softplus(x).tanh())),
  Swish: onDevice((call, x) => x.mul(x.mul(call.float('alpha', 1)).sigmoid())),
  Gelu: onDevice((call, x) => x.gelu({ approximate: call.text('approximate', 'none') as 'none' | 'tanh' })),
  HardSwish: onDevice((_, x) => x.hardswish()),
  HardSigmoid: onDevice((call, x) => hardSigmoid(x, call.float('alpha', 0.2), call.float('beta', 0.5))),
  Clip: clip,
  Dropout: dropout,
};
