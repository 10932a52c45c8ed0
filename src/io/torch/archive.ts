/** A pickle in a zip archive, and the entries that its storages are. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, plural, printable } from '../base/bytes.ts';
import { MemoryBudget } from '../base/memory.ts';
import { dataOffset, readZipEntry, type ZipEntry } from '../zip/zip.ts';
import { type StorageRef, storageBytes, TorchRules } from './objects.ts';
import { unpickle } from './pickle.ts';
import type { StorageReader } from './tensors.ts';

const PICKLE = /^(?:[^/]+\/)?data\.pkl$/;

/** Whether an archive has a pickle where `torch.save` and TorchScript put it. */
export function hasPickle(directory: ReadonlyMap<string, ZipEntry>): boolean {
  return [...directory.keys()].some((name) => PICKLE.test(name));
}

/**
 * The folder of an archive that has its pickle, with its slash.
 * @throws WeightFileError if there is none, or several.
 */
export function rootOf(source: ByteSource, directory: ReadonlyMap<string, ZipEntry>): string {
  const pickles = [...directory.keys()].filter((name) => PICKLE.test(name));
  if (pickles.length !== 1)
    throw new WeightFileError(source.name, `expected one data.pkl in the zip archive, got ${pickles.length}.`);
  return pickles[0]!.slice(0, -'data.pkl'.length);
}

/** An unpickled object, and where its tensors' elements are. */
export interface Unpickled {
  readonly value: unknown;
  readonly storages: StorageReader;
}

/**
 * The object of an archive's entry `NAME.pkl`, whose storages are the entries in the folder `NAME`.
 * @throws WeightFileError
 */
export async function readPickle(
  source: ByteSource,
  directory: ReadonlyMap<string, ZipEntry>,
  name: string,
): Promise<Unpickled> {
  const pickle = directory.get(`${name}.pkl`)!;
  const bytes = await readZipEntry(source, pickle);
  // Inside a deflated pickle, places can only be counted from its own start.
  const offset = pickle.method === 0 ? await dataOffset(source, pickle) : 0;
  const rules = new TorchRules();
  const place = { name: source.name, offset, available: bytes.length };
  const { value } = unpickle(bytes, rules, place, MemoryBudget.ofObjects(source));
  return { value, storages: storagesIn(source, directory, name, rules.storages.values()) };
}

/**
 * Storages that are the entries of a folder in an archive.
 * @throws WeightFileError if one is missing, or is of another size.
 */
export function storagesIn(
  source: ByteSource,
  directory: ReadonlyMap<string, ZipEntry>,
  folder: string,
  storages: Iterable<StorageRef>,
): StorageReader {
  const entries = new Map<string, ZipEntry>();
  for (const storage of storages) {
    const entry = directory.get(`${folder}/${storage.key}`);
    if (!entry && storage.size > 0)
      throw new WeightFileError(
        source.name,
        `has no zip entry '${printable(folder)}/${printable(storage.key)}'. It is damaged.`,
      );
    if (entry && entry.size !== storageBytes(storage))
      throw new WeightFileError(
        source.name,
        `storage '${printable(storage.key)}' should be ${count(storageBytes(storage))} bytes ` +
          `(${plural(storage.size, `${storage.dtype} element`)}), but zip entry '${printable(entry.name)}' has ${count(entry.size)}.`,
      );
    if (entry) entries.set(storage.key, entry);
  }
  return {
    read: (storage, start, length) => readZipEntry(source, entries.get(storage.key)!, start, length),
    // A checksum is one of the whole entry, and a packed one cannot be entered in the middle.
    isWhole: (storage) => {
      const { method, crc } = entries.get(storage.key)!;
      return method !== 0 || crc !== 0;
    },
  };
}

/** @throws WeightFileError for an archive of a big-endian machine. */
export async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  const order = entry.size <= 16 ? new TextDecoder().decode(await readZipEntry(source, entry)) : '';
  if (order !== 'little')
    throw new WeightFileError(
      source.name,
      `was written with byte order '${printable(order)}': only little-endian is read.`,
    );
}
