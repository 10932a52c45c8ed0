/** Elementwise rows: every function, every broadcasting pattern, values on the kinks, values that overflow. */
import type { Tensor } from '../../../src/index.ts';
import { distinct, type InputSpec, large, mask, nonzero, positive, spread, ties } from '../inputs.ts';
import { type Row, row } from '../row.ts';

type Fill = (shape: readonly number[]) => InputSpec;
type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

const uniform: Fill = (shape) => ({ shape, kind: 'uniform' });

/** name, left shape, right shape */
const patterns: [string, number[], number[]][] = [
  ['same shape', [3, 17], [3, 17]],
  ['a scalar on the right', [3, 17], []],
  ['a scalar on the left', [], [3, 17]],
  ['a row', [3, 17], [17]],
  ['a column', [3, 17], [3, 1]],
  ['both sides stretched', [5, 1], [1, 9]],
  ['[N, 1, H, 1] against [C, 1, W]', [2, 1, 5, 1], [3, 1, 4]],
  ['per channel of [N, C, H, W]', [2, 3, 4, 5], [3, 1, 1]],
  ['rank 4 against rank 2', [2, 3, 4, 5], [4, 5]],
  ['size 1', [1], [1]],
  ['rank 5', [2, 1, 3, 2, 3], [2, 1, 2, 1]],
];

function binary(op: BinaryName, symbol: string, fill: Fill, names?: string[]): Row[] {
  return patterns
    .filter(([name]) => !names || names.includes(name))
    .map(([name, a, b]) =>
      row(
        op,
        name,
        [fill(a), fill(b)],
        (x, y) => x[op](y),
        `lambda x, y: ${symbol.replace('@', 'x').replace('@', 'y')}`,
      ),
    );
}

/** Patterns enough for an op whose broadcasting is add's. */
const few = ['same shape', 'a scalar on the left', '[N, 1, H, 1] against [C, 1, W]'];

const comparisons: [BinaryName, string][] = [
  ['eq', '=='],
  ['ne', '!='],
  ['lt', '<'],
  ['le', '<='],
  ['gt', '>'],
  ['ge', '>='],
];

const unary: [string, string, Fill, (x: Tensor) => Tensor, string][] = [
  ['neg', 'signs', uniform, (x) => x.neg(), '-x'],
  ['abs', 'both signs', nonzero, (x) => x.abs(), 'x.abs()'],
  ['abs', 'gradient 0 at 0', ties, (x) => x.abs(), 'x.abs()'],
  ['exp', 'both signs', uniform, (x) => x.exp(), 'x.exp()'],
  ['log', 'positive values', positive, (x) => x.log(), 'x.log()'],
  ['sqrt', 'positive values', positive, (x) => x.sqrt(), 'x.sqrt()'],
  ['rsqrt', 'positive values', positive, (x) => x.rsqrt(), 'x.rsqrt()'],
  ['square', 'both signs', uniform, (x) => x.square(), 'x.square()'],
  ['reciprocal', 'both signs', nonzero, (x) => x.reciprocal(), 'x.reciprocal()'],
  ['relu', 'both signs', nonzero, (x) => x.relu(), 'F.relu(x)'],
  ['relu', 'gradient 0 at 0', ties, (x) => x.relu(), 'F.relu(x)'],
  ['relu6', 'below, inside and above', spread, (x) => x.relu6(), 'F.relu6(x)'],
  ['relu6', 'gradient 0 at 0 and at 6', (s) => ({ ...ties(s), scale: 6 }), (x) => x.relu6(), 'F.relu6(x)'],
  ['leakyRelu', 'default slope', nonzero, (x) => x.leakyRelu(), 'F.leaky_relu(x)'],
  ['leakyRelu', 'slope 0.25', nonzero, (x) => x.leakyRelu(0.25), 'F.leaky_relu(x, 0.25)'],
  ['leakyRelu', 'the slope at 0', ties, (x) => x.leakyRelu(0.25), 'F.leaky_relu(x, 0.25)'],
  ['sigmoid', 'both signs', uniform, (x) => x.sigmoid(), 'x.sigmoid()'],
  ['sigmoid', 'large values', large, (x) => x.sigmoid(), 'x.sigmoid()'],
  ['tanh', 'both signs', uniform, (x) => x.tanh(), 'x.tanh()'],
  ['tanh', 'large values', large, (x) => x.tanh(), 'x.tanh()'],
  ['silu', 'both signs', spread, (x) => x.silu(), 'F.silu(x)'],
  ['silu', 'large values', large, (x) => x.silu(), 'F.silu(x)'],
  ['gelu', 'both signs', spread, (x) => x.gelu(), 'F.gelu(x)'],
  ['gelu', 'large values', large, (x) => x.gelu(), 'F.gelu(x)'],
  ['geluTanh', 'both signs', spread, (x) => x.gelu({ approximate: 'tanh' }), "F.gelu(x, approximate='tanh')"],
  ['geluTanh', 'large values', large, (x) => x.gelu({ approximate: 'tanh' }), "F.gelu(x, approximate='tanh')"],
  ['hardswish', 'all three pieces', spread, (x) => x.hardswish(), 'F.hardswish(x)'],
  ['hardsigmoid', 'all three pieces', spread, (x) => x.hardsigmoid(), 'F.hardsigmoid(x)'],
  [
    'hardsigmoid',
    'gradient 0 at -3 and at 3',
    (s) => ({ ...ties(s), scale: 3 }),
    (x) => x.hardsigmoid(),
    'F.hardsigmoid(x)',
  ],
  ['clamp', 'both bounds', uniform, (x) => x.clamp(-1, 0.5), 'x.clamp(-1, 0.5)'],
  ['clamp', 'lower bound only', uniform, (x) => x.clamp(-1), 'x.clamp(-1)'],
  ['clamp', 'upper bound only', uniform, (x) => x.clamp(undefined, 0.5), 'x.clamp(max=0.5)'],
  ['clamp', 'gradient 1 on the bounds', ties, (x) => x.clamp(0, 1), 'x.clamp(0, 1)'],
];

