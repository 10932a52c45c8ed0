/** Batches in a seeded order, loaded ahead while the GPU works. */

import { defaultThreads, SampleThreads } from '#threads';
import { check, whole } from '../core/check.ts';
import { ArgumentError, DataError } from '../core/errors.ts';
import { checkFunction, checkOptions, type OptionNames, shown } from '../core/options.ts';
import { checkSeed } from '../core/random.ts';
import { type Batch, type HostBatch, stack, toTensors } from './collate.ts';
import { gate } from './concurrently.ts';
import { type Dataset, type LabelledImage, type Sample, sampleGenerator, type View } from './dataset.ts';
import { reasonOf } from './images/image-dataset.ts';

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions<T = Batch, S extends Sample = LabelledImage> {
  /** Default 1. */
  batchSize?: number;
  /** A new order each epoch. Default false. */
  shuffle?: boolean;
  /** Of the order and of random transforms. Default 0. */
  seed?: number;
  /** Leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Batches loaded ahead of the one in use. Default 2. */
  prefetch?: number;
  /** How many random versions of an image there are; epoch e shows number e modulo this. Default: a new one each epoch. */
  views?: number;
  /**
   * Puts samples of like lengths into a batch, so that little is filled up: among 50 batches of the epoch's order at a time, which stay in random order. Of
   * data sets that tell lengths, as those of texts do. Default false.
   */
  groupByLength?: boolean;
  /** Threads that decode and transform; 0 leaves transforms to the calling thread. The samples are the same. Default: cores less 2, at most 8; in browsers none. */
  workers?: number;
  /** Makes a batch from samples. Default: {@link stack}, then tensors. */
  collate?(samples: readonly S[]): T | Promise<T>;
}

const OPTIONS: OptionNames<DataLoaderOptions> = {
  batchSize: true,
  shuffle: true,
  seed: true,
  dropLast: true,
  prefetch: true,
  views: true,
  groupByLength: true,
  workers: true,
  collate: true,
};

/** Batches whose samples are put in order of their lengths at a time. */
const GROUPED = 50;

/** Where a loader is: batches of `epoch` handed out so far. Goes into a checkpoint. */
export interface LoaderState {
  readonly seed: number;
  readonly epoch: number;
  readonly batch: number;
}

/** An image that was left out of its batch. */
export interface SkippedSample {
  readonly index: number;
  readonly path: string;
  readonly reason: string;
}

/** Makes a batch of samples of one kind. */
type Stack<S extends Sample> = (samples: readonly S[]) => HostBatch;

const checkInteger = (option: string, value: number, least: number): number =>
  check('DataLoader', option, value, whole(least, `an integer, ${least} or more`));

/** @throws ArgumentError for what has no samples to give: a path, an array. */
function checkDataset(dataset: Dataset<Sample>): void {
  if (typeof dataset?.get === 'function' && typeof dataset.length === 'number') return;
  throw new ArgumentError(
    `DataLoader: expected a data set, got ${shown(dataset)}. Pass new ImageFolder(folder) or new ArrayDataset(…).`,
  );
}

/**
 * Iterating once is one epoch; the next iteration is the next epoch. An unreadable image is left out of its batch and listed in `skipped`.
 * Order and samples depend on the seed, the epoch and the index only: not on threads, timing or prefetching.
 * @example
 * for await (const { images, labels } of new DataLoader(train, { batchSize: 32, shuffle: true, seed: 0 }))
 *   console.log(images.shape, labels.shape); // [N, 3, H, W] and [N]; the last batch may be smaller
 */
export class DataLoader<T = Batch, S extends Sample = LabelledImage> implements AsyncIterable<T> {
  readonly dataset: Dataset<S>;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly dropLast: boolean;
  readonly prefetch: number;
  readonly views: number | undefined;
  readonly groupByLength: boolean;
  readonly workers: number;
  /**
   * A last batch of one sample goes to the batch before it, and a sample that is the only readable one of its batch is left out of the
   * epoch: a batch norm in training cannot tell a spread from one. `fit` turns it on where the model trains one.
   */
  mergeSingle = false;
  /** Told of each sample that is left out of an epoch in that way. */
  onSingle: ((index: number) => void) | undefined;
  /** Images left out so far, each once. */
  readonly skipped: SkippedSample[] = [];
  readonly #skippedIndices = new Set<number>();
  readonly #collate: NonNullable<DataLoaderOptions<T, S>['collate']>;
  readonly #threads: SampleThreads | undefined;
  readonly #gate: ReturnType<typeof gate>;
  #epoch = 0;
  #batch = 0;

