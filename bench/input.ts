/**
 * Whether loading keeps up with training: images a second of the loader alone (decoding, augmentation, collation), of the training step
 * alone on a batch that stays on the device, and of both as `fit` runs them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeLoaders, DataLoader, type ImageDataset, ImageFolder, trainingTransforms } from '../src/data/index.ts';
import type { Device } from '../src/device/device.ts';
import { step, type Tensor, tensor } from '../src/index.ts';
import { fit } from '../src/runs/index.ts';
import { otherLoad, readLoad } from './load.ts';
import { round } from './measure.ts';
import { resnet50Training, type Training, trainOn } from './networks.ts';
import { writePhotos } from './photos.ts';
import { uniformTensor } from './values.ts';

export interface InputWorkload {
  readonly name: string;
  /** Height and width of what the network reads. */
  readonly size: number;
  readonly batch: number;
  /** What trains on the images. Absent: the loader is timed alone. */
  readonly training?: () => Promise<Training>;
}

/** A line of the bench's output. */
export interface InputMeasurement {
  readonly workload: string;
  readonly loader_images_per_s: number;
  /** CPU time of one image, all threads together: what loading takes from a software adapter. Disturbed least by other programs. */
  readonly loader_cpu_ms: number;
  /** Null where nothing trains. */
  readonly step_images_per_s: number | null;
  readonly both_images_per_s: number | null;
  /** `both` as a share of the slower of the two: 1 where loading is hidden behind the step, or the step behind loading. */
  readonly share_of_slower: number | null;
  /** Threads that load, beside the main one. */
  readonly loader_threads: number;
  readonly adapter: string;
  /** CPU cores kept busy by other processes meanwhile (Linux): well above 0 marks a disturbed figure. */
  readonly other_cpu?: number;
}

export interface InputOptions {
  /** Files that are written; a longer epoch shows them again. */
  readonly files?: number;
  /** Time for each of the three, in milliseconds; a slow step is given what it needs. */
  readonly budget?: number;
}

export const isInput = (workload: { readonly name: string }): workload is InputWorkload => 'size' in workload;

export function inputWorkloads(): InputWorkload[] {
  const finetuning = async () => {
    const training = await resnet50Training('layer4');
    // Once a network knows its few photos by heart, gradients are denormal numbers, which take a processor three times as long.
    for (const group of training.optimizer.paramGroups) group.lr = 0;
    return training;
  };
  return [
    ...[8, 32].map((batch) => ({ name: `loader_224 b${batch}`, size: 224, batch })),
    { name: 'loader+resnet50_finetune_64 b32', size: 64, batch: 32, training: finetuning },
    { name: 'loader+resnet50_finetune_224 b8', size: 224, batch: 8, training: finetuning },
  ];
}

/** Writes photos into a temporary folder and goes through them. */
export async function measureInput(
  device: Device,
  workload: InputWorkload,
  { files = 96, budget = 6_000 }: InputOptions = {},
): Promise<InputMeasurement> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-bench-'));
  try {
    await writePhotos(folder, files);
    const photos = new ImageFolder(folder, { transform: trainingTransforms({ crop: workload.size }) });
    return await measureOn(device, workload, photos, budget);
  } finally {
    await closeLoaders();
    await rm(folder, { recursive: true });
  }
}

async function measureOn(
  device: Device,
  { name, size, batch, training: prepare }: InputWorkload,
  photos: ImageDataset,
  budget: number,
): Promise<InputMeasurement> {
  const load = readLoad();
  const loader = await loading(photos, batch, budget);
  let rates: { alone: number; both: number } | null = null;
  if (prepare) {
    const training = await prepare();
    try {
      const alone = await stepRate(training, [batch, 3, size, size], budget);
      rates = { alone, both: await fitRate(training, photos, batch, budget, Math.min(loader.rate, alone)) };
    } finally {
      await device.whenIdle();
      training.end();
      device.pool.trim();
    }
  }
  const others = otherLoad(load, readLoad());
  return {
    workload: name,
    loader_images_per_s: round(loader.rate, 2),
    loader_cpu_ms: round(loader.cpuMs, 2),
    step_images_per_s: rates && round(rates.alone, 2),
    both_images_per_s: rates && round(rates.both, 2),
    share_of_slower: rates && round(rates.both / Math.min(loader.rate, rates.alone)),
    loader_threads: loaderOf(photos, batch, 1).workers,
    adapter: device.info.description,
    ...(others !== undefined && { other_cpu: others }),
  };
}

/** As many batches as the time allows at `rate` images a second, from a few to many. */
const batchesWithin = (budget: number, rate: number, batch: number): number =>
  Math.max(6, Math.min(128, Math.ceil((budget / 1000) * (rate / batch))));

/** A loader as `fit` makes it, for an epoch of `batches`. */
function loaderOf(photos: ImageDataset, batch: number, batches: number): DataLoader {
  const indices = Array.from({ length: batches * batch }, (_, k) => k % photos.length);
  return new DataLoader(photos.subset(indices), { batchSize: batch, shuffle: true });
}

/** An epoch without a device, after one of two batches: images a second, and CPU milliseconds an image. */
async function loading(photos: ImageDataset, batch: number, budget: number): Promise<{ rate: number; cpuMs: number }> {
  const epoch = async (batches: number) => {
    const images = batches * batch;
    const [began, cpuBefore] = [performance.now(), process.cpuUsage()];
    for await (const _ of loaderOf(photos, batch, batches).hostBatches());
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { rate: images / seconds, cpuMs: (user + system) / 1000 / images };
  };
  return epoch(batchesWithin(budget, (await epoch(2)).rate, batch));
}

/** Images a second of the step on one batch again and again; each loss is read while the next step runs, as in `fit`. */
async function stepRate(training: Training, shape: readonly number[], budget: number): Promise<number> {
  const [batch] = shape as [number];
  const images = uniformTensor(shape, 5);
  const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % 2));
  const run = async (steps: number) => {
    const began = performance.now();
    let before: Tensor | null = null;
    for (let k = 0; k <= steps; k++) {
      const loss = k < steps ? step(() => trainOn(training, images, labels)) : null;
      await before?.item();
      before?.dispose();
      before = loss;
    }
    return (1000 * steps * batch) / (performance.now() - began);
  };
  try {
    // The first compiles, the second moves the images to the device for good.
    await run(2);
    return await run(batchesWithin(budget, await run(1), batch));
  } finally {
    for (const t of [images, labels]) t.dispose();
  }
}

/** Images a second of an epoch of `fit`, after one of two batches. */
async function fitRate(
  { model, optimizer }: Training,
  photos: ImageDataset,
  batch: number,
  budget: number,
  expected: number,
): Promise<number> {
  const epoch = async (batches: number) => {
    const train = loaderOf(photos, batch, batches);
    const { history } = await fit(model, { train, optimizer, epochs: 1, cache: false });
    return history[0]!.imagesPerSecond;
  };
  await epoch(2);
  return epoch(batchesWithin(budget, expected, batch));
}
