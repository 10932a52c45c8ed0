/** PyTorch checkpoints as `torch.save` has written them since 1.6: a zip of a pickle and one entry a storage. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, plural, printable } from '../base/bytes.ts';
import type { ModelFormat, ReadOptions, WeightFile } from '../base/format.ts';
import { MemoryBudget } from '../base/memory.ts';
import { dataOffset, isZip, readZipDirectory, readZipEntry, type ZipEntry } from '../zip/zip.ts';
import { storageBytes, TorchRules } from './objects.ts';
import { unpickle } from './pickle.ts';
import { readState } from './state.ts';
import { torchChunks } from './write.ts';

const PICKLE = /^(?:[^/]+\/)?data\.pkl$/;

export const torchZip: ModelFormat = {
  name: 'torch (zip)',
  extensions: ['.pth', '.pt', '.th', '.bin', '.ckpt'],
  holds: 'tensors',
  async matches(head, source) {
    return isZip(head) && [...(await readZipDirectory(source)).keys()].some((name) => PICKLE.test(name));
  },
  read,
  writeState: torchChunks,
  storesMetadata: false,
};

async function read(source: ByteSource, options: ReadOptions): Promise<WeightFile> {
  const directory = await readZipDirectory(source);
  const pickles = [...directory.values()].filter(({ name }) => PICKLE.test(name));
  const pickle = pickles[0];
  if (!pickle || pickles.length > 1)
    throw new WeightFileError(source.name, `expected one data.pkl in the zip archive, got ${pickles.length}.`);
  const root = pickle.name.slice(0, -'data.pkl'.length);
  if (directory.has(`${root}constants.pkl`))
    throw new WeightFileError(
      source.name,
      'is a TorchScript archive, which holds code. In Python, save model.state_dict() instead.',
    );
  await checkByteOrder(source, directory.get(`${root}byteorder`));

  const bytes = await readZipEntry(source, pickle);
  // Inside a deflated pickle, places can only be counted from its own start.
  const offset = pickle.method === 0 ? await dataOffset(source, pickle) : 0;
  const rules = new TorchRules();
  const place = { name: source.name, offset, available: bytes.length };
  const { value } = unpickle(bytes, rules, place, MemoryBudget.ofObjects(source));

  const entries = new Map<string, ZipEntry>();
  for (const storage of rules.storages.values()) {
    const entry = directory.get(`${root}data/${storage.key}`);
    if (!entry && storage.size > 0)
      throw new WeightFileError(
        source.name,
        `has no zip entry '${root}data/${printable(storage.key)}'. It is damaged.`,
      );
    if (entry && entry.size !== storageBytes(storage))
      throw new WeightFileError(
        source.name,
        `storage '${printable(storage.key)}' should be ${count(storageBytes(storage))} bytes ` +
          `(${plural(storage.size, `${storage.dtype} element`)}), but zip entry '${printable(entry.name)}' has ${count(entry.size)}.`,
      );
    if (entry) entries.set(storage.key, entry);
  }
  return readState(
    value,
    {
      read: (storage, start, length) => readZipEntry(source, entries.get(storage.key)!, start, length),
      // A checksum is one of the whole entry, and a packed one cannot be entered in the middle.
      isWhole: (storage) => {
        const { method, crc } = entries.get(storage.key)!;
        return method !== 0 || crc !== 0;
      },
    },
    source,
    torchZip.name,
    options,
  );
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  const order = entry.size <= 16 ? new TextDecoder().decode(await readZipEntry(source, entry)) : '';
  if (order !== 'little')
    throw new WeightFileError(
      source.name,
      `was written with byte order '${printable(order)}': only little-endian is read.`,
    );
}
