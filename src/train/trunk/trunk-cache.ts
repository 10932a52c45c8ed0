/**
 * The frozen-trunk cache: the output of the frozen part of a network is computed once per image and augmented
 * view, kept in memory or on disk, and from then on only the trainable part runs.
 */
import { DiskStore } from '#activations';
import { causeOf } from '../../core/cause.ts';
import { BYTES_PER_ELEMENT, type DType, type HostArray, hostView } from '../../core/dtype.ts';
import { formatBytes } from '../../core/format.ts';
import { checkNumber, checkOptions } from '../../core/options.ts';
import { findTrunk, replaceTrunk, type Trunk } from '../../graph/frozen.ts';
import { dispose, readBack } from '../../graph/run.ts';
import type { Data } from '../../graph/value.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Progress } from '../progress.ts';
import { type ActivationStore, MemoryStore } from './activations.ts';

/** Memory and disk that a {@link TrunkCache} may use. */
export interface TrunkCacheOptions {
  /** Activations beyond this many bytes go to a temporary file instead of memory. 1 GiB by default. */
  readonly memoryBytes?: number;
  /** Folder of that file; the system's temporary one by default. */
  readonly folder?: string;
}

/** The trunk of one forward pass, and the shapes of a sample of its inputs. */
export interface InputTrunk extends Trunk {
  readonly shapes: string;
}

/** A cut's type, and its bytes for one sample. */
interface Cut {
  readonly dtype: DType;
  readonly bytes: number;
}

/** The activations of one data set at the end of the frozen trunk. */
export class TrunkCache {
  readonly #options: TrunkCacheOptions;
  readonly #images: number;
  readonly #progress: Progress | null;
  #store: ActivationStore | null = null;
  // The trunk that computed the stored activations: its structure for each shape of inputs, its parameters, and their versions then.
  readonly #texts = new Map<string, string>();
  #slots: readonly Data[] = [];
  #versions = '';
  #stored = 0;
  /** No place takes the activations: from now on the trunk is computed. */
  failed = false;
  #cuts: readonly Cut[] = [];

  /**
   * @param images how many images (times views) there will be: decides between memory and disk.
   * @param progress is told if they cannot be kept.
   */
  constructor(images: number, options: TrunkCacheOptions = {}, progress: Progress | null = null) {
    this.#images = checkNumber('TrunkCache', 'images', images);
    checkOptions('TrunkCache', options, { memoryBytes: true, folder: true });
    this.#options = options;
    this.#progress = progress;
  }

  /** Number of cached images, their bytes and their place; null where nothing is cached. */
  get contents(): { readonly images: number; readonly bytes: number; readonly place: string } | null {
    const images = this.#stored;
    return this.#store && { images, bytes: images * this.#entryBytes, place: this.#store.place };
  }

