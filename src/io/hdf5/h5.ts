/**
 * HDF5 files through h5wasm, which is loaded when the first one is opened. Sizes that a file declares are checked against what it
 * has before anything is allocated, and nothing outside of it is followed: soft and external links are refused by name.
 * Format: https://support.hdfgroup.org/documentation/hdf5/latest/_s_p_e_c.html
 */
import type { Metadata } from 'h5wasm';
import type { StoredDType, TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import { count, elementsOf, isShape, LITTLE_ENDIAN, printable } from '../base/bytes.ts';
import { checkHeaps } from './heaps.ts';
import { type H5Module, type Hdf5Library, loadHdf5, withinMemory } from './library.ts';

/** Packed data sets grow by at most this when they are unpacked, all of a file together. */
const UNPACK_RATIO = 16;
/** Chunks of this many bytes are read out of a file of any size. */
const CHUNK_FREE = 1 << 20;
/** Bytes that the library may take for itself: chunks as they lie and unpacked, trees, heaps; and something to start with. */
const LIBRARY_RATIO = 8;
const LIBRARY_FREE = 24 << 20;
/** More names than this, or than a file has bytes for, are not visited: hard links can make a small file endless. */
const OBJECT_LIMIT = 20_000;
const OBJECT_BYTES = 16;
/** Names deeper than this count for more: the library finds each by way of all above it, and checks those the same way. */
const USUAL_DEPTH = 8;
/** Names in one attribute. */
const NAMES_LIMIT = 50_000;
/** Bytes of one attribute: the topologies of the largest published networks take a few megabytes. */
const ATTRIBUTE_LIMIT = 16 << 20;

const CLASS = { integer: 0, float: 1, string: 3, enum: 8 } as const;
const KIND = { group: 0, dataset: 1, softLink: 3, externalLink: 4 } as const;

let opened = 0;

/**
 * Opens the bytes of an HDF5 file for as long as `use` runs.
 * @param source The file that they come out of, for messages and for the bound on memory.
 * @throws WeightFileError for whatever the HDF5 library finds wrong.
 */
export async function withHdf5<T>(
  bytes: Uint8Array,
  { name, size }: { name: string; size: number },
  use: (file: Hdf5File) => T,
): Promise<T> {
  checkHeaps(bytes, name);
  const { h5, module } = await loadHdf5();
  const path = `/regraft-${opened++}.h5`;
  module.FS.writeFile(path, bytes);
  // Without this a failed read only prints, and leaves whatever was in memory as the data.
  module.activate_throwing_error_handler();
  try {
    return withinMemory(LIBRARY_RATIO * size + LIBRARY_FREE, () => {
      const id: bigint = module.open(path, module.H5F_ACC_RDONLY, false, -1, -1);
      const result = use(new Hdf5File(h5, module, id, name, size));
      module.close_file(id);
      return result;
    });
  } catch (error) {
    if (error instanceof WeightFileError) throw error;
    throw new WeightFileError(name, `the HDF5 library cannot read it (${reason(error)}). It is damaged: get it again.`);
  } finally {
    module.deactivate_throwing_error_handler();
    module.FS.unlink(path);
  }
}

/** The library's deepest message, in one line. */
function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const messages = [...text.matchAll(/#\d+: .*? in \w+\(\): (.*)/g)];
  return printable(messages.at(-1)?.[1] ?? text.split('\n')[0]!);
}

/** An open file. Paths begin with a slash. */
export class Hdf5File {
  readonly name: string;
  /** Size in bytes of the file that this one came out of. */
  readonly size: number;
  readonly #h5: Hdf5Library['h5'];
  readonly #module: H5Module;
  readonly #id: bigint;
  readonly #names = new Map<string, ReadonlySet<string>>();
  readonly #kinds = new Map<string, number>();
  readonly #attributes = new Map<string, ReadonlySet<string>>();
  #unpacked = 0;
  #visited = 0;

  constructor(h5: Hdf5Library['h5'], module: H5Module, id: bigint, name: string, size: number) {
    this.name = name;
    this.#h5 = h5;
    this.#module = module;
    this.#id = id;
    this.size = size;
  }

  error(detail: string): WeightFileError {
    return new WeightFileError(this.name, detail);
  }

  /** Names in a group, in the file's order. */
  keys(group: string): ReadonlySet<string> {
    const known = this.#names.get(group);
    if (known) return known;
    const names = new Set<string>(this.#module.get_names(this.#id, group, false));
    const depth = group.split('/').length;
    this.#visited += names.size * Math.max(1, (depth / USUAL_DEPTH) ** 2);
    const limit = Math.min(OBJECT_LIMIT, Math.floor(this.size / OBJECT_BYTES));
    if (this.#visited > limit)
      throw this.error(
        `leads to more than ${count(limit)} objects, which is more than are read out of a file of its size.`,
      );
    this.#names.set(group, names);
    return names;
  }

  /**
   * The kind of the object at a path, which is followed name by name.
   * @throws WeightFileError for a soft or external link on the way.
   */
  kind(path: string): 'group' | 'dataset' | 'other' | 'nothing' {
    let at = '';
    let kind: number = KIND.group;
    for (const part of path.split('/').filter((name) => name !== '')) {
      if (kind !== KIND.group || part === '.' || part === '..') return 'nothing';
      if (!this.keys(at === '' ? '/' : at).has(part)) return 'nothing';
      at += `/${part}`;
      kind = this.#kindOf(at);
    }
    return kind === KIND.group ? 'group' : kind === KIND.dataset ? 'dataset' : 'other';
  }

  /** The kind of the object at a path, on the way to which there are groups alone. */
  #kindOf(at: string): number {
    let kind = this.#kinds.get(at);
    if (kind !== undefined) return kind;
    kind = this.#module.get_type(this.#id, at);
    if (kind === KIND.externalLink) throw this.error(`'${printable(at)}' is an external link, which is not followed.`);
    if (kind === KIND.softLink || this.#module.get_symbolic_link(this.#id, at) !== null)
      throw this.error(`'${printable(at)}' is a soft link, which is not followed.`);
    this.#kinds.set(at, kind);
    return kind;
  }

  hasAttribute(path: string, name: string): boolean {
    let names = this.#attributes.get(path);
    if (!names) this.#attributes.set(path, (names = new Set(this.#module.get_attribute_names(this.#id, path))));
    return names.has(name);
  }

  /** An attribute of text; undefined if there is none. */
  text(path: string, name: string): string | undefined {
    const value = this.#strings(path, name);
    if (value === undefined) return undefined;
    if (value.length !== 1) throw this.error(`attribute '${name}' of '${printable(path)}' should be one text.`);
    return value[0];
  }

  /** An attribute of names, whole or in Keras's numbered parts (`layer_names0`, …); undefined if there is none. */
  texts(path: string, name: string): string[] | undefined {
    const whole = this.#strings(path, name);
    if (whole) return whole;
    const parts: string[] = [];
    for (let i = 0; ; i++) {
      const part = this.#strings(path, `${name}${i}`);
      if (!part) return i === 0 ? undefined : parts;
      for (const name of part) parts.push(name);
      if (parts.length > NAMES_LIMIT) throw this.error(`lists more than ${count(NAMES_LIMIT)} names in '${name}'.`);
    }
  }

  #strings(path: string, name: string): string[] | undefined {
    if (!this.hasAttribute(path, name)) return undefined;
    const label = `attribute '${name}' of '${printable(path)}'`;
    const { type, shape, size, vlen } = this.#module.get_attribute_metadata(this.#id, path, name);
    const n = sizeOf(shape ?? []);
    // An empty list of names is written as an empty list of numbers.
    if (shape?.includes(0)) return [];
    if (type !== CLASS.string || shape === null) throw this.error(`${label} should be text.`);
    if (n > NAMES_LIMIT || (!vlen && n * size > this.size))
      throw this.error(`${label} declares more than the file has.`);
    if (!vlen && n * size > ATTRIBUTE_LIMIT)
      throw this.error(`${label} has ${count(n * size)} bytes: at most ${count(ATTRIBUTE_LIMIT)} are read.`);
    const value = new this.#h5.Attribute(this.#id, path, name).value;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (!list.every((v) => typeof v === 'string')) throw this.error(`${label} should be a text, or a list of them.`);
    return list;
  }

  /** A data set of numbers, as it is stored. */
  tensor(path: string): TensorData {
    const label = `'${printable(path)}'`;
    const metadata = this.#module.get_dataset_metadata(this.#id, path);
    const shape = metadata.shape;
    if (!shape || !isShape(shape)) throw this.error(`${label} has no shape.`);
    const { dtype, convert } = this.#dtype(label, metadata);
    if (metadata.virtual_sources?.length) throw this.error(`${label} lies in other files, which are not read.`);
    const bytes = sizeOf(shape) * metadata.size;
    // Only data in chunks can be packed.
    const packed = metadata.chunks !== null && this.#module.get_dataset_filters(this.#id, path).length > 0;
    this.#checkSize(label, shape, bytes, packed);
    this.#checkChunk(label, metadata);
    const raw = this.#read(path, bytes);
    if (metadata.littleEndian !== LITTLE_ENDIAN && metadata.size > 1) swap(raw, metadata.size);
    return { shape: [...shape], dtype, data: convert ? convert(raw) : elementsOf(dtype, raw) };
  }

  /** Checks that the file can hold the elements, before anything is allocated for them. */
  #checkSize(label: string, shape: readonly number[], bytes: number, packed: boolean): void {
    this.#unpacked += bytes;
    const limit = packed ? UNPACK_RATIO * this.size : this.size;
    if (bytes <= limit && this.#unpacked <= UNPACK_RATIO * this.size) return;
    throw this.error(
      `${label} ${formatShape(shape)} takes ${count(bytes)} bytes, more than a file of ${count(this.size)} can hold. ` +
        'It is truncated or damaged: get it again.',
    );
  }

  /** The library holds a chunk as a whole, however little of it the data set has. */
  #checkChunk(label: string, { chunks, size }: Metadata): void {
    const bytes = sizeOf(chunks ?? []) * size;
    if (bytes <= UNPACK_RATIO * this.size + CHUNK_FREE) return;
    throw this.error(
      `${label} lies in chunks ${formatShape(chunks!)} of ${count(bytes)} bytes, more than a file of ${count(this.size)} can hold. ` +
        'It is damaged: get it again.',
    );
  }

  #read(path: string, bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes === 0) return new Uint8Array(0);
    const module = this.#module;
    const pointer = module._malloc(bytes);
    if (pointer === 0)
      throw this.error(`'${printable(path)}' takes ${count(bytes)} bytes, more than there is memory for.`);
    try {
      const status = module.get_dataset_data(this.#id, path, null, null, null, BigInt(pointer));
      if (status < 0) throw this.error(`'${printable(path)}' cannot be read.`);
      return module.HEAPU8.slice(pointer, pointer + bytes) as Uint8Array<ArrayBuffer>;
    } finally {
      module._free(pointer);
    }
  }

  /** The type in which the elements of a data set are kept here. */
  #dtype(
    label: string,
    { type, size, signed, enum_type }: Metadata,
  ): { dtype: StoredDType; convert?: (raw: Uint8Array<ArrayBuffer>) => TensorData['data'] } {
    if (type === CLASS.float && size === 8) return { dtype: 'float64' };
    if (type === CLASS.float && size === 4) return { dtype: 'float32' };
    if (type === CLASS.float && size === 2) return { dtype: 'float16' };
    // NumPy's booleans are written as an enumeration of FALSE and TRUE.
    if (type === CLASS.enum && size === 1 && enum_type?.nmembers === 2) return { dtype: 'bool' };
    if (type === CLASS.integer) {
      if (signed || size === 1) {
        const dtype = ({ 1: signed ? 'int8' : 'uint8', 2: 'int16', 4: 'int32', 8: 'int64' } as const)[size];
        if (dtype) return { dtype };
      }
      if (size === 2) return { dtype: 'int32', convert: (raw) => Int32Array.from(new Uint16Array(raw.buffer)) };
      if (size === 4)
        return { dtype: 'int64', convert: (raw) => BigInt64Array.from(new Uint32Array(raw.buffer), BigInt) };
      if (size === 8) return { dtype: 'int64' };
    }
    throw this.error(`${label} holds no numbers that tensors can have.`);
  }
}

/** Reverses the bytes of each element. */
function swap(bytes: Uint8Array, size: number): void {
  for (let i = 0; i + size <= bytes.length; i += size) bytes.subarray(i, i + size).reverse();
}
