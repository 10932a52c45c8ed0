/** Batches for training and evaluation: loaded images or, where the frozen trunk's activations are cached, those instead. */

import { RegraftError } from '../core/errors.ts';
import { stack } from '../data/collate.ts';
import { concurrently } from '../data/concurrently.ts';
import type { DataLoader } from '../data/data-loader.ts';
import type { View } from '../data/dataset.ts';
import { type Labels, labelShape, stackLabels } from '../data/labels.ts';
import type { Trunk } from '../graph/frozen.ts';
import { hostValue } from '../graph/value.ts';
import { tensor } from '../tensor/factory.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type TrunkCache, trunkOf } from './trunk-cache.ts';

/** A batch before it is on the GPU. */
export interface LoadedBatch {
  /** Null where cached activations stand for them. */
  readonly images: Float32Array | null;
  /** [N, C, H, W]. */
  readonly shape: readonly number[];
  readonly labels: Labels;
  readonly indices: readonly number[];
  /** Of the images; empty where they come from the cache. */
  readonly paths: readonly string[];
  /** Of the images in the cache; empty without one. */
  readonly keys: readonly string[];
}

/** What the caller records for a batch; it calls `forwardDone` right after the model's forward pass, inside step() or noGrad(). */
export type RecordBatch<T> = (images: Tensor, labels: Tensor, forwardDone: () => void) => T;

/** The cached activations turned out to be another trunk's. */
class StaleTrunk extends Error {}

/** Goes through a loader; fills a cache on the first pass over the images, and feeds from it on the next. */
export class Batches {
  readonly #loader: DataLoader<unknown>;
  readonly #cache: TrunkCache | null;
  /** Images in the largest batch. */
  readonly #fullBatch: number;
  /** Whether the whole of the last epoch came from the cache. */
  cached = false;

  constructor(loader: DataLoader<unknown>, cache: TrunkCache | null) {
    this.#loader = loader;
    this.#fullBatch = Math.min(loader.batchSize, loader.dataset.length);
    this.#cache = loader.dataset.key && loader.dataset.label ? cache : null;
  }

  /** The batches of an epoch, in the loader's order. Unreadable images are left out. */
  async *epoch(epoch: number): AsyncGenerator<LoadedBatch> {
    const loader = this.#loader;
    const view = loader.viewOf(epoch);
    loader.setEpoch(epoch);
    this.cached = false;
    if (this.#cache?.has([])) {
      const unreadable = new Set(loader.skipped.map((s) => s.index));
      const readable = loader.batches(epoch).map((indices) => indices.filter((i) => !unreadable.has(i)));
      const batches = readable.filter((indices) => indices.length > 0 && !loader.leavesOut(indices));
      const keys: string[][] = [];
      for (const indices of batches) keys.push(await this.#keys(indices, view));
      this.cached = this.#cache.has(keys.flat());
      if (this.cached) {
        for (const [b, indices] of batches.entries()) {
          const labels = stackLabels(
            indices.map((i) => loader.dataset.label!(i)),
            (at) => `sample ${indices[at]}`,
          );
          const shape = [indices.length, ...this.#cache.imageShape];
          yield { images: null, shape, labels, indices, paths: [], keys: keys[b]! };
        }
        return;
      }
    }
    for await (const { images, shape, labels, indices, paths } of loader.hostBatches()) {
      if (this.#cache) this.#cache.imageShape = shape.slice(1);
      yield { images, shape, labels, indices, paths, keys: this.#cache ? await this.#keys(indices, view) : [] };
    }
  }

  /** Keys of the samples at `indices`. The first time each reads its file: a few at once. */
  async #keys(indices: readonly number[], view: View): Promise<string[]> {
    const keys: string[] = [];
    await concurrently(4, indices, async (index, k) => {
      keys[k] = await this.#loader.sampleKey(index, view);
    });
    return keys;
  }

  /** Runs `record` for a batch, with the trunk's cached activations in place where there are any, and caches new ones. */
  async run<T>(batch: LoadedBatch, trainable: readonly Tensor[], record: RecordBatch<T>): Promise<T> {
    const cache = this.#cache;
    // A trunk that changed in mid-epoch took the activations of the batches to come with it.
    if (!batch.images && !cache?.has(batch.keys)) return this.run(await this.#reload(batch), trainable, record);
    const activations = batch.images || !cache ? null : await cache.gather(batch.keys);
    let trunk: Trunk | null = null;
    const forwardDone = (images: Tensor) => {
      if (!cache || cache.failed) return;
      trunk = trunkOf(images, trainable, activations === null);
      if (activations && !cache.take(trunk, activations)) throw new StaleTrunk();
    };
    const images = batch.images ? tensor(batch.images, batch.shape) : absent(batch.shape);
    images.value.data.batchScale = this.#fullBatch / batch.indices.length;
    try {
      const result = record(images, tensor(batch.labels, labelShape(batch.labels, batch.indices.length)), () =>
        forwardDone(images),
      );
      if (trunk && !activations) await cache!.put(trunk, batch.keys);
      return result;
    } catch (error) {
      if (!(error instanceof StaleTrunk)) throw error;
      return this.run(await this.#reload(batch), trainable, record);
    }
  }

  /** The batch with its images. */
  async #reload(batch: LoadedBatch): Promise<LoadedBatch> {
    this.cached = false;
    const { images, shape, labels, indices, paths } = stack(await this.#loader.load(batch.indices));
    return { images, shape, labels, indices, paths, keys: indices.map((i) => batch.keys[batch.indices.indexOf(i)]!) };
  }
}

/** Stands for images that nothing will read. */
function absent(shape: readonly number[]): Tensor {
  const none = () => {
    throw new RegraftError('trunk cache: the images of a cached batch were read.');
  };
  return new Tensor(hostValue(shape, 'float32', none));
}
