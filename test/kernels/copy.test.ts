import { describe, expect, test } from 'vitest';
import { sizeOf, stridesOf } from '../../src/core/shape.ts';
import { type CopyFrom, cat, copyFrom, copyInto } from '../../src/kernels/copy.ts';
import { int32, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

function reference(x: ArrayLike<number>, { outShape, strides, offset = 0, valid, fill = 0 }: CopyFrom): number[] {
  const steps = stridesOf(outShape);
  return Array.from({ length: sizeOf(outShape) }, (_, i) => {
    let address = offset;
    for (let d = 0; d < outShape.length; d++) {
      const at = Math.floor(i / steps[d]!) % outShape[d]!;
      const range = valid?.[d];
      if (range && (at < range[0] || at >= range[1])) return fill;
      address += at * strides[d]!;
    }
    return x[address]!;
  });
}

const permuted = (shape: number[], axes: number[]): CopyFrom => ({
  outShape: axes.map((a) => shape[a]!),
  strides: axes.map((a) => stridesOf(shape)[a]!),
});

const cases: [name: string, size: number, CopyFrom][] = [
  ['a scalar', 1, { outShape: [], strides: [] }],
  ['transpose 1 x 17', 17, permuted([1, 17], [1, 0])],
  ['transpose 3 x 5', 15, permuted([3, 5], [1, 0])],
  ['transpose 65 x 33', 65 * 33, permuted([65, 33], [1, 0])],
  ['transpose 3 x 17 x 65', 3 * 17 * 65, permuted([3, 17, 65], [0, 2, 1])],
  ['transpose with merged axes', 2 * 9 * 5 * 13, permuted([2, 9, 5, 13], [0, 2, 3, 1])],
  ['permute 5-D', 2 * 3 * 5 * 2 * 4, permuted([2, 3, 5, 2, 4], [3, 1, 4, 0, 2])],
  ['permute whole quadruples', 3 * 5 * 8, permuted([3, 5, 8], [1, 0, 2])],
  ['permute 6-D', 64, permuted([2, 2, 2, 2, 2, 2], [5, 4, 3, 2, 1, 0])],
  ['slice', 7 * 9, { outShape: [3, 4], strides: [9, 1], offset: 20 }],
  ['slice with steps', 7 * 9, { outShape: [3, 4], strides: [18, 2], offset: 1 }],
  ['expand', 5, { outShape: [3, 5, 2], strides: [0, 1, 0] }],
  ['expand rows', 8, { outShape: [3, 8], strides: [0, 1] }],
  ['flip', 17, { outShape: [17], strides: [-1], offset: 16 }],
  [
    'pad',
    3 * 5,
    {
      outShape: [6, 9],
      strides: [5, 1],
      offset: -7,
      valid: [
        [1, 4],
        [2, 7],
      ],
      fill: -1.5,
    },
  ],
  [
    'pad rows of quadruples',
    16,
    { outShape: [4, 8], strides: [8, 1], offset: -8, valid: [[1, 3], undefined], fill: 2 },
  ],
  ['pad one side, crop the other', 6, { outShape: [6], strides: [1], offset: 1, valid: [[0, 5]], fill: 9 }],
  ['pad a dimension of one', 1, { outShape: [3], strides: [1], offset: -1, valid: [[1, 2]], fill: 4 }],
  ['everything is padding', 1, { outShape: [3], strides: [1], valid: [[3, 3]], fill: 4 }],
];

describe.each(targets)('%s', (_, target) => {
  test.each(cases)('copyFrom: %s', async (_name, size, options) => {
    const x = noise(size);
    const [y] = await runProgram(copyFrom(target, options), [x], [sizeOf(options.outShape)]);
    expect([...y!]).toEqual(reference(x, options));
  });

  test('copyFrom: int32 keeps its bits, fill included', async () => {
    const x = Int32Array.of(0x7fc00001, -1, 5);
    const options: CopyFrom = { outShape: [5], strides: [1], offset: -1, valid: [[1, 4]], fill: -100, dtype: 'int32' };
    const [y] = await runProgram(copyFrom(target, options), [x], [5]);
    expect([...int32(y!)]).toEqual([-100, 0x7fc00001, -1, 5, -100]);
  });

  test.each([
    [
      0,
      [
        [2, 3],
        [1, 3],
        [4, 3],
      ],
    ],
    [
      1,
      [
        [3, 1],
        [3, 17],
        [3, 0],
        [3, 65],
      ],
    ],
    [
      1,
      [
        [2, 4, 6],
        [2, 8, 6],
        [2, 1, 6],
      ],
    ],
    [
      2,
      [
        [3, 5, 4],
        [3, 5, 3],
      ],
    ],
  ])('cat: axis %i of %j', async (axis, shapes) => {
    const inputs = shapes.map((shape, k) => noise(sizeOf(shape), k));
    const outShape = shapes[0]!.map((d, i) => (i === axis ? shapes.reduce((n, s) => n + s[axis]!, 0) : d));
    const inner = sizeOf(outShape.slice(axis + 1));
    const outer = sizeOf(outShape.slice(0, axis));
    const expected: number[] = [];
    for (let o = 0; o < outer; o++)
      inputs.forEach((x, k) => {
        const run = shapes[k]![axis]! * inner;
        expected.push(...x.subarray(o * run, (o + 1) * run));
      });
    const [y] = await runProgram(cat(target, { shapes, axis }), inputs, [sizeOf(outShape)]);
    expect([...y!]).toEqual(expected);
  });

  test('copyInto: the rest of the destination stays', async () => {
    const x = noise(6);
    const y = noise(20, 1);
    const step = copyInto(target, { shape: [2, 3], sourceStrides: [1, 2], strides: [5, 1], offset: 6 });
    const [result] = await runProgram({ steps: [step] }, [x], [y]);
    const expected = [...y];
    for (let r = 0; r < 2; r++) for (let c = 0; c < 3; c++) expected[6 + 5 * r + c] = x[r + 2 * c]!;
    expect([...result!]).toEqual(expected);
  });
});

test('copyFrom: lists of another length are refused', () => {
  expect(() => copyFrom(target, { outShape: [2, 3], strides: [1] })).toThrow(
    'copyFrom: strides and valid: expected 2 entries, one a dimension of outShape.',
  );
});