  /** @throws ArgumentError for an option out of range; DataError for an empty data set. */
  constructor(dataset: Dataset<S>, options: DataLoaderOptions<T, S> = {}) {
    checkOptions('DataLoader', options, OPTIONS as OptionNames<DataLoaderOptions<T, S>>);
    checkDataset(dataset);
    const { batchSize = 1, shuffle = false, seed = 0, dropLast = false, prefetch = 2, views, collate } = options;
    const { workers = defaultThreads(), groupByLength = false } = options;
    this.dataset = dataset;
    this.batchSize = checkInteger('batchSize', batchSize, 1);
    this.shuffle = shuffle;
    this.seed = checkSeed('DataLoader: seed', seed);
    this.dropLast = dropLast;
    this.prefetch = checkInteger('prefetch', prefetch, 0);
    this.views = views === undefined ? undefined : checkInteger('views', views, 1);
    this.groupByLength = groupByLength;
    this.workers = checkInteger('workers', workers, 0);
    if (collate) checkFunction('DataLoader', 'collate', collate, '(samples) => …');
    this.#collate = collate ?? (async (samples) => (await toTensors((stack as unknown as Stack<S>)(samples))) as T);
    this.#threads = workers > 0 ? threads(workers) : undefined;
    this.#gate = gate(workers > 0 ? 2 * workers : 4);
    if (dataset.length === 0) throw new DataError('DataLoader', 'the data set is empty.');
    if (this.length === 0)
      throw new DataError(
        'DataLoader',
        `no full batch: ${dataset.length} samples, batchSize ${batchSize}. Pass { dropLast: false } or a smaller batchSize.`,
      );
  }

  /** Batches in an epoch. */
  get length(): number {
    const full = this.dataset.length / this.batchSize;
    if (this.dropLast) return Math.floor(full);
    return Math.ceil(full) - (this.mergesLast ? 1 : 0);
  }

  /** The epoch that is being handed out, or comes next. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The next iteration starts this epoch from its first batch. */
  setEpoch(epoch: number): void {
    this.#epoch = checkInteger('epoch', epoch, 0);
    this.#batch = 0;
  }

  get state(): LoaderState {
    const done = this.#batch >= this.length;
    return { seed: this.seed, epoch: this.#epoch + (done ? 1 : 0), batch: done ? 0 : this.#batch };
  }

  /** The next iteration goes on where `state` was read. @throws ArgumentError for another seed's state. */
  loadState({ seed, epoch, batch }: LoaderState): void {
    if (seed !== this.seed)
      throw new ArgumentError(
        `DataLoader: the state is of seed ${seed}, this loader has seed ${this.seed}. Pass { seed: ${seed} }.`,
      );
    this.setEpoch(epoch);
    this.#batch = checkInteger('batch', batch, 0);
  }

  /** The random version that epoch shows. */
  viewOf(epoch: number = this.#epoch): View {
    return { seed: this.seed, view: this.views === undefined ? epoch : epoch % this.views };
  }

  /** Indices of the epoch's batches, in order, without loading anything. */
  batches(epoch: number = this.#epoch): number[][] {
    const order = Array.from({ length: this.dataset.length }, (_, i) => i);
    const random = sampleGenerator(epoch, { seed: this.seed, view: -1 });
    if (this.shuffle) random.shuffle(order);
    const grouped = this.groupByLength && this.dataset.lengthOf ? this.#byLength(order) : order;
    const ends = (b: number) => (b === this.length - 1 && this.mergesLast ? grouped.length : (b + 1) * this.batchSize);
    const batches = Array.from({ length: this.length }, (_, b) => grouped.slice(b * this.batchSize, ends(b)));
    if (!this.shuffle || grouped === order) return batches;
    // The last one may be smaller, or larger, and stays the last.
    const last = batches.pop()!;
    random.shuffle(batches);
    return [...batches, last];
  }

  /** The order with samples of like lengths side by side, the longest first: of the whole epoch, or a part of it at a time where that is random. */
  #byLength(order: readonly number[]): number[] {
    const part = this.shuffle ? GROUPED * this.batchSize : order.length;
    const lengths = order.map((index) => this.dataset.lengthOf!(index));
    const places = order.map((_, at) => at);
    const parts = Array.from({ length: Math.ceil(order.length / part) }, (_, k) =>
      places.slice(k * part, (k + 1) * part).sort((a, b) => lengths[b]! - lengths[a]! || a - b),
    );
    return parts.flat().map((at) => order[at]!);
  }

  /** Whether the last batch would be of one sample, and is not to be. */
  get mergesLast(): boolean {
    const { length } = this.dataset;
    return this.mergeSingle && !this.dropLast && this.batchSize > 1 && length > 1 && length % this.batchSize === 1;
  }

  /** Whether what could be read of a batch is one sample, and that is not to be trained on by itself. */
  leavesOut(readable: readonly number[]): boolean {
    if (!this.mergeSingle || this.batchSize === 1 || this.dataset.length === 1 || readable.length !== 1) return false;
    this.onSingle?.(readable[0]!);
    return true;
  }

