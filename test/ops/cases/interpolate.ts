/** Resizing: each mode up and down, by size and by factor, with both rules for the corners, at sizes that divide nothing. */
import { type InterpolateOptions, interpolate } from '../../../src/nn/index.ts';
import { type Row, row } from '../row.ts';

type Options = InterpolateOptions;

const python = (value: unknown): string => {
  if (Array.isArray(value)) return `(${value.join(', ')})`;
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
};

const NAMES = { size: 'size', scaleFactor: 'scale_factor', mode: 'mode', alignCorners: 'align_corners' } as const;

const resize = (name: string, x: number[], options: Options): Row => {
  const kept = Object.entries(options).map(([key, value]) => `${NAMES[key as keyof Options]}=${python(value)}`);
  return row(
    'interpolate',
    name,
    [x],
    (x) => interpolate(x, options),
    `lambda x: F.interpolate(x, ${kept.join(', ')})`,
  );
};

const linear = { mode: 'bilinear' } as const;
const cubic = { mode: 'bicubic' } as const;
const aligned = { alignCorners: true } as const;

export const interpolation: readonly Row[] = [
  resize('bilinear, twice as large', [2, 3, 5, 7], { scaleFactor: 2, ...linear }),
  resize('nearest, twice as large', [2, 3, 4, 5], { scaleFactor: 2 }),
  resize('nearest, to a size that does not divide', [2, 2, 7, 5], { size: [11, 9] }),
  resize('nearest, smaller', [1, 3, 13, 10], { size: [5, 7] }),
  resize('nearest, by unequal factors', [1, 2, 6, 9], { scaleFactor: [1.5, 0.6] }),
  resize('nearest-exact', [1, 2, 7, 5], { size: [11, 3], mode: 'nearest-exact' }),
  resize('bilinear, to a size that does not divide', [2, 3, 7, 4], { size: [17, 9], ...linear }),
  resize('bilinear, smaller', [1, 2, 15, 13], { size: [4, 5], ...linear }),
  resize('bilinear, by a factor', [1, 2, 7, 6], { scaleFactor: [1.7, 2.3], ...linear }),
  resize('bilinear, eight times as large', [1, 2, 3, 5], { scaleFactor: 8, ...linear }),
  resize('bilinear, out of one pixel', [2, 3, 1, 1], { size: [5, 3], ...linear }),
  resize('bilinear, to one pixel', [1, 2, 5, 4], { size: 1, ...linear }),
  resize('bilinear, the same size', [1, 2, 5, 4], { size: [5, 4], ...linear }),
  resize('bilinear, corners aligned, twice as large', [2, 3, 5, 7], { scaleFactor: 2, ...linear, ...aligned }),
  resize('bilinear, corners aligned, smaller', [1, 2, 9, 14], { size: [4, 5], ...linear, ...aligned }),
  resize('bilinear, corners aligned, to one row', [1, 2, 6, 7], { size: [1, 12], ...linear, ...aligned }),
  resize('bicubic, twice as large', [1, 3, 5, 6], { scaleFactor: 2, ...cubic }),
  resize('bicubic, to a size that does not divide', [2, 2, 7, 3], { size: [10, 11], ...cubic }),
  resize('bicubic, smaller', [1, 2, 13, 11], { size: [6, 4], ...cubic }),
  resize('bicubic, corners aligned', [1, 2, 5, 4], { size: [12, 3], ...cubic, ...aligned }),
  row(
    'interpolate',
    'followed by a sum for each channel and relu',
    [
      [2, 3, 4, 5],
      [3, 1, 1],
    ],
    (x, b) => interpolate(x, { scaleFactor: 2, mode: 'bilinear' }).add(b).relu(),
    'lambda x, b: F.relu(F.interpolate(x, scale_factor=2, mode="bilinear") + b)',
    { smooth: false },
  ),
];