export const elementwise: Row[] = [
  ...binary('add', '@ + @', uniform),
  ...binary('sub', '@ - @', uniform, ['same shape', 'a scalar on the left', 'a column', 'both sides stretched']),
  ...binary('mul', '@ * @', uniform),
  ...binary('div', '@ / @', nonzero, [...few, 'a row', 'both sides stretched']),
  ...binary('maximum', 'torch.maximum(@, @)', distinct, few),
  ...binary('minimum', 'torch.minimum(@, @)', distinct, few),
  row(
    'maximum',
    'ties share the gradient',
    [ties([3, 17]), ties([3, 17])],
    (x, y) => x.maximum(y),
    'lambda x, y: torch.maximum(x, y)',
  ),
  row(
    'minimum',
    'ties share the gradient',
    [ties([3, 17]), ties([17])],
    (x, y) => x.minimum(y),
    'lambda x, y: torch.minimum(x, y)',
  ),
  ...comparisons.flatMap(([op, symbol]) => [
    row(
      op,
      'equal and unequal values',
      [ties([3, 17]), ties([3, 17])],
      (x, y) => x[op](y),
      `lambda x, y: (x ${symbol} y).float()`,
    ),
    row(`${op}Scalar`, 'a number', [ties([65])], (x) => x[op](0), `lambda x: (x ${symbol} 0).float()`),
  ]),
  row(
    'lt',
    '[N, 1, H, 1] against [C, 1, W]',
    [
      [2, 1, 5, 1],
      [3, 1, 4],
    ],
    (x, y) => x.lt(y),
    'lambda x, y: (x < y).float()',
  ),
  row('addScalar', 'plus a number', [[65]], (x) => x.add(0.75), 'lambda x: x + 0.75'),
  row('addScalar', 'minus a number', [[65]], (x) => x.sub(0.75), 'lambda x: x - 0.75'),
  row('mulScalar', 'times a number', [[65]], (x) => x.mul(-1.25), 'lambda x: x * -1.25'),
  row('mulScalar', 'divided by a number', [[65]], (x) => x.div(0.75), 'lambda x: x / 0.75'),
  row(
    'maxScalar',
    'ties share the gradient with the number',
    [ties([65])],
    (x) => x.maximum(0),
    'lambda x: torch.maximum(x, torch.zeros_like(x))',
  ),
  row(
    'minScalar',
    'ties share the gradient with the number',
    [ties([65])],
    (x) => x.minimum(0),
    'lambda x: torch.minimum(x, torch.zeros_like(x))',
  ),
  row('maxScalar', 'a number', [[65]], (x) => x.maximum(0.5), 'lambda x: x.clamp(min=0.5)'),
  row('minScalar', 'a number', [[65]], (x) => x.minimum(0.5), 'lambda x: x.clamp(max=0.5)'),
  row(
    'pow',
    'positive base, exponent per element',
    [positive([3, 17]), [3, 17]],
    (x, y) => x.pow(y),
    'lambda x, y: x ** y',
  ),
  row('pow', 'exponent per column', [positive([3, 17]), [17]], (x, y) => x.pow(y), 'lambda x, y: x ** y'),
  row('square', 'as pow(2)', [[3, 17]], (x) => x.pow(2), 'lambda x: x ** 2'),
  row('powScalar', 'exponent 3, both signs', [[3, 17]], (x) => x.pow(3), 'lambda x: x ** 3'),
  row('powScalar', 'exponent -2, both signs', [nonzero([3, 17])], (x) => x.pow(-2), 'lambda x: x ** -2'),
  row('sqrt', 'as pow(0.5)', [positive([3, 17])], (x) => x.pow(0.5), 'lambda x: x ** 0.5'),
  row('powScalar', 'exponent 3 at 0', [ties([17])], (x) => x.pow(3), 'lambda x: x ** 3'),
  row('powScalar', 'exponent 1 at 0', [ties([17])], (x) => x.pow(1), 'lambda x: x ** 1'),
  row('powScalar', 'exponent 1.75', [positive([3, 17])], (x) => x.pow(1.75), 'lambda x: x ** 1.75'),
  row('powScalar', 'exponent 0 has gradient 0', [ties([17])], (x) => x.pow(0), 'lambda x: x ** 0'),
  row('square', 'as pow(2), at 0', [ties([17])], (x) => x.pow(2), 'lambda x: x ** 2'),
  row(
    'where',
    'same shape',
    [mask([3, 17]), [3, 17], [3, 17]],
    (c, x, y) => c.where(x, y),
    'lambda c, x, y: torch.where(c != 0, x, y)',
  ),
  row(
    'where',
    'all three broadcast',
    [mask([5, 1]), [2, 1, 4], [4]],
    (c, x, y) => c.where(x, y),
    'lambda c, x, y: torch.where(c != 0, x, y)',
  ),
  row(
    'where',
    'a condition per channel',
    [mask([3, 1, 1]), [2, 3, 4, 5], []],
    (c, x, y) => c.where(x, y),
    'lambda c, x, y: torch.where(c != 0, x, y)',
  ),
  ...unary.map(([op, name, fill, run, body]) => row(op, name, [fill([3, 17])], run, `lambda x: ${body}`)),
  ...[[], [1], [64], [65], [2, 3, 4, 5]].map((shape) =>
    row('exp', `shape [${shape.join(', ')}]`, [shape], (x) => x.exp(), 'lambda x: x.exp()'),
  ),
];
