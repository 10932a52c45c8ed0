/** What reading a file may take in memory: a small multiple of its size, accounted for before or as it is taken. */
import { WeightFileError } from '../../core/errors.ts';
import { count } from './bytes.ts';

/** Tied weights, views, packing and narrow types make tensors larger than their file; more than this is an attack on memory. */
export const TENSOR_RATIO = 16;
/** What objects (names, shapes, dictionaries, nodes) may take by the file's size. Graphs without their weights take up to 40. */
export const OBJECT_RATIO = 64;
/** What is allowed of either for a file of any size. */
export const MEMORY_FREE = 1 << 20;
/** A file beside the first holds numbers and nothing else: each is read once, tied weights twice. */
export const BESIDE_RATIO = 2;
/** What objects may take out of the largest file: names and graphs of networks take a fraction of it. */
export const OBJECT_LIMIT = 1 << 28;

/** What things take, in bytes: measured in V8 on 64 bits, what is used on the way to them included, and rounded up. */
export const COST = {
  /** An element of a list. */
  slot: 16,
  /** An element of a Map or Set. */
  entry: 56,
  /** A number that is no small integer, or a text without its characters. */
  value: 32,
  /** A character, where one may be beyond latin-1. */
  character: 2,
  /** An object, or a list that may grow. */
  container: 200,
  /** A typed array over bytes that are there already. */
  view: 112,
  /** A tensor with its name, without its elements. */
  tensor: 512,
} as const;

interface FileSize {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

/** Counts what is taken of one kind. */
export class MemoryBudget {
  readonly #name: string;
  readonly #ratio: number;
  readonly #most: number;
  #size: number;
  #taken = 0;

  private constructor({ name, size }: FileSize, ratio: number, most: number) {
    this.#name = name;
    this.#ratio = ratio;
    this.#most = most;
    this.#size = size;
  }

  static ofObjects(file: FileSize): MemoryBudget {
    return new MemoryBudget(file, OBJECT_RATIO, OBJECT_LIMIT);
  }

  static ofTensors(file: FileSize): MemoryBudget {
    return new MemoryBudget(file, TENSOR_RATIO, Number.POSITIVE_INFINITY);
  }

  /** Of the tensors in a file beside the first. */
  static ofBeside(file: FileSize): MemoryBudget {
    return new MemoryBudget(file, BESIDE_RATIO, Number.POSITIVE_INFINITY);
  }

  /** In bytes. */
  get limit(): number {
    return Math.min(this.#most, MEMORY_FREE + this.#ratio * this.#size);
  }

  /** Counts a file beside the first as a part of it. */
  addFile({ size }: FileSize): void {
    this.#size += size;
  }

  /** In bytes, so far. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Accounts for `bytes` that `what` takes, and is asked for where only if that is too much.
   * @throws WeightFileError past the limit.
   */
  take(bytes: number, what: string, place?: { readonly at: string }): void {
    this.#taken += bytes;
    if (this.#taken > this.limit)
      throw new WeightFileError(
        this.#name,
        `${what}${place ? ` ${place.at}` : ''} would take more than ${count(this.limit)} bytes of memory, the most that ${count(this.#size)} bytes of file may. ` +
          'It is damaged, or made to exhaust memory.',
      );
  }
}
