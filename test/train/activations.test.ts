/** The trunk cache's file: what a disk does to those who write to it, and what is said about the cache. */
import { type FileHandle, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DataLoader } from '../../src/data/data-loader.ts';
import { init } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions } from '../../src/train/fit-options.ts';
import type { Progress } from '../../src/train/progress.ts';
import { DiskStore } from '../../src/train/trunk/activations-node.ts';
import { augmented, images, made, Plain, Skipped } from './nets.ts';

/** Stands between the store and its file. */
const disk = vi.hoisted(() => ({ atOnce: Number.POSITIVE_INFINITY, room: Number.POSITIVE_INFINITY, readable: true }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open = async (...args: Parameters<typeof real.open>): Promise<FileHandle> => {
    const file = await real.open(...args);
    return new Proxy(file, {
      get(_, name) {
        if (name === 'write')
          return (bytes: Uint8Array, at: number, length: number, position: number) => {
            const count = Math.min(length, disk.atOnce, disk.room);
            disk.room -= count;
            if (count === 0) throw Object.assign(new Error('ENOSPC: no space left, write'), { code: 'ENOSPC' });
            return file.write(bytes, at, count, position);
          };
        if (name === 'read')
          return (bytes: Uint8Array, at: number, length: number, position: number) =>
            file.read(bytes, at, disk.readable ? Math.min(length, disk.atOnce) : 0, position);
        const value = file[name as keyof FileHandle];
        return typeof value === 'function' ? value.bind(file) : value;
      },
    });
  };
  return { ...real, open };
});

let folder: string;
beforeAll(async () => {
  await init();
  folder = await mkdtemp(join(tmpdir(), 'regraft-test-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() =>
  Object.assign(disk, { atOnce: Number.POSITIVE_INFINITY, room: Number.POSITIVE_INFINITY, readable: true }),
);

/** Three epochs of ten images in batches of four: the losses, what came from the cache, and what was said. */
async function run(options: Partial<FitOptions> = {}, model: Module = made(() => new Skipped(), 'conv*')) {
  const notes: string[] = [];
  const progress: Progress = { start() {}, update() {}, end() {}, note: (text) => notes.push(text) };
  const { history, stepLosses } = await fit(model, {
    train: images(10),
    epochs: 3,
    batchSize: 4,
    progress,
    ...options,
  });
  return { stepLosses, cached: history.map((record) => record.cached), notes };
}

const onDisk = (): Partial<FitOptions> => ({ cache: { memoryBytes: 0, folder } });

describe('on disk', () => {
  test('a disk that takes and gives seven bytes at once', async () => {
    const plain = await run();
    disk.atOnce = 7;
    const slowly = await run(onDisk());
    expect(slowly.stepLosses).toEqual(plain.stepLosses);
    expect(slowly.cached).toEqual([false, true, true]);
    expect(slowly.notes).toEqual([
      `The part of the network that stays as it is has run once, and its results are kept: 10 training images (10.4\u00a0kB in ${folder}). From now on only the layers after it run.`,
    ]);
  });

  test('a disk that is full in the middle of the first epoch', async () => {
    disk.room = 5000;
    const { stepLosses, cached, notes } = await run({ ...onDisk(), validation: images(5, 9) });
    const without = await run({ cache: false, validation: images(5, 9) });
    expect(stepLosses).toEqual(without.stepLosses);
    expect(cached).toEqual([false, false, false]);
    const told = (bytes: string) =>
      `Every epoch runs the whole network: ${bytes} of results cannot be kept in ${folder}: the disk is full. The numbers are the same.`;
    expect(notes).toEqual([told('10.4\u00a0kB'), told('5.2\u00a0kB')]);
  });

  test('a folder that cannot be there', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { cached, notes } = await run({ cache: { memoryBytes: 0, folder: join(file, 'folder') } });
    await rm(file);
    expect(cached).toEqual([false, false, false]);
    expect(notes).toEqual([
      `Every epoch runs the whole network: 10.4\u00a0kB of results cannot be kept in ${join(file, 'folder')}: a part of its path is a file, not a folder. The numbers are the same.`,
    ]);
  });

  test('entries that are written at once do not meet', async () => {
    const store = new DiskStore(folder);
    const entry = (i: number) => new Uint8Array(100 + i).fill(i);
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.write(`${i}`, entry(i))));
    for (let i = 0; i < 20; i++) expect(await store.read(`${i}`)).toEqual(entry(i));
    await store.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('a file that was cut short is an error', async () => {
    const onEpoch = () => {
      disk.readable = false;
    };
    await expect(run({ ...onDisk(), onEpoch })).rejects.toThrow(
      `trunk cache: expected 1040 bytes of an image's activations, got 0: its file in ${folder} was cut short. Run again, or with { cache: false } (--no-cache).`,
    );
  });

  test.skipIf(process.platform === 'win32')('the file has no name, so that nothing can leave it behind', async () => {
    const seen: string[][] = [];
    const onEpoch = async () => void seen.push(await readdir(folder));
    await run({ ...onDisk(), onEpoch });
    expect(seen).toEqual([[], [], []]);
  });
});

describe('is said once', () => {
  test('what is cached, of training and validation', async () => {
    const { notes } = await run({ validation: images(5, 9) });
    expect(notes).toEqual([
      'The part of the network that stays as it is has run once, and its results are kept: 10 training images (10.4\u00a0kB in memory), 5 validation images (5.2\u00a0kB in memory). From now on only the layers after it run.',
    ]);
  });

  test('that training images are new in every epoch', async () => {
    const train = new DataLoader(augmented(images(10)), { batchSize: 4 });
    const { notes } = await run({ train, validation: images(5, 9) });
    expect(notes).toEqual([
      'The part of the network that stays as it is has run once, and its results are kept: 5 validation images (5.2\u00a0kB in memory). From now on only the layers after it run. Training images are new views in every epoch.',
    ]);
  });

  test('that nothing frozen comes first', async () => {
    const { notes } = await run(
      {},
      made(() => new Skipped(), 'conv2'),
    );
    expect(notes).toEqual([
      'Every epoch runs the whole network: nothing that stays as it is comes before the layers that are trained.',
    ]);
  });

  test('that the data set cannot name its images', async () => {
    const data = images(10);
    const { notes } = await run({ train: { length: data.length, get: data.get.bind(data) } });
    expect(notes).toEqual([
      'Every epoch runs the whole network: the data set has no methods key(index) and label(index).',
    ]);
  });

  test('and nothing where nothing is frozen, no cache is wanted, or no epoch follows', async () => {
    expect(
      (
        await run(
          {},
          made(() => new Plain()),
        )
      ).notes,
    ).toEqual([]);
    expect((await run({ cache: false })).notes).toEqual([]);
    expect((await run({ epochs: 1 })).notes).toEqual([]);
  });
});

test('keys are asked for a few at once, however many images there are', async () => {
  const data = images(1500);
  let now = 0;
  let most = 0;
  const key = async (index: number): Promise<string> => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve));
    now--;
    return data.key(index);
  };
  const train = { length: data.length, label: data.label.bind(data), get: data.get.bind(data), key };
  const { cached } = await run(
    { train, batchSize: 500, epochs: 2 },
    made(() => new Plain(), 'conv'),
  );
  expect(cached).toEqual([false, true]);
  expect(most).toBeLessThanOrEqual(4);
});
