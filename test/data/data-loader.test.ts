/** The loader: order, seeds, threads, bad images, resuming, keys, collation. */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { DataError } from '../../src/core/errors.ts';
import type { Generator } from '../../src/core/random.ts';
import {
  ArrayDataset,
  closeLoaders,
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  type HostBatch,
  ImageFolder,
  type LabelledImage,
  RandomHorizontalFlip,
  type RgbImage,
  stack,
  Transform,
  trainingTransforms,
} from '../../src/data/index.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import { faultOf, photoFolder, twoClasses } from './photos.ts';

afterAll(closeLoaders);

/** `n` images [1, 1, 2] that hold their own index. */
const numbers = (n: number) =>
  new ArrayDataset(
    Float32Array.from({ length: 2 * n }, (_, i) => i >> 1),
    [n, 1, 1, 2],
    Array.from({ length: n }, (_, i) => i % 2),
  );

async function all(loader: DataLoader<unknown>): Promise<HostBatch[]> {
  const batches: HostBatch[] = [];
  for await (const batch of loader.hostBatches()) batches.push(batch);
  return batches;
}

const indices = (batches: readonly HostBatch[]) => batches.map((b) => b.indices);

test('a batch that no buffer holds is told by its first images, before the others are loaded', async () => {
  await init();
  const { maxBufferBytes } = currentDevice();
  const side = 4096;
  let loaded = 0;
  const image = new Float32Array(side * side);
  const large: Dataset = {
    length: 5000,
    classes: ['a'],
    get: async (index) => {
      loaded++;
      return { image, shape: [1, side, side], label: 0, index, path: `${index}` };
    },
  };
  const loader = new DataLoader(large, { batchSize: 1000 });
  const bytes = 1000 * image.byteLength;
  expect(await faultOf(() => all(loader))).toBe(
    `DeviceError: DataLoader: needs a ${bytes.toLocaleString('en-US')}-byte buffer; this adapter allows ` +
      `${maxBufferBytes.toLocaleString('en-US')}. Reduce the batch size to ${Math.floor(maxBufferBytes / image.byteLength)} or less.`,
  );
  expect(loaded).toBeLessThan(20);
});

