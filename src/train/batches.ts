/** Batches for training and evaluation: loaded samples or, where the frozen trunk's activations are cached, those instead. */

import type { HostTensors } from '../core/dtype.ts';
import { RegraftError } from '../core/errors.ts';
import type { HostBatch } from '../data/collate.ts';
import { concurrently } from '../data/concurrently.ts';
import type { DataLoader } from '../data/data-loader.ts';
import { type Sample, sampleGenerator, type View } from '../data/dataset.ts';
import type { BatchTransform } from '../data/transforms/mix.ts';
import { hostValue } from '../graph/value.ts';
import type { AnyModule } from '../nn/module.ts';
import type { Task, Tensors } from '../tasks/task.ts';
import { tensor } from '../tensor/factory.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type InputTrunk, type TrunkCache, trunkOf } from './trunk/trunk-cache.ts';

/** A batch before it is on the GPU. */
export interface LoadedBatch extends Omit<HostBatch, 'inputs'> {
  /** Null where cached activations stand for them. */
  readonly inputs: HostTensors | null;
  /** The samples' keys in the cache; empty without one. */
  readonly keys: readonly string[];
}

/** Records the computation of a batch, inside step() or noGrad(): `forward` runs the model. */
export type RecordBatch<T> = (forward: () => Tensors, targets: Tensors) => T;

/** The view of the first epoch's mixes: those of images are 0 or more, that of the order is -1. */
const MIXES = -2;

/** The cached activations turned out to be another trunk's. */
class StaleTrunk extends Error {}

/** Goes through a loader for a model; fills a cache on the first pass over the samples, and feeds from it on the next. */
export class Batches {
  readonly loader: DataLoader<unknown, Sample>;
  readonly #task: Task;
  readonly #model: AnyModule;
  readonly #cache: TrunkCache | null;
  readonly #mix: BatchTransform | undefined;
  /** Samples in the largest batch. */
  readonly #fullBatch: number;
  /** Inputs of one batch, for their types and the shapes of a sample: whoever records a forward pass may not have them. */
  #example: HostTensors = {};
  /** Whether the whole of the last epoch came from the cache. */
  cached = false;

  /** @param mix changes each loaded batch; cached activations could not stand for those */
  constructor(
    loader: DataLoader<unknown, Sample>,
    task: Task,
    model: AnyModule,
    cache: TrunkCache | null,
    mix?: BatchTransform,
  ) {
    this.loader = loader;
    this.#task = task;
    this.#model = model;
    this.#fullBatch = Math.min(loader.batchSize, loader.dataset.length);
    this.#cache = isCacheable(loader, task) ? cache : null;
    this.#mix = mix;
  }

  /** The batches of an epoch, in the loader's order. Unreadable samples are left out. */
  async *epoch(epoch: number): AsyncGenerator<LoadedBatch> {
    const { loader } = this;
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
          const targets = this.#task.targetsOf!(loader.dataset, indices)!;
          yield { inputs: null, targets, indices, paths: [], keys: keys[b]! };
        }
        return;
      }
    }
    let count = 0;
    for await (const loaded of loader.hostBatches((samples) => this.#task.collate(samples))) {
      const random = sampleGenerator(count++, { seed: loader.seed, view: MIXES - epoch });
      const batch = this.#mix?.apply(loaded, random) ?? loaded;
      this.#example = batch.inputs;
      yield { ...batch, keys: this.#cache ? await this.#keys(batch.indices, view) : [] };
    }
  }

  /** Keys of the samples at `indices`. The first time each reads its file: a few at once. */
  async #keys(indices: readonly number[], view: View): Promise<string[]> {
    const keys: string[] = [];
    await concurrently(4, indices, async (index, k) => {
      keys[k] = await this.loader.sampleKey(index, view);
    });
    return keys;
  }

  /** Runs `record` for a batch, with the trunk's cached activations in place where there are any, and caches new ones. */
  async run<T>(batch: LoadedBatch, trainable: readonly Tensor[], record: RecordBatch<T>): Promise<T> {
    const cache = this.#cache;
    // A trunk that changed in mid-epoch took the activations of the batches to come with it.
    if (!batch.inputs && !cache?.has(batch.keys)) return this.run(await this.#reload(batch), trainable, record);
    const activations = batch.inputs || !cache ? null : await cache.gather(batch.keys);
    const count = batch.indices.length;
    const inputs = batch.inputs ? toTensors(batch.inputs) : this.#absent(count);
    for (const { value } of Object.values(inputs)) value.data.batchScale = this.#fullBatch / count;
    let trunk: InputTrunk | null = null;
    const forward = () => {
      const outputs = this.#task.forward(this.#model, inputs);
      if (cache && !cache.failed) {
        trunk = trunkOf(Object.values(inputs), trainable, activations === null);
        if (activations && !cache.take(trunk, activations)) throw new StaleTrunk();
      }
      return outputs;
    };
    try {
      const result = record(forward, toTensors(batch.targets));
      if (trunk && !activations) await cache!.put(trunk, batch.keys);
      return result;
    } catch (error) {
      if (!(error instanceof StaleTrunk)) throw error;
      return this.run(await this.#reload(batch), trainable, record);
    }
  }

  /** The batch with its inputs. */
  async #reload(batch: LoadedBatch): Promise<LoadedBatch> {
    this.cached = false;
    const loaded = this.#task.collate(await this.loader.load(batch.indices));
    return { ...loaded, keys: loaded.indices.map((i) => batch.keys[batch.indices.indexOf(i)]!) };
  }

  /** Tensors that stand for inputs which nothing will read. */
  #absent(count: number): Tensors {
    const none = () => {
      throw new RegraftError('trunk cache: the inputs of a cached batch were read.');
    };
    const parts = Object.entries(this.#example).map(([name, { data, shape }]) => {
      const dtype = data instanceof Int32Array ? 'int32' : 'float32';
      return [name, new Tensor(hostValue([count, ...shape.slice(1)], dtype, none))];
    });
    return Object.fromEntries(parts);
  }
}

/** Whether activations can stand for the samples of a loader: they have keys, and targets without loading them. */
export const isCacheable = ({ dataset }: DataLoader<unknown, Sample>, task: Task): boolean =>
  dataset.key !== undefined && (task.targetsOf?.(dataset, []) ?? null) !== null;

const toTensors = (parts: HostTensors): Tensors =>
  Object.fromEntries(Object.entries(parts).map(([name, { data, shape }]) => [name, tensor(data, shape)]));
