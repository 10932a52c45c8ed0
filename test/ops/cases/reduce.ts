/** Reductions: every kind of axes, kept or dropped, long and short, with ties; softmax and its logarithm. */
import type { Tensor } from '../../../src/index.ts';
import { distinct, type InputSpec, large, ties } from '../inputs.ts';
import { type Row, row } from '../row.ts';

type Reduction = 'sum' | 'mean' | 'max' | 'min';
type Axes = number | number[] | undefined;

const python: Record<Reduction, string> = { sum: 'sum', mean: 'mean', max: 'amax', min: 'amin' };

/** name, shape, axes, keepdim */
const patterns: [string, number[], Axes, boolean][] = [
  ['all axes', [3, 5, 7], undefined, false],
  ['all axes, kept', [3, 5, 7], undefined, true],
  ['the last axis', [3, 17], 1, false],
  ['the first axis', [3, 17], 0, false],
  ['the first axis, kept', [3, 17], 0, true],
  ['a middle axis', [3, 5, 7], 1, false],
  ['the last axis counted from the end, kept', [3, 5, 7], -1, true],
  ['the spatial axes', [2, 3, 4, 5], [2, 3], false],
  ['all but the channels, kept', [2, 3, 4, 5], [0, 2, 3], true],
  ['two axes apart', [2, 3, 4, 5], [1, 3], false],
  ['axes out of order', [2, 3, 4], [2, 0], false],
  ['an axis of size 1', [3, 1, 5], 1, false],
  ['one element', [1], undefined, false],
  ['a scalar', [], undefined, false],
  ['a long last axis', [2, 1031], 1, false],
  ['a long first axis', [1031, 2], 0, false],
];

const fills: Record<Reduction, (shape: number[]) => InputSpec> = {
  sum: (shape) => ({ shape, kind: 'uniform' }),
  mean: (shape) => ({ shape, kind: 'uniform' }),
  max: distinct,
  min: distinct,
};

function axesText(axes: Axes, rank: number): string {
  const list = axes === undefined ? Array.from({ length: rank }, (_, i) => i) : [axes].flat();
  return `(${list.map((a) => `${a},`).join('')})`;
}

function reduction(op: Reduction, shortOnly: boolean): Row[] {
  return patterns
    .filter(
      ([name]) =>
        !shortOnly || !['all but the channels, kept', 'axes out of order', 'a long first axis'].includes(name),
    )
    .map(([name, shape, axes, keepdim]) =>
      row(
        op,
        name,
        [fills[op](shape)],
        (x) => x[op](axes, { keepdim }),
        `lambda x: x.${python[op]}(${axesText(axes, shape.length)}, keepdim=${keepdim ? 'True' : 'False'})`,
        // A step may change which element is the largest of a long row.
        { smooth: op === 'sum' || op === 'mean' || shape.reduce((a, b) => a * b, 1) < 300 },
      ),
    );
}

const variance = (name: string, shape: number[], run: (x: Tensor) => Tensor, torch: string): Row =>
  row('variance', name, [shape], run, `lambda x: ${torch}`);

export const reduce: Row[] = [
  ...reduction('sum', false),
  ...reduction('mean', true),
  ...reduction('max', true),
  ...reduction('min', true),
  row('max', 'ties share the gradient of an axis', [ties([3, 17])], (x) => x.max(1), 'lambda x: x.amax(1)'),
  row('max', 'ties share the gradient of the whole', [ties([3, 17])], (x) => x.max(), 'lambda x: x.amax()'),
  row(
    'min',
    'ties share the gradient of two axes',
    [ties([2, 3, 4, 5])],
    (x) => x.min([1, 3]),
    'lambda x: x.amin((1, 3))',
  ),
  variance('all axes, unbiased', [3, 5, 7], (x) => x.variance(), 'x.var((0, 1, 2), unbiased=True)'),
  variance('one axis, biased', [3, 17], (x) => x.variance(1, { correction: 0 }), 'x.var(1, correction=0)'),
  variance(
    'correction 2, kept',
    [3, 17],
    (x) => x.variance(0, { correction: 2, keepdim: true }),
    'x.var(0, correction=2, keepdim=True)',
  ),
  variance('all but the channels', [2, 3, 4, 5], (x) => x.variance([0, 2, 3]), 'x.var((0, 2, 3), unbiased=True)'),
  row(
    'variance',
    'a mean far from 0',
    [[4, 65]],
    (x) => x.add(64).variance(1),
    'lambda x: (x + 64).float().double().var(1, unbiased=True)',
    { tolerance: 'normalised' },
  ),
  row('argmax', 'the last axis', [distinct([3, 17])], (x) => x.argmax(1), 'lambda x: x.argmax(1)'),
  row(
    'argmax',
    'the first axis, kept',
    [distinct([17, 3])],
    (x) => x.argmax(0, { keepdim: true }),
    'lambda x: x.argmax(0, keepdim=True)',
  ),
  row('argmax', 'a middle axis', [distinct([3, 5, 7])], (x) => x.argmax(1), 'lambda x: x.argmax(1)'),
  row('argmax', 'the whole', [distinct([3, 5, 7])], (x) => x.argmax(), 'lambda x: x.argmax()'),
  row('argmax', 'the first of several', [ties([3, 17])], (x) => x.argmax(-1), 'lambda x: x.argmax(-1)'),
  row('argmax', 'a long axis', [distinct([2, 1031])], (x) => x.argmax(1), 'lambda x: x.argmax(1)'),
  ...(['softmax', 'logSoftmax'] as const).flatMap((op) => {
    const f = op === 'softmax' ? 'softmax' : 'log_softmax';
    return [
      row(op, 'the last axis', [[3, 17]], (x) => x[op](1), `lambda x: F.${f}(x, 1)`),
      row(op, 'the first axis', [[17, 3]], (x) => x[op](0), `lambda x: F.${f}(x, 0)`),
      row(op, 'the channels of [N, C, H, W]', [[2, 5, 3, 4]], (x) => x[op](1), `lambda x: F.${f}(x, 1)`),
      row(op, 'the last axis counted from the end', [[2, 3, 5]], (x) => x[op](-1), `lambda x: F.${f}(x, -1)`),
      row(op, 'one class', [[3, 1]], (x) => x[op](1), `lambda x: F.${f}(x, 1)`),
      row(op, 'rank 1', [[65]], (x) => x[op](0), `lambda x: F.${f}(x, 0)`),
      row(op, '1031 classes', [[2, 1031]], (x) => x[op](1), `lambda x: F.${f}(x, 1)`),
      row(op, 'large logits', [large([3, 17])], (x) => x[op](1), `lambda x: F.${f}(x, 1)`),
    ];
  }),
];
