/** The memory that reading a file may take: a small multiple of its size, accounted for before or as it is taken. */
import { WeightFileError } from '../../core/errors.ts';
import { count } from './bytes.ts';

/** Tied weights, views, packing and narrow types make tensors larger than their file; more than this is an attack on memory. */
export const TENSOR_RATIO = 16;
/** Bytes of objects (names, shapes, dictionaries, nodes) for each byte of the file. Graphs without their weights take up to 40. */
export const OBJECT_RATIO = 64;
/** Bytes that either may take whatever the file's size. */
export const MEMORY_FREE = 1 << 20;
/** A file beside the first holds numbers and nothing else: each is read once, tied weights twice. */
export const BESIDE_RATIO = 2;
/** The most bytes of objects out of the largest file: names and graphs of networks take a fraction of it. */
export const OBJECT_LIMIT = 1 << 28;

/** Bytes of each kind of object, temporary memory included: measured in V8 on 64 bits, and rounded up. */
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
  /** Size in bytes. */
  readonly size: number;
}

/** Counts the memory that is taken of one kind. */
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

  /** The budget for tensors in a file beside the first. */
  static ofBeside(file: FileSize): MemoryBudget {
    return new MemoryBudget(file, BESIDE_RATIO, Number.POSITIVE_INFINITY);
  }

  /** The most that may be taken, in bytes. */
  get limit(): number {
    return Math.min(this.#most, MEMORY_FREE + this.#ratio * this.#size);
  }

  /** Counts a file beside the first as a part of it. */
  addFile({ size }: FileSize): void {
    this.#size += size;
  }

  /** Bytes taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Adds `bytes` for `what`. `place.at` is only read to build the error.
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