describe('batches', () => {
  test('in order, the last one smaller', async () => {
    const loader = new DataLoader(numbers(5), { batchSize: 2 });
    const batches = await all(loader);
    expect(loader.length).toBe(3);
    expect(indices(batches)).toEqual([[0, 1], [2, 3], [4]]);
    expect(batches[1]).toEqual({
      inputs: { images: { data: Float32Array.of(2, 2, 3, 3), shape: [2, 1, 1, 2] } },
      targets: { labels: { data: Int32Array.of(0, 1), shape: [2] } },
      indices: [2, 3],
      paths: ['array[2]', 'array[3]'],
    });
  });

  test('dropLast leaves the smaller one out', async () => {
    const loader = new DataLoader(numbers(5), { batchSize: 2, dropLast: true });
    expect(loader.length).toBe(2);
    expect(indices(await all(loader))).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('shuffled: every sample once, another order each epoch, the same for the same seed', async () => {
    const make = (seed: number) => new DataLoader(numbers(20), { batchSize: 7, shuffle: true, seed });
    const loader = make(1);
    const first = indices(await all(loader));
    const second = indices(await all(loader));
    expect(loader.epoch).toBe(2);
    expect(first.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(second).not.toEqual(first);
    expect(indices(await all(make(1)))).toEqual(first);
    expect(indices(await all(make(2)))).not.toEqual(first);
    expect(loader.batches(1)).toEqual(second);
    loader.setEpoch(0);
    expect(indices(await all(loader))).toEqual(first);
  });

  test('tensors: float32 images [N, C, H, W] and int32 labels [N]', async () => {
    for await (const { images, labels, indices, paths } of new DataLoader(numbers(3), { batchSize: 3 })) {
      expect([images.shape, images.dtype, labels.shape, labels.dtype]).toEqual([[3, 1, 1, 2], 'float32', [3], 'int32']);
      expect([indices, paths]).toEqual([
        [0, 1, 2],
        ['array[0]', 'array[1]', 'array[2]'],
      ]);
    }
  });

  test('collate of your own', async () => {
    const loader = new DataLoader(numbers(3), {
      batchSize: 2,
      collate: (samples: readonly LabelledImage[]) => samples.map((s) => s.image[0]),
    });
    const got: (number | undefined)[][] = [];
    for await (const batch of loader) got.push(batch);
    expect(got).toEqual([[0, 1], [2]]);
  });

  test('prefetch loads so many batches ahead and no more', async () => {
    let asked = 0;
    const dataset: Dataset = {
      length: 12,
      get: (i) =>
        numbers(12)
          .get(i)
          .finally(() => asked++),
    };
    const loader = new DataLoader(dataset, { batchSize: 2, prefetch: 2, collate: (s: readonly LabelledImage[]) => s });
    const seen: number[] = [];
    for await (const _ of loader) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      seen.push(asked);
    }
    expect(seen).toEqual([6, 8, 10, 12, 12, 12]);
  });
});

describe('resuming', () => {
  test('from the middle of an epoch, on another loader', async () => {
    const make = () => new DataLoader(numbers(9), { batchSize: 2, shuffle: true, seed: 4 });
    const whole = make();
    const expected = [...(await all(whole)), ...(await all(whole))];
    const loader = make();
    let state = loader.state;
    let n = 0;
    for await (const _ of loader.hostBatches()) if (++n === 3) state = loader.state;
    expect(state).toEqual({ seed: 4, epoch: 0, batch: 3 });
    const resumed = make();
    resumed.loadState(JSON.parse(JSON.stringify(state)));
    expect(indices([...(await all(resumed)), ...(await all(resumed))])).toEqual(indices(expected.slice(3)));
  });

  test('a state after the last batch is the next epoch; a break ends the epoch', async () => {
    const loader = new DataLoader(numbers(4), { batchSize: 2 });
    let last = loader.state;
    for await (const _ of loader.hostBatches()) last = loader.state;
    expect(last).toEqual({ seed: 0, epoch: 1, batch: 0 });
    for await (const _ of loader.hostBatches()) break;
    expect(loader.state).toEqual({ seed: 0, epoch: 2, batch: 0 });
  });
});

describe('images from files', async () => {
  const root = await twoClasses(4);
  const transform = trainingTransforms({ crop: 16, jitter: { brightness: 0.2, hue: 0.1 } });
  const folder = new ImageFolder(root, { transform });
  const load = async (options: DataLoaderOptions<unknown>) =>
    all(new DataLoader(folder, { batchSize: 3, shuffle: true, seed: 9, ...options }));

  test('neither prefetching nor threads change a float', async () => {
    const expected = await load({ prefetch: 0, workers: 0 });
    expect(expected[0]!.inputs.images!.shape).toEqual([3, 3, 16, 16]);
    expect(await load({ prefetch: 5, workers: 0 })).toEqual(expected);
    expect(await load({ workers: 2 })).toEqual(expected);
    expect(await load({ seed: 10, workers: 0 })).not.toEqual(expected);
  });

  test('views: epochs repeat after so many', async () => {
    const loader = new DataLoader(folder, { batchSize: 8, views: 2, workers: 0 });
    const [a, b, c] = [await all(loader), await all(loader), await all(loader)];
    expect(b).not.toEqual(a);
    expect(c).toEqual(a);
  });

  test('keys: equal where the floats are', async () => {
    const loader = new DataLoader(folder, { seed: 1 });
    const key = await loader.sampleKey(2);
    expect(key).toMatch(/^[0-9a-f]{64} [0-9a-f]{64} 1 0 2$/);
    expect(await new DataLoader(new ImageFolder(root, { transform }), { seed: 1 }).sampleKey(2)).toBe(key);
    expect(await loader.sampleKey(3)).not.toBe(key);
    expect(await loader.sampleKey(2, loader.viewOf(1))).not.toBe(key);
    expect(await new DataLoader(folder, { seed: 2 }).sampleKey(2)).not.toBe(key);
    const still = new DataLoader(folder.withTransform({ crop: 20 }), { seed: 1 });
    expect(await still.sampleKey(2, still.viewOf(1))).toBe(await still.sampleKey(2));
    expect(await new DataLoader(folder.withTransform({ crop: 21 })).sampleKey(2)).not.toBe(await still.sampleKey(2));
    const arrays = new DataLoader(numbers(3));
    expect(await arrays.sampleKey(0)).not.toBe(await arrays.sampleKey(1));
  });

  test('keys follow the bytes of a file', async () => {
    const before = await photoFolder({ 'a/1.jpg': 1, 'b/1.jpg': 2 });
    const key = await new ImageFolder(before).key(0);
    writeFileSync(new ImageFolder(before).samples[0]!.path, 'other bytes');
    expect(await new ImageFolder(before).key(0)).not.toBe(key);
  });

  test.each([0, 1])('bad images are skipped and listed once, a single get throws (workers %i)', async (workers) => {
    const bad = await photoFolder({
      'ants/0.jpg': 1,
      'ants/1.jpg': '',
      'bees/0.jpg': 2,
      'bees/1.jpg': 'hello',
      'bees/2.jpg': 3,
    });
    const dataset = new ImageFolder(bad, { transform });
    const loader = new DataLoader(dataset, { batchSize: 2, workers });
    expect(indices(await all(loader))).toEqual([[0], [2], [4]]);
    expect(indices(await all(loader))).toEqual([[0], [2], [4]]);
    expect(loader.skipped.toSorted((a, b) => a.index - b.index)).toEqual([
      { index: 1, path: dataset.samples[1]!.path, reason: 'is empty (0 bytes). Remove it or replace it.' },
      {
        index: 3,
        path: dataset.samples[3]!.path,
        reason: 'is not an image that can be read: it starts with "hello". Remove it or save it as JPEG or PNG.',
      },
    ]);
    expect(await faultOf(() => dataset.get(1), bad)).toBe(
      'DataError: ROOT/ants/1.jpg: is empty (0 bytes). Remove it or replace it.',
    );
  });

  test('no readable image at all', async () => {
    const bad = await photoFolder({ 'ants/0.jpg': '', 'bees/0.jpg': '' });
    expect(await faultOf(() => all(new DataLoader(new ImageFolder(bad), { batchSize: 2 })), bad)).toBe(
      'DataError: ROOT/ants/0.jpg: is empty (0 bytes). Remove it or replace it. None of the 2 images could be read; this is the first.',
    );
    expect(await faultOf(() => all(new DataLoader(new ImageFolder(bad).subset([1]))), bad)).toBe(
      'DataError: ROOT/bees/0.jpg: is empty (0 bytes). Remove it or replace it.',
    );
  });

  test.each([0, 1])('a fault of the transform ends the epoch: it is no bad image (workers %i)', async (workers) => {
    const wrong = folder.withTransform({ name: 'CenterCrop', size: 8 });
    expect(await faultOf(() => all(new DataLoader(wrong, { batchSize: 2, workers })), root)).toBe(
      'ArgumentError: ROOT/ants/0.jpg: the transform gave an 8-bit image, expected floats. End it with ToTensor (and Normalize).',
    );
  });

  test('a transform of your own runs, with threads too; a subclass keeps its own behaviour', async () => {
    class Red extends Transform {
      readonly name = 'Red';
      apply(image: RgbImage) {
        return { data: Float32Array.of(image.data[0]!, 0), shape: [1, 1, 2] as const };
      }
      options() {
        return {};
      }
    }
    expect(
      (await all(new DataLoader(folder.withTransform(new Red()), { batchSize: 8, workers: 1 })))[0]!.inputs.images!
        .shape,
    ).toEqual([8, 1, 1, 2]);
    let calls = 0;
    class Counted extends RandomHorizontalFlip {
      override apply(image: RgbImage, random: Generator): RgbImage {
        calls++;
        return super.apply(image, random);
      }
    }
    const wrong = folder.withTransform(new Counted());
    await faultOf(() => all(new DataLoader(wrong, { batchSize: 8, workers: 1 })));
    expect(calls).toBeGreaterThan(0);
  });

  test('images of several sizes', async () => {
    const mixed = new ImageFolder(root).withTransform({ name: 'ToTensor' });
    const samples = [await mixed.get(0), await folder.get(1)];
    expect(await faultOf(() => stack(samples), root)).toBe(
      "ArgumentError: ROOT/ants/1.jpg: images of a batch must have one shape, got [3, 16, 16] beside [3, 30, 40] of ROOT/ants/0.jpg. End the transform's geometry with CenterCrop, RandomCrop, RandomResizedCrop or Resize([height, width]).",
    );
  });
});

describe('errors', () => {
  const rows: [work: () => unknown, message: string][] = [
    [
      () => new DataLoader(numbers(3), { batchSize: 0 }),
      'ArgumentError: DataLoader: batchSize must be an integer, 1 or more, got 0.',
    ],
    [
      () => new DataLoader(numbers(3), { views: 0.5 }),
      'ArgumentError: DataLoader: views must be an integer, 1 or more, got 0.5.',
    ],
    [
      () => new DataLoader(numbers(3), { seed: -1 }),
      'ArgumentError: DataLoader: seed: expected a whole number from 0 to 4,294,967,295, got -1.',
    ],
    [() => new DataLoader(numbers(0)), 'DataError: DataLoader: the data set is empty.'],
    [
      () => new DataLoader(numbers(3), { batchSize: 4, dropLast: true }),
      'DataError: DataLoader: no full batch: 3 samples, batchSize 4. Pass { dropLast: false } or a smaller batchSize.',
    ],
    [
      () => new DataLoader(numbers(3)).loadState({ seed: 5, epoch: 0, batch: 0 }),
      'ArgumentError: DataLoader: the state is of seed 5, this loader has seed 0. Pass { seed: 5 }.',
    ],
    [
      () => new DataLoader({ length: 1, get: (i) => numbers(1).get(i) }).sampleKey(0),
      'ArgumentError: DataLoader: sampleKey needs a data set with a method key(index, view).',
    ],
    [
      () => new ArrayDataset(new Float32Array(5), [1, 1, 2, 2], [0]),
      'ArgumentError: ArrayDataset: expected a shape [N, C, H, W] of 5 elements, got [1, 1, 2, 2].',
    ],
    [
      () => new ArrayDataset(new Float32Array(4), [1, 1, 2, 2], [0, 1]),
      'ArgumentError: ArrayDataset: expected 1 labels, one an image, got 2.',
    ],
    [
      () => new ArrayDataset(new Float32Array(4), [1, 1, 2, 2], [2], { classes: ['a', 'b'] }),
      'ArgumentError: ArrayDataset: labels must be 0 to 1, got 2.',
    ],
    [
      () => new ArrayDataset(new Float32Array(4), [1, 1, 2, 2], [2147483647]),
      'ArgumentError: ArrayDataset: expected labels that count classes from 0, got 2147483647. Number the classes, or for regression give the targets as a Float32Array.',
    ],
    [() => numbers(2).get(2), 'DataError: array: has no sample 2: indices go from 0 to 1.'],
  ];
  test.each(rows.map(([work, message]) => [message, work] as const))('%s', async (message, work) => {
    expect(await faultOf(work)).toBe(message);
  });
});

describe('parts', () => {
  test('ArrayDataset: split and subset keep to the same memory', async () => {
    const data = numbers(10);
    const [train, validation] = data.split(0.2, { seed: 1 });
    expect([train.length, validation.length]).toEqual([8, 2]);
    expect(validation.images).toBe(data.images);
    expect(validation.classes).toEqual(['0', '1']);
    const sample = await train.subset([3]).get(0);
    expect(sample.path).toBe(`array[${sample.image[0]}]`);
    expect(train.subset([3]).label(0)).toBe(sample.label);
  });

  test('a sample that cannot be read is known again without a look at all before it', async () => {
    const count = 500;
    const lost: Dataset = {
      length: 2 * count,
      get: (index) => Promise.reject(new DataError(`${index}.jpg`, 'is damaged.')),
    };
    const loader = new DataLoader(lost);
    const range = (from: number) => Array.from({ length: count }, (_, i) => from + i);
    await loader.load(range(0));
    let looks = 0;
    const look = (index: number) => {
      looks++;
      return index;
    };
    for (const sample of loader.skipped) Object.defineProperty(sample, 'index', { get: look.bind(null, sample.index) });
    await loader.load(range(count));
    await loader.load(range(0));
    expect(loader.skipped.length).toBe(2 * count);
    expect(looks).toBe(0);
  });
});
