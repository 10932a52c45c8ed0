/** Loading beside training: the photos, and that each of the three is measured and reported. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type InputMeasurement, type InputWorkload, isInput, measureInput } from '../../bench/input.ts';
import { writePhotos } from '../../bench/photos.ts';
import { inputTable } from '../../bench/table.ts';
import { allWorkloads } from '../../bench/workloads.ts';
import { decodeImage, ImageFolder } from '../../src/data/index.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init, manualSeed, type Tensor } from '../../src/index.ts';
import { Conv2d, Linear, Module } from '../../src/nn/index.ts';
import { GradScaler, SGD } from '../../src/optim/index.ts';
import { temporaryFolder } from '../data/photos.ts';

beforeAll(async () => {
  await init();
});

class TinyNet extends Module {
  conv = new Conv2d(3, 4, 3, { stride: 2 });
  fc = new Linear(4, 2);

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.conv.forward(x).relu().mean([2, 3]));
  }
}

/** A network that trains in no time on images of 16 x 16. */
const tiny: InputWorkload = {
  name: 'tiny',
  size: 16,
  batch: 2,
  training: async () => {
    manualSeed(1);
    const model = new TinyNet();
    const trainable = model.parameters();
    const optimizer = new SGD(trainable, { lr: 0.01 });
    const scaler = new GradScaler({ enabled: false });
    return { model, trainable, optimizer, scaler, end: () => trainable.forEach((p) => void p.dispose()) };
  },
};

const few = { files: 4, budget: 1 };

describe('measureInput', () => {
  test('gives images a second of the loader, of the step, of both, and the share', async () => {
    const m = await measureInput(currentDevice(), tiny, few);
    expect(m).toMatchObject({ workload: 'tiny', adapter: currentDevice().info.description });
    for (const rate of [m.loader_images_per_s, m.step_images_per_s, m.both_images_per_s])
      expect(rate).toBeGreaterThan(0);
    expect(m.loader_cpu_ms).toBeGreaterThan(0);
    const slower = Math.min(m.loader_images_per_s, m.step_images_per_s!);
    expect(m.share_of_slower).toBeCloseTo(m.both_images_per_s! / slower, 1);
    expect(m.loader_threads).toBeGreaterThanOrEqual(0);
  });

  test('the loader alone trains nothing', async () => {
    const { training: _, ...alone } = tiny;
    const m = await measureInput(currentDevice(), alone, few);
    expect(m.loader_images_per_s).toBeGreaterThan(0);
    expect(m).toMatchObject({ step_images_per_s: null, both_images_per_s: null, share_of_slower: null });
  });

  test('leaves the memory of the device as it was', async () => {
    const device = currentDevice();
    const before = device.counters.bytesInUse;
    await measureInput(device, tiny, few);
    expect(device.counters.bytesInUse).toBeLessThanOrEqual(before + 4096);
  });
});

describe('photos', () => {
  test("are the same each time, each another picture, and of a photo's size", async () => {
    const folders = [temporaryFolder(), temporaryFolder()] as const;
    for (const folder of folders) await writePhotos(folder, 3);
    const files = new ImageFolder(folders[0]).samples.map(({ path }) => path);
    expect(files.map((path) => path.slice(folders[0].length))).toEqual(['/ants/0.jpg', '/ants/2.jpg', '/bees/1.jpg']);
    const bytes = await Promise.all(files.map((path) => readFile(path)));
    expect(bytes[0]!.equals(bytes[1]!)).toBe(false);
    expect(bytes[0]!.equals(await readFile(join(folders[1], 'ants/0.jpg')))).toBe(true);
    for (const { length } of bytes) expect(length).toBeGreaterThan(40_000);
    expect(await decodeImage(files[0]!)).toMatchObject({ width: 500, height: 375 });
  });
});

describe('table', () => {
  const m: InputMeasurement = {
    workload: 'loader+net b8',
    loader_images_per_s: 123.4,
    loader_cpu_ms: 12.3,
    step_images_per_s: 12.34,
    both_images_per_s: 11.9,
    share_of_slower: 0.964,
    loader_threads: 6,
    adapter: '',
  };

  test('is aligned; what was not measured stays empty', () => {
    const alone = {
      ...m,
      workload: 'loader b8',
      step_images_per_s: null,
      both_images_per_s: null,
      share_of_slower: null,
    };
    expect([inputTable.heading(13), inputTable.row(13, m), inputTable.row(13, alone)]).toEqual([
      'workload       loader images/s  CPU ms/image  step images/s  both images/s  of the slower  threads  other CPU',
      'loader+net b8              123          12.3           12.3           11.9           96 %        6           ',
      'loader b8                  123          12.3                                                     6           ',
    ]);
  });

  test('only what loads is an input workload', () => {
    const names = allWorkloads()
      .filter(isInput)
      .map(({ name }) => name);
    expect(names).toEqual([
      'loader_224 b8',
      'loader_224 b32',
      'loader+resnet50_finetune_64 b32',
      'loader+resnet50_finetune_224 b8',
    ]);
  });
});
