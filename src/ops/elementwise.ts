/**
 * Elementwise ops: one row each, with the expression and the derivative for each argument.
 * Expressions are WGSL over the arguments `a`, `b`, `c`, scalars `s`, `t`, the output `y` and the output's gradient `g`, generic in
 * `T` (f32 or vec4f).
 */
import { ShapeError } from '../core/errors.ts';
import { broadcastShapes, formatShape, type Shape, sameShape } from '../core/shape.ts';
import { recordElementwise } from '../graph/record.ts';
import type { Value } from '../graph/value.ts';
import { ADD, RELU, SAME, UNIFORM } from '../kernels/expressions.ts';
import { defineOp, type Op } from './op.ts';
import { sumTo } from './reduce.ts';

interface Row {
  readonly wgsl: string;
  /** The gradient for each argument; null where there is none. Absent: the op has no gradient. */
  readonly gradients?: readonly (string | null)[];
  /** See {@link Op.autocast}: float32 for what grows beyond float16's range. */
  readonly autocast?: 'float32';
}

export interface Scalars {
  readonly scalars?: readonly number[];
  /** The scalars may change from step to step (as in `x.mul(rate)`): they are then no part of a plan's identity. */
  readonly dynamic?: boolean;
}

const truth = (condition: string): Row => ({ wgsl: `select(T(0), T(1), ${condition})` });

// sqrt(2 / pi) and the cubic coefficient of the tanh approximation of GELU (Hendrycks and Gimpel 2016).
const GELU_TANH = 'tanh(clamp(T(0.7978845608) * (a + T(0.044715) * a * a * a), T(-15), T(15)))';

export const ELEMENTWISE = {
  add: { wgsl: ADD, gradients: ['g', 'g'] },
  sub: { wgsl: 'a - b', gradients: ['g', '-g'] },
  mul: { wgsl: 'a * b', gradients: ['g * b', 'g * a'] },
  div: { wgsl: 'a / b', gradients: ['g / b', '-g * y / b'] },
  pow: {
    autocast: 'float32',
    wgsl: 'power(a, b)',
    gradients: ['select(g * b * power(a, b - T(1)), T(0), b == T(0))', 'select(g * y * log(a), T(0), a == T(0))'],
  },
  maximum: {
    wgsl: 'select(a, b, (a < b) | (b != b))',
    gradients: [
      'g * select(select(T(0), T(0.5), a == b), T(1), a > b)',
      'g * select(select(T(0), T(0.5), a == b), T(1), b > a)',
    ],
  },
  minimum: {
    wgsl: 'select(a, b, (a > b) | (b != b))',
    gradients: [
      'g * select(select(T(0), T(0.5), a == b), T(1), a < b)',
      'g * select(select(T(0), T(0.5), a == b), T(1), b < a)',
    ],
  },
  where: {
    wgsl: 'select(c, b, a != T(0))',
    gradients: [null, 'select(T(0), g, a != T(0))', 'select(g, T(0), a != T(0))'],
  },
  eq: truth('a == b'),
  ne: truth('a != b'),
  lt: truth('a < b'),
  le: truth('a <= b'),
  gt: truth('a > b'),
  ge: truth('a >= b'),

  addScalar: { wgsl: 'a + s', gradients: ['g'] },
  mulScalar: { wgsl: 'a * s', gradients: ['g * s'] },
  powScalar: {
    autocast: 'float32',
    wgsl: 'power(a, s)',
    gradients: ['select(g * s * power(a, s - T(1)), T(0), s == T(0))'],
  },
  maxScalar: { wgsl: 'select(a, s, a < s)', gradients: ['g * select(select(T(0), T(0.5), a == s), T(1), a > s)'] },
  minScalar: { wgsl: 'select(a, s, a > s)', gradients: ['g * select(select(T(0), T(0.5), a == s), T(1), a < s)'] },
  eqScalar: truth('a == s'),
  neScalar: truth('a != s'),
  ltScalar: truth('a < s'),
  leScalar: truth('a <= s'),
  gtScalar: truth('a > s'),
  geScalar: truth('a >= s'),

  neg: { wgsl: '-a', gradients: ['-g'] },
  abs: { wgsl: 'abs(a)', gradients: ['g * sign(a)'] },
  exp: { autocast: 'float32', wgsl: 'exp(a)', gradients: ['g * y'] },
  log: { autocast: 'float32', wgsl: 'log(a)', gradients: ['g / a'] },
  sqrt: { wgsl: 'sqrt(a)', gradients: ['g * T(0.5) / y'] },
  rsqrt: { autocast: 'float32', wgsl: 'inverseSqrt(a)', gradients: ['T(-0.5) * g * y * y * y'] },
  square: { autocast: 'float32', wgsl: 'a * a', gradients: ['T(2) * g * a'] },
  reciprocal: { autocast: 'float32', wgsl: 'T(1) / a', gradients: ['-g * y * y'] },

  relu: { wgsl: RELU, gradients: ['select(T(0), g, y > T(0))'] },
  relu6: {
    wgsl: 'select(select(a, T(6), a > T(6)), T(0), a < T(0))',
    gradients: ['select(T(0), g, (a > T(0)) & (a < T(6)))'],
  },
  leakyRelu: { wgsl: 'select(a * s, a, a > T(0))', gradients: ['select(g * s, g, a > T(0))'] },
  sigmoid: { wgsl: 'T(1) / (T(1) + exp(-a))', gradients: ['g * y * (T(1) - y)'] },
  tanh: { wgsl: 'tanh(clamp(a, T(-15), T(15)))', gradients: ['g * (T(1) - y * y)'] },
  silu: {
    wgsl: 'a / (T(1) + exp(-a))',
    gradients: ['g * (T(1) + a * (T(1) - T(1) / (T(1) + exp(-a)))) / (T(1) + exp(-a))'],
  },
  gelu: {
    wgsl: 'T(0.5) * a * (T(1) + erf(a * T(0.7071067812)))',
    gradients: ['g * (T(0.5) * (T(1) + erf(a * T(0.7071067812))) + a * T(0.3989422804) * exp(T(-0.5) * a * a))'],
  },
  geluTanh: {
    wgsl: `T(0.5) * a * (T(1) + ${GELU_TANH})`,
    gradients: [
      `g * (T(0.5) * (T(1) + ${GELU_TANH}) + T(0.5) * a * (T(1) - ${GELU_TANH} * ${GELU_TANH}) * T(0.7978845608) * (T(1) + T(0.134145) * a * a))`,
    ],
  },
  hardswish: {
    wgsl: 'a * clamp(a + T(3), T(0), T(6)) / T(6)',
    gradients: ['g * select(select((T(2) * a + T(3)) / T(6), T(1), a >= T(3)), T(0), a <= T(-3))'],
  },
  hardsigmoid: {
    wgsl: 'clamp(a + T(3), T(0), T(6)) / T(6)',
    gradients: ['select(T(0), g / T(6), (a > T(-3)) & (a < T(3)))'],
  },
  clamp: { wgsl: 'select(select(a, s, a < s), t, a > t)', gradients: ['select(T(0), g, (a >= s) & (a <= t))'] },
  /** Inverted dropout; s = 1 / (1 - p), t = p, then the seed. The mask is a hash of the element and the seed. */
  dropout: {
    wgsl: `select(T(0), a * s, ${UNIFORM} >= t)`,
    gradients: [`select(T(0), g * s, ${UNIFORM} >= t)`],
  },
} as const satisfies Record<string, Row>;