  /**
   * Loads these samples, in order, without the unreadable ones (see `skipped`).
   * @throws DeviceError where they are more than one buffer of the open adapter holds, told by the first of them.
   */
  load(indices: readonly number[], view: View = this.viewOf()): Promise<S[]> {
    return this.#load(indices, view, new AbortController());
  }

  /** As {@link load}; a batch that is too large ends all that share `abort`. */
  async #load(indices: readonly number[], view: View, abort: AbortController): Promise<S[]> {
    // Loaded here, as collate.ts does.
    const [{ openDevice }, { smallerBatch }] = await Promise.all([
      import('../device/current.ts'),
      import('../device/buffer-pool.ts'),
    ]);
    const device = openDevice();
    const load = (index: number) =>
      this.#gate(async () => {
        abort.signal.throwIfAborted();
        const sample = await this.dataset.get(index, view, this.#threads);
        try {
          const bytes = indices.length * bytesOf(sample);
          device?.checkBuffer('DataLoader', bytes, smallerBatch(indices.length, bytes, device.maxBufferBytes));
        } catch (error) {
          abort.abort(error);
          throw error;
        }
        return sample;
      });
    const samples: S[] = [];
    // All are awaited and then seen in order, so that what is reported does not depend on which came first.
    (await Promise.allSettled(indices.map(load))).forEach((outcome, i) => {
      if (outcome.status === 'fulfilled') samples.push(outcome.value);
      else this.#skip(indices[i]!, outcome.reason);
    });
    return samples;
  }

  /** @throws `error`, where it is no DataError. */
  #skip(index: number, error: unknown): void {
    const path = error instanceof DataError ? error.path : '';
    const reason = reasonOf(error, path);
    if (this.#skippedIndices.has(index)) return;
    this.#skippedIndices.add(index);
    this.skipped.push({ index, path, reason });
  }

  /**
   * Text that is equal where the sample's floats are, now or in another run: for caches on disk.
   * @throws ArgumentError where the data set gives no keys.
   */
  sampleKey(index: number, view: View = this.viewOf()): Promise<string> {
    if (this.dataset.key) return this.dataset.key(index, view);
    throw new ArgumentError('DataLoader: sampleKey needs a data set with a method key(index, view).');
  }

  /** The rest of the epoch's batches in host memory, without a device; by default of images. Counts as iterating. */
  hostBatches(collate?: (samples: readonly S[]) => HostBatch): AsyncGenerator<HostBatch, void, undefined> {
    return this.#iterate(collate ?? (stack as unknown as Stack<S>));
  }

  /** One epoch, or the rest of one after {@link loadState}. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.#iterate(this.#collate);
  }

  async *#iterate<B>(collate: (samples: readonly S[]) => B | Promise<B>): AsyncGenerator<B, void, undefined> {
    const epoch = this.#epoch;
    const view = this.viewOf(epoch);
    const batches = this.batches(epoch);
    const ahead: Promise<S[]>[] = [];
    const abort = new AbortController();
    const start = this.#batch;
    let next = start;
    let delivered = 0;
    try {
      for (let b = start; b < batches.length; b++) {
        for (; next < batches.length && next <= b + this.prefetch; next++) {
          const loading = this.#load(batches[next]!, view, abort);
          // Its fault surfaces below, when its turn comes; until then nobody listens.
          loading.catch(() => {});
          ahead.push(loading);
        }
        const samples = await ahead.shift()!;
        this.#batch = b + 1;
        if (samples.length === 0 || this.leavesOut(samples.map((s) => s.index))) continue;
        delivered++;
        yield await collate(samples);
      }
      if (delivered === 0 && start === 0) {
        const { path, reason } = this.skipped[0]!;
        const none = this.skipped.length === this.dataset.length ? 'None' : 'No two of a batch';
        throw new DataError(
          path,
          this.dataset.length === 1
            ? reason
            : `${reason} ${none} of the ${this.dataset.length} images could be read; this is the first.`,
        );
      }
    } finally {
      // Also after a `break`: the epoch is over.
      this.#epoch = epoch + 1;
      this.#batch = 0;
    }
  }
}

/** Bytes of a sample's largest part. */
const bytesOf = (sample: Sample): number =>
  Object.values(sample).reduce((most, part) => (ArrayBuffer.isView(part) ? Math.max(most, part.byteLength) : most), 0);

const pools = new Map<number, SampleThreads>();

/** Loaders of one size share their threads: a training and a validation loader seldom run at once. */
function threads(size: number): SampleThreads {
  let pool = pools.get(size);
  if (!pool) pools.set(size, (pool = new SampleThreads(size)));
  return pool;
}

/** Ends all loading threads at once. They never keep a process alive; this is for whoever wants their memory back sooner. */
export async function closeLoaders(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}