  /** Whether the activations of all these keys are here and their trunk has not been written to since. */
  has(keys: readonly string[]): boolean {
    const store = this.#store;
    return store !== null && versionsOf(this.#slots) === this.#versions && keys.every((key) => store.has(key));
  }

  /** The batch's activations, one array a cut. */
  async gather(keys: readonly string[]): Promise<HostArray[]> {
    const entries = await Promise.all(keys.map((key) => this.#store!.read(key)));
    let start = 0;
    return this.#cuts.map(({ dtype, bytes }) => {
      const batch = new Uint8Array(bytes * keys.length);
      entries.forEach((entry, k) => {
        batch.set(entry.subarray(start, start + bytes), k * bytes);
      });
      start += bytes;
      return hostView(dtype, batch.buffer);
    });
  }

  /**
   * Inside a step, after the forward pass: puts gathered activations in the trunk's place.
   * @returns false, leaving the graph as it is, if another trunk made them: a layer was frozen, unfrozen or replaced since.
   * @internal
   */
  take(trunk: InputTrunk | null, activations: readonly HostArray[]): boolean {
    if (!trunk || this.#texts.get(trunk.shapes) !== trunk.text || versionsOf(trunk.slots) !== this.#versions)
      return false;
    replaceTrunk(trunk, activations);
    return true;
  }

  /** After a step whose cuts were kept readable: stores its activations under the images' keys. @internal */
  async put(trunk: InputTrunk, keys: readonly string[]): Promise<void> {
    const cuts = trunk.cuts.map(({ dtype, count }) => {
      return { dtype, bytes: (count / keys.length) * BYTES_PER_ELEMENT[dtype] };
    });
    if (!this.#store || !this.#isOwn(trunk, cuts)) {
      await this.close();
      this.#slots = trunk.slots;
      this.#versions = versionsOf(trunk.slots);
      this.#cuts = cuts;
      const bytes = this.#entryBytes * this.#images;
      const { memoryBytes = 1 << 30, folder } = this.#options;
      this.#store = bytes <= memoryBytes ? new MemoryStore() : new DiskStore(folder);
    }
    this.#texts.set(trunk.shapes, trunk.text);
    if (keys.every((key) => this.#store!.has(key))) return this.#letGo(trunk);
    const values = await Promise.all(trunk.cuts.map((data) => readBack({ shape: [data.count], data })));
    for (const [k, key] of keys.entries()) {
      const entry = new Uint8Array(this.#entryBytes);
      let at = 0;
      values.forEach((cut, c) => {
        const { bytes } = this.#cuts[c]!;
        entry.set(new Uint8Array(cut.buffer, cut.byteOffset + k * bytes, bytes), at);
        at += bytes;
      });
      if (!(await this.#keep(key, entry))) break;
    }
    this.#letGo(trunk);
  }

  /**
   * Whether a trunk is the one that computed what is stored: for inputs of a known shape the same ops, for those of another (longer texts) the
   * same parameters, which end in results of the same size.
   */
  #isOwn({ shapes, text, slots }: InputTrunk, cuts: readonly Cut[]): boolean {
    if (versionsOf(slots) !== this.#versions) return false;
    const known = this.#texts.get(shapes);
    if (known !== undefined) return known === text;
    const isSlots = slots.length === this.#slots.length && slots.every((slot, k) => slot === this.#slots[k]);
    const isCuts =
      cuts.length === this.#cuts.length &&
      cuts.every(({ bytes, dtype }, k) => bytes === this.#cuts[k]!.bytes && dtype === this.#cuts[k]!.dtype);
    return isSlots && isCuts;
  }

  /** Stores an image's activations. Where that fails, the run goes on without the cache. */
  async #keep(key: string, activations: Uint8Array): Promise<boolean> {
    const store = this.#store!;
    try {
      if (!store.has(key)) this.#stored++;
      await store.write(key, activations);
      return true;
    } catch (error) {
      const bytes = formatBytes(this.#images * this.#entryBytes);
      await this.close();
      this.failed = true;
      this.#progress?.note(
        `Every epoch runs the whole network: ${bytes} of results cannot be kept in ${store.place}: ${causeOf(error)}. The numbers are the same.`,
      );
      return false;
    }
  }

  get #entryBytes(): number {
    return this.#cuts.reduce((n, { bytes }) => n + bytes, 0);
  }

  /** Frees the cuts, but for those that a hook holds. */
  #letGo(trunk: Trunk): void {
    for (const data of trunk.cuts) if (!trunk.shown.has(data)) dispose({ shape: [data.count], data });
  }

  /** Lets the activations go. */
  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
    this.#stored = 0;
    this.#texts.clear();
    this.#slots = [];
    this.#versions = '';
  }
}

/**
 * The frozen trunk of the forward pass that was just recorded from `inputs`, or null if nothing of it is frozen.
 * With `keep`, its activations can be read when the step has run.
 */
export function trunkOf(inputs: readonly Tensor[], trainable: Iterable<Tensor>, keep: boolean): InputTrunk | null {
  const dataOf = ({ value }: Tensor) => value.data;
  const trunk = findTrunk(inputs.map(dataOf), new Set([...trainable].map(dataOf)));
  if (!trunk.cuts.length) return null;
  if (keep) for (const data of trunk.cuts) data.visible = true;
  return { ...trunk, shapes: inputs.map(({ shape }) => shape.slice(1).join('x')).join() };
}

const versionsOf = (slots: readonly Data[]): string => slots.map((slot) => slot.version).join();