export type ElementwiseName = keyof typeof ELEMENTWISE;

/** Records a row of the table, or any expression under a name of its own. */
export function elementwise(name: ElementwiseName, inputs: readonly Value[], options: Scalars = {}): Value {
  let shape: Shape = inputs[0]!.shape;
  for (const { shape: other } of inputs.slice(1))
    if (!sameShape(shape, other)) shape = broadcastShapes(name, shape, other);
  return recordElementwise(name, ELEMENTWISE[name].wgsl, inputs, shape, options);
}

/** Records a gradient expression: only the values it mentions become inputs. */
function gradient(name: string, wgsl: string, values: Record<string, Value>, shape: Shape, options: Scalars): Value {
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
  const names = [...new Set(wgsl.match(/\b[abcgy]\b/g) ?? [])];
  const text = wgsl.replace(/\b[abcgy]\b/g, (v) => letters[names.indexOf(v)]!);
  return recordElementwise(
    name,
    text,
    names.map((v) => values[v]!),
    shape,
    options,
  );
}

function define(name: ElementwiseName, row: Row): Op<Scalars> {
  const { gradients } = row;
  return defineOp<Scalars>({
    name,
    autocast: row.autocast,
    forward: (inputs, attributes) => elementwise(name, inputs as Value[], attributes),
    backward:
      gradients === undefined
        ? null
        : (gy, { inputs, output, attributes, needs }) => {
            const [a, b, c] = inputs as Value[];
            const values = { g: gy, y: output, ...(a && { a }), ...(b && { b }), ...(c && { c }) };
            return gradients.map((wgsl, k) => {
              if (!wgsl || !needs[k]) return null;
              const g = wgsl === 'g' ? gy : gradient(`${name}.grad${k}`, wgsl, values, output.shape, attributes);
              return sumTo(g, inputs[k]!.shape);
            });
          },
  });
}

/** The ops of the table. */
export const elementwiseOps: Readonly<Record<ElementwiseName, Op<Scalars>>> = Object.fromEntries(
  Object.entries(ELEMENTWISE).map(([name, row]) => [name, define(name as ElementwiseName, row)]),
) as Record<ElementwiseName, Op<Scalars>>;

/** Adds two gradients. */
export function accumulate(a: Value | null | undefined, b: Value): Value {
  if (!a) return b;
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError('backward', `gradients ${formatShape(a.shape)} and ${formatShape(b.shape)} do not add up.`, [
      a.shape,
      b.shape,
    ]);
  return elementwise('add', [a, b]);
}

/** The same elements in storage of their own. */
export function duplicate(a: Value): Value {
  return recordElementwise('duplicate', SAME, [a], a.shape);
}
