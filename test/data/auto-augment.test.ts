/** RandAugment and TrivialAugmentWide: operations and magnitudes against torchvision, what is drawn, JSON, errors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/core/errors.ts';
import { Generator } from '../../src/core/random.ts';
import {
  type AutoAugmentOptions,
  decodeImage,
  type Interpolation,
  RandAugment,
  type RandAugmentOptions,
  type RgbImage,
  ToTensor,
  TrivialAugmentWide,
  trainingTransforms,
  transformFromJSON,
} from '../../src/data/index.ts';
import {
  magnitudeOf,
  OPERATIONS,
  type OperationName,
  RAND_AUGMENT,
  TRIVIAL_AUGMENT_WIDE,
} from '../../src/data/transforms/auto-augment.ts';
import { fixtures, picture } from './photos.ts';

const folder = join(fixtures, '..', 'augment');
const SPACES = { RandAugment: RAND_AUGMENT, TrivialAugmentWide: TRIVIAL_AUGMENT_WIDE };

interface Case {
  readonly source: string;
  readonly operation: OperationName;
  readonly magnitude: number;
  readonly interpolation: Interpolation;
  readonly fill: number;
  /** The first row of the result in the sheet. */
  readonly top: number;
}

interface Table {
  readonly space: keyof typeof SPACES;
  readonly operation: OperationName;
  readonly bins: number;
  readonly signed: boolean;
  readonly magnitudes: readonly number[] | null;
}

const { cases, tables }: { cases: readonly Case[]; tables: readonly Table[] } = JSON.parse(
  readFileSync(join(folder, 'cases.json'), 'utf8'),
);

describe('equal to torchvision', () => {
  const images: Record<string, RgbImage> = {};
  beforeAll(async () => {
    for (const name of ['wide', 'square', 'flat', 'tiny', 'sheet'])
      images[name] = await decodeImage(join(folder, `${name}.png`));
  });

  const title = ({ source, operation, magnitude, interpolation, fill }: Case) =>
    `${source}: ${operation} ${magnitude}, ${interpolation}, filled with ${fill}`;

  test.each(cases.map((c) => [title(c), c] as const))('%s, level for level', (_, c) => {
    const got = OPERATIONS[c.operation](images[c.source]!, c.magnitude, c);
    const sheet = images.sheet!;
    const row = got.width * 3;
    for (let y = 0; y < got.height; y++) {
      const from = (c.top + y) * sheet.width * 3;
      expect([...got.data.subarray(y * row, (y + 1) * row)]).toEqual([...sheet.data.subarray(from, from + row)]);
    }
  });

  test.each(tables.map((t) => [`${t.space}, ${t.operation}, ${t.bins} bins`, t] as const))(
    'magnitudes: %s',
    (_, { space, operation, bins, signed, magnitudes }) => {
      const range = SPACES[space](25, 19)[operation];
      expect(range?.signed ?? false).toBe(signed);
      if (!magnitudes) return expect(range).toBeUndefined();
      // torch.linspace adds up in float32, by an order that depends on the processor: its last bit is not to be had.
      for (const [bin, expected] of magnitudes.entries())
        expect(Math.abs(magnitudeOf(range!, bin, bins) - expected)).toBeLessThan(1e-6 * range!.last || 1e-6);
    },
  );

  test('the operations are all of them, in the same order', () => {
    expect(Object.keys(OPERATIONS)).toEqual([...new Set(tables.map((t) => t.operation))]);
  });
});

describe('what is drawn', () => {
  const image = picture(40, 30, 3);
  const views = (transform: RandAugment | TrivialAugmentWide, n: number) =>
    Array.from({ length: n }, (_, seed) => transform.apply(image, new Generator(seed)).data.join());

  test('the same stream gives the same image; others come to many', () => {
    for (const transform of [new RandAugment(), new TrivialAugmentWide()]) {
      expect(views(transform, 3)).toEqual(views(transform, 3));
      expect(new Set(views(transform, 60)).size).toBeGreaterThan(25);
    }
  });

  test('one operation of TrivialAugmentWide at every bin and sign, and the image itself', () => {
    const seen = new Set(views(new TrivialAugmentWide({ numMagnitudeBins: 2 }), 400));
    const results = Object.entries(OPERATIONS).flatMap(([name, operation]) => {
      const range = TRIVIAL_AUGMENT_WIDE(40, 30)[name as OperationName];
      const at = (m: number) => operation(image, m, { interpolation: 'nearest', fill: 0 }).data.join();
      return range ? [range.first, range.last, ...(range.signed ? [-range.last] : [])].map(at) : [at(0)];
    });
    expect(seen).toEqual(new Set(results));
  });

  test('RandAugment: none of its operations leaves the image, more change it more', () => {
    expect(new RandAugment({ numOps: 0 }).apply(image, new Generator(0))).toBe(image);
    const unchanged = (numOps: number) =>
      views(new RandAugment({ numOps }), 200).filter((view) => view === image.data.join()).length;
    expect(unchanged(3)).toBeLessThan(unchanged(1));
  });
});

