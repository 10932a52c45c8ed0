/** Transforms: pixels against torchvision, randomness, JSON, printing, errors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  CenterCrop,
  ColorJitter,
  Compose,
  classificationTransforms,
  decodeImage,
  type FloatImage,
  IMAGENET_MEAN,
  IMAGENET_STD,
  Normalize,
  RandomCrop,
  RandomHorizontalFlip,
  RandomResizedCrop,
  Resize,
  type RgbImage,
  resample,
  type Size,
  ToTensor,
  Transform,
  type TransformJSON,
  toTransform,
  trainingTransforms,
  transformFromJSON,
} from '../../src/data/index.ts';
import { sharedData } from '../shared-data.ts';
import { faultOf, fixtures, picture } from './photos.ts';

const folder = join(fixtures, 'transforms');
const ADJUST = { brightness: adjustBrightness, contrast: adjustContrast, saturation: adjustSaturation, hue: adjustHue };

interface Case {
  readonly source: string;
  readonly expected: string;
  readonly transform?: TransformJSON;
  readonly crop?: { x: number; y: number; width: number; height: number };
  readonly size?: [number, number];
  readonly adjust?: keyof typeof ADJUST;
  readonly factor?: number;
}
const cases: Case[] = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
const title = ({ source, transform, crop, size, adjust, factor }: Case) =>
  `${source}: ${transform ? JSON.stringify(transform) : adjust ? `${adjust} ${factor}` : `crop ${JSON.stringify(crop)} to ${size}`}`;

function run({ transform, crop, size, adjust, factor }: Case, image: RgbImage): RgbImage {
  if (transform) return transformFromJSON(transform).apply(image, new Generator(0)) as RgbImage;
  if (adjust) return ADJUST[adjust](image, factor!);
  return resample(image, size![1], size![0], { source: crop! });
}

describe('equal to torchvision, level for level', () => {
  const sources: Record<string, RgbImage> = {};
  beforeAll(async () => {
    for (const name of ['wide', 'tall']) sources[name] = await decodeImage(join(folder, `${name}.png`));
  });

  test.each(cases.map((c) => [title(c), c] as const))('%s', async (_, c) => {
    const got = run(c, sources[c.source]!);
    const expected = await decodeImage(join(folder, c.expected));
    expect([got.width, got.height]).toEqual([expected.width, expected.height]);
    expect(Buffer.compare(got.data, expected.data)).toBe(0);
  });

  test('ToTensor and Normalize: bit for bit, fused and one by one', () => {
    const levels = { data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)), width: 16, height: 16 };
    const steps = [new ToTensor(), new Normalize(IMAGENET_MEAN, IMAGENET_STD)] as const;
    const fused = new Compose(steps).apply(levels) as FloatImage;
    const expected = readFileSync(join(folder, 'normalized.f32'));
    expect(fused.shape).toEqual([3, 16, 16]);
    expect(Buffer.compare(Buffer.from(fused.data.buffer), expected)).toBe(0);
    expect(steps[1].apply(steps[0].apply(levels)).data).toEqual(fused.data);
  });

  test.skipIf(!sharedData)(
    'photos of shared/data: Resize(256), CenterCrop(224) of the JPEGs are the PNGs',
    async () => {
      const name = 'n03063599_coffee_mug';
      const jpeg = await decodeImage(join(sharedData!, 'photos', `${name}.JPEG`));
      const got = new Compose([new Resize(256), new CenterCrop(224)]).apply(jpeg) as RgbImage;
      const expected = await decodeImage(join(sharedData!, 'photos224', `${name}.png`));
      // Decoders may round differently by a level; here they do not.
      let difference = 0;
      for (let i = 0; i < expected.data.length; i++)
        difference = Math.max(difference, Math.abs(got.data[i]! - expected.data[i]!));
      expect(difference).toBeLessThanOrEqual(1);
    },
  );
});

describe('resampling', () => {
  test('a part of the result equals that part cut out afterwards', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (w, h, size) => {
          const resize = new Resize(size, { interpolation: size % 2 ? 'bilinear' : 'bicubic' });
          const centre = new CenterCrop(Math.max(1, size - 3));
          const image = picture(w, h, size);
          const fused = new Compose([resize, centre]).apply(image) as RgbImage;
          expect(Buffer.compare(fused.data, centre.apply(resize.apply(image)).data)).toBe(0);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  test('without antialiasing only the neighbours count', () => {
    const image = { data: Uint8Array.from({ length: 24 }, (_, i) => Math.floor(i / 3) * 10), width: 8, height: 1 };
    const values = (antialias: boolean) =>
      [...new Resize([1, 2], { antialias }).apply(image).data].filter((_, i) => i % 3 === 0);
    expect(values(false)).toEqual([15, 55]);
    expect(values(true)).not.toEqual([15, 55]);
  });

  test('an image of one pixel', () => {
    const one = { data: Uint8Array.of(9, 8, 7), width: 1, height: 1 };
    expect([...new Resize([2, 1]).apply(one).data]).toEqual([9, 8, 7, 9, 8, 7]);
  });
});

describe('random transforms', () => {
  const image = picture(60, 45, 3);

  test('the same stream gives the same image, another one another', () => {
    const t = trainingTransforms({ crop: 32, jitter: { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1 } });
    const run = (seed: number) => (t.apply(image, new Generator(seed)) as FloatImage).data;
    expect(run(5)).toEqual(run(5));
    expect(run(5)).not.toEqual(run(6));
  });

  test('RandomResizedCrop: pieces lie inside and keep to scale and ratio', () => {
    const t = new RandomResizedCrop(8, { scale: [0.3, 0.6], ratio: [0.8, 1.25] });
    const random = new Generator(1);
    for (let i = 0; i < 300; i++) {
      const { x, y, width, height } = t.window(200, 300, random);
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(300);
      expect(y + height).toBeLessThanOrEqual(200);
      expect((width * height) / 60000).toBeGreaterThan(0.29);
      expect((width * height) / 60000).toBeLessThan(0.61);
      expect(width / height).toBeGreaterThan(0.79);
      expect(width / height).toBeLessThan(1.27);
    }
  });

  test('RandomResizedCrop: where no piece fits, the middle', () => {
    const t = new RandomResizedCrop(8, { scale: [1, 1], ratio: [1, 1] });
    expect(t.window(10, 40, new Generator(0))).toEqual({ x: 15, y: 0, width: 10, height: 10 });
    expect(t.window(40, 10, new Generator(0))).toEqual({ x: 0, y: 15, width: 10, height: 10 });
  });

  test('RandomHorizontalFlip: p 0 never, p 1 always, twice is once', () => {
    const random = new Generator(0);
    expect(new RandomHorizontalFlip(0).apply(image, random)).toBe(image);
    const once = new RandomHorizontalFlip(1).apply(image, random);
    expect([...once.data.subarray(0, 3)]).toEqual([...image.data.subarray(59 * 3, 60 * 3)]);
    expect(new RandomHorizontalFlip(1).apply(once, random).data).toEqual(image.data);
  });

  test('RandomCrop: every place comes up, padding is filled', () => {
    const small = { data: new Uint8Array(12).fill(200), width: 2, height: 2 };
    const seen = new Set<string>();
    const random = new Generator(2);
    const t = new RandomCrop(2, { padding: 1, fill: 7 });
    for (let i = 0; i < 200; i++) seen.add([...t.apply(small, random).data].filter((_, k) => k % 3 === 0).join());
    expect(seen.size).toBe(9);
    expect(seen).toContain('7,7,7,200');
    const padded = new RandomCrop([4, 5], { padIfNeeded: true }).apply(small, random);
    expect([padded.width, padded.height]).toEqual([5, 4]);
  });

  test('ColorJitter: amounts of 0 leave the image alone', () => {
    expect(new ColorJitter().apply(image, new Generator(0))).toBe(image);
  });
});

describe('as data', () => {
  const chain = new Compose([
    new Resize([40, 50], { interpolation: 'bicubic' }),
    new RandomCrop(32, { padding: [1, 2] }),
    new RandomResizedCrop(24, { scale: [0.5, 1] }),
    new RandomHorizontalFlip(0.25),
    new ColorJitter({ brightness: 0.2, hue: [-0.1, 0.2] }),
    new CenterCrop(20),
    new ToTensor(),
    new Normalize(IMAGENET_MEAN, IMAGENET_STD),
  ]);

  test('JSON and back: the same JSON, the same floats', () => {
    const text = JSON.stringify(chain);
    const again = transformFromJSON(JSON.parse(text));
    expect(JSON.stringify(again)).toBe(text);
    const image = picture(61, 47);
    expect(again.apply(image, new Generator(4))).toEqual(chain.apply(image, new Generator(4)));
    expect(again.random).toBe(true);
  });

  test('printing', () => {
    expect(String(classificationTransforms({ resize: 232 }))).toBe(
      [
        'Compose(',
        '    Resize(size=232, interpolation=bilinear, antialias=true)',
        '    CenterCrop(size=224)',
        '    ToTensor()',
        '    Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])',
        ')',
      ].join('\n'),
    );
    expect(String(new Compose([new Compose([new ToTensor()])]))).toBe(
      'Compose(\n    Compose(\n        ToTensor()\n    )\n)',
    );
  });

  test('toTransform takes a transform, its JSON, or the preset of weights', () => {
    const expected = JSON.stringify(classificationTransforms({ crop: 100 }));
    expect(JSON.stringify(toTransform({ crop: 100 }))).toBe(expected);
    expect(JSON.stringify(toTransform(JSON.parse(expected)))).toBe(expected);
    expect(toTransform(chain)).toBe(chain);
    expect(String(trainingTransforms({ flip: 0 }))).not.toContain('Flip');
  });
});

describe('transforms of a shared model are bounded', () => {
  const pixels = 'expected at most 33,554,432 pixels. Choose a smaller size.';
  const nested = (depth: number): TransformJSON =>
    depth === 0 ? { name: 'ToTensor' } : { name: 'Compose', transforms: [nested(depth - 1)] };
  const rows: [what: string, json: TransformJSON, message: string][] = [
    [
      'a resize to 16384',
      { name: 'Resize', size: [16384, 16384] },
      `Resize: makes an image of 16384 x 16384; ${pixels}`,
    ],
    ['a crop', { name: 'CenterCrop', size: 65535 }, `CenterCrop: makes an image of 65535 x 65535; ${pixels}`],
    [
      'a padded crop',
      { name: 'RandomCrop', size: 65535, padding: 65535 },
      `RandomCrop: makes an image of 65535 x 65535; ${pixels}`,
    ],
    [
      '300,000 flips',
      { name: 'Compose', transforms: Array(300_000).fill({ name: 'RandomHorizontalFlip', p: 1 }) },
      'transform: expected at most 100 transforms in a chain, got more.',
    ],
    [
      'a padding of nothing',
      { name: 'RandomCrop', size: 32, padding: null },
      'RandomCrop: padding must be one, two or four integers, 0 or more, got null.',
    ],
    [
      'a padding that says how long it is',
      { name: 'RandomCrop', size: 32, padding: { length: 1 } },
      'RandomCrop: padding must be one, two or four integers, 0 or more, got {"length":1}.',
    ],
    [
      'a level that is none',
      { name: 'RandomCrop', size: 32, fill: 'x' },
      'RandomCrop: fill must be an integer, 0 to 255, got "x".',
    ],
    [
      'a range of nothing',
      { name: 'RandomResizedCrop', size: 32, scale: null },
      'RandomResizedCrop: scale must be [from, to], between 5e-324 and 1, got null.',
    ],
    [
      'a range of texts',
      { name: 'RandomResizedCrop', size: 32, ratio: ['1', '2'] },
      'RandomResizedCrop: ratio must be [from, to], 5e-324 or more, got ["1","2"].',
    ],
    [
      'an amount that is an object',
      { name: 'ColorJitter', hue: {} },
      'ColorJitter: hue must be [from, to], between -0.5 and 0.5, got {}.',
    ],
    [
      'a probability that is text',
      { name: 'RandomHorizontalFlip', p: '0.5' },
      "RandomHorizontalFlip: expected p as a number, got '0.5'.",
    ],
    ['chains in chains', nested(90), 'transform: expected chains at most 8 deep, got more.'],
  ];
  test.each(rows)('%s', async (_, json, message) => {
    expect(await faultOf(() => transformFromJSON(json))).toBe(`ArgumentError: ${message}`);
  });

  test('what a chain makes in all, the chains in it included', async () => {
    const large = { name: 'Resize', size: [4096, 4096], interpolation: 'nearest' };
    const chain = (n: number): TransformJSON => ({ name: 'Compose', transforms: Array(n).fill(large) });
    const inner = transformFromJSON({ name: 'Compose', transforms: Array(40).fill(chain(1)) });
    for (const transform of [transformFromJSON(chain(5)), inner])
      expect(await faultOf(() => transform.apply(picture(2, 2), new Generator(0)))).toBe(
        "ArgumentError: Compose: its transforms make too many images of 4096 x 4096. Put Resize or a crop to the network's size first.",
      );
    expect(transformFromJSON(chain(4)).apply(picture(2, 2), new Generator(0))).toMatchObject({ width: 4096 });
  });

  test('chains as deep as anybody makes them', () => {
    expect(transformFromJSON(nested(8)).toJSON()).toEqual(nested(8));
  });

  test('by the image that comes; what a crop leaves of a long one is no problem', async () => {
    const strip = picture(4, 6000);
    expect(await faultOf(() => new Resize(1024).apply(strip))).toBe(
      `ArgumentError: Resize: makes an image of 1536000 x 1024; ${pixels}`,
    );
    const tall = await faultOf(() => new Resize([2, 10_000]).apply(picture(1, 5000)));
    expect(tall).toBe(`ArgumentError: Resize: makes an image of 5000 x 10000; ${pixels}`);
    const image = new Compose([new Resize(1024), new CenterCrop(224)]).apply(strip) as RgbImage;
    expect([image.width, image.height]).toEqual([224, 224]);
  });
});

describe('errors', () => {
  const floats = new ToTensor().apply(picture(2, 2));
  const none = new Generator(0);
  class Blur extends Transform {
    readonly name = 'Blur';
    apply(image: RgbImage): RgbImage {
      return image;
    }
    options() {
      return {};
    }
  }
  const rows: [work: () => unknown, message: string][] = [
    [() => new Resize(0), 'Resize: size must be an integer from 1 to 65535 or [height, width] of them, got 0.'],
    [
      () => new CenterCrop([3, 1.5]),
      'CenterCrop: size must be an integer from 1 to 65535 or [height, width] of them, got [3,1.5].',
    ],
    [
      () => new Resize(8, { interpolation: 'box' as never }),
      "Resize: interpolation must be nearest, bilinear, bicubic, got 'box'.",
    ],
    [
      () => new RandomCrop(8, { padding: [1, 2, 3] }),
      'RandomCrop: padding must be one, two or four integers, 0 or more, got [1,2,3].',
    ],
    [
      () => new RandomCrop(8).apply(picture(5, 9), none),
      'RandomCrop: expected an image of at least 8 x 8, got 9 x 5. Pass { padIfNeeded: true } or put Resize before it.',
    ],
    [
      () => new RandomResizedCrop(8, { scale: [0.5, 2] }),
      'RandomResizedCrop: scale must be [from, to], between 5e-324 and 1, got [0.5,2].',
    ],
    [() => new RandomHorizontalFlip(2), 'RandomHorizontalFlip: p must be between 0 and 1, got 2.'],
    [() => new ColorJitter({ brightness: -1 }), 'ColorJitter: brightness must be 0 or more, got -1.'],
    [() => new ColorJitter({ hue: 0.7 }), 'ColorJitter: hue must be [from, to], between -0.5 and 0.5, got [-0.7,0.7].'],
    [() => new ColorJitter({ contrast: [2, 1] }), 'ColorJitter: contrast must be [from, to], 0 or more, got [2,1].'],
    [
      () => new Normalize([0, 0], [1, 1]),
      'Normalize: expected three means and three deviations above 0, got [0,0] and [1,1].',
    ],
    [
      () => new Normalize([0, 0, 0], [1, 1, 0]),
      'Normalize: expected three means and three deviations above 0, got [0,0,0] and [1,1,0].',
    ],
    [
      () => new Normalize([0, 0, 0], [1, 1, 1]).apply(picture(2, 2)),
      'Normalize: expected floats, got an 8-bit image. Put ToTensor before it.',
    ],
    [
      () => new Resize(4).apply(floats),
      'Resize: expected an 8-bit image, got floats [3, 2, 2]. Put Resize before ToTensor.',
    ],
    [
      () => transformFromJSON({ name: 'constructor' }),
      'transform: expected one of Compose, Resize, CenterCrop, RandomCrop, RandomResizedCrop, RandomHorizontalFlip, RandAugment, TrivialAugmentWide, ColorJitter, ToTensor, Normalize, got "constructor".',
    ],
    [
      () => transformFromJSON(new Blur().toJSON()),
      'transform: expected one of Compose, Resize, CenterCrop, RandomCrop, RandomResizedCrop, RandomHorizontalFlip, RandAugment, TrivialAugmentWide, ColorJitter, ToTensor, Normalize, got "Blur".',
    ],
    [
      () => transformFromJSON({ name: 'Resize', size: '9' as unknown as Size }),
      'Resize: size must be an integer from 1 to 65535 or [height, width] of them, got "9".',
    ],
    [() => transformFromJSON({ name: 'Compose', transforms: 3 }), 'Compose: transforms must be a list.'],
  ];
  test.each(rows.map(([work, message]) => [message, work] as const))('%s', async (message, work) => {
    expect(await faultOf(work)).toBe(`ArgumentError: ${message}`);
  });
});