test('JSON and back: the same JSON, the same image', () => {
  const image = picture(33, 21);
  for (const transform of [
    new RandAugment({ numOps: 3, magnitude: 5, numMagnitudeBins: 11, interpolation: 'bicubic', fill: 9 }),
    new TrivialAugmentWide({ interpolation: 'bilinear' }),
  ]) {
    const again = transformFromJSON(JSON.parse(JSON.stringify(transform)));
    expect(JSON.stringify(again)).toBe(JSON.stringify(transform));
    expect(again.random).toBe(true);
    for (let seed = 0; seed < 20; seed++)
      expect(again.apply(image, new Generator(seed))).toEqual(transform.apply(image, new Generator(seed)));
  }
  expect(String(new RandAugment())).toBe(
    'RandAugment(numOps=2, magnitude=9, numMagnitudeBins=31, interpolation=nearest, fill=0)',
  );
});

test('training transforms have them behind the flip, with the preset’s interpolation', () => {
  const lines = (autoAugment: 'rand' | 'trivial') =>
    String(trainingTransforms({ autoAugment, interpolation: 'bilinear' }))
      .split('\n')
      .slice(2, 5);
  const rest = 'numMagnitudeBins=31, interpolation=bilinear, fill=0)';
  expect(lines('rand')).toEqual([
    '    RandomHorizontalFlip(p=0.5)',
    `    RandAugment(numOps=2, magnitude=9, ${rest}`,
    '    ToTensor()',
  ]);
  expect(lines('trivial')[1]).toBe(`    TrivialAugmentWide(${rest}`);
});

test.each<[work: () => unknown, message: string]>([
  [() => new RandAugment({ numOps: 1.5 }), 'RandAugment: numOps must be a whole number from 0 to 100, got 1.5.'],
  [() => new RandAugment({ magnitude: -1 }), 'RandAugment: magnitude must be a whole number, 0 or more, got -1.'],
  [
    () => new RandAugment({ magnitude: 31 }),
    'RandAugment: expected magnitude below numMagnitudeBins (31), got 31. Lower it, or raise numMagnitudeBins.',
  ],
  [
    () => new TrivialAugmentWide({ numMagnitudeBins: 1 }),
    'TrivialAugmentWide: numMagnitudeBins must be a whole number, 2 or more, got 1.',
  ],
  [() => new TrivialAugmentWide({ fill: 256 }), 'TrivialAugmentWide: fill must be an integer, 0 to 255, got 256.'],
  [
    () => new RandAugment({ interpolation: 'box' as Interpolation }),
    "RandAugment: interpolation must be nearest, bilinear, bicubic, got 'box'.",
  ],
  [
    () => new RandAugment({ ops: 3 } as RandAugmentOptions),
    "RandAugment: expected options that exist, got 'ops'. Write numOps.",
  ],
  [
    () => new TrivialAugmentWide({ magnitude: 3 } as AutoAugmentOptions),
    "TrivialAugmentWide: expected options that exist, got 'magnitude'. Write numMagnitudeBins.",
  ],
  [
    () => trainingTransforms({ autoAugment: 'auto' as 'rand' }),
    "trainingTransforms: autoAugment must be rand or trivial, got 'auto'.",
  ],
  [
    () => new RandAugment().apply(new ToTensor().apply(picture(2, 2)), new Generator(0)),
    'RandAugment: expected an 8-bit image, got floats [3, 2, 2]. Put RandAugment before ToTensor.',
  ],
])('%s: %s', (work, message) => {
  expect(work).toThrow(new ArgumentError(message));
});
