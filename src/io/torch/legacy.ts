/**
 * PyTorch checkpoints as `torch.save` wrote them before 1.6: five pickles (magic number, version, system, object, storage
 * keys), then each storage as its element count and its bytes. And the tar archives from before that, which are refused.
 */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { checkInside, count, plural, printable, readRange, shown } from '../base/bytes.ts';
import type { ModelFormat, ReadOptions, WeightFile } from '../base/format.ts';
import { MemoryBudget } from '../base/memory.ts';
import { storageBytes, TorchRules } from './objects.ts';
import { type PickleRules, unpickle } from './pickle.ts';
import { NeedsMoreBytes } from './pickle-reader.ts';
import { readState } from './state.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
const FIRST_WINDOW = 1 << 16;

export const torchLegacy: ModelFormat = {
  name: 'torch (before 1.6)',
  extensions: ['.pth', '.pt', '.th', '.bin', '.ckpt'],
  holds: 'tensors',
  matches(head) {
    // Matches any pickle: one that is no checkpoint is then refused as that, not as an unknown file.
    const binary = head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5;
    return binary || /^\(?c[\w.]+\n[\w.]+\n/.test(new TextDecoder('latin1').decode(head.subarray(0, 256)));
  },
  read,
};

export const torchTar: ModelFormat = {
  name: 'torch (tar)',
  extensions: [],
  holds: 'tensors',
  matches: (head) => new TextDecoder('latin1').decode(head.subarray(257, 262)) === 'ustar',
  async read(source) {
    throw new WeightFileError(
      source.name,
      'is a tar archive. If it is a checkpoint of PyTorch 0.1.10 or older, load it with PyTorch and save it again.',
    );
  },
};

async function read(source: ByteSource, options: ReadOptions): Promise<WeightFile> {
  const nothing: PickleRules = { find: (name) => new TorchRules().find(name) };
  const budget = MemoryBudget.ofObjects(source);
  const magic = await unpickleAt(source, 0, nothing, budget);
  if (magic.value !== MAGIC)
    throw new WeightFileError(
      source.name,
      'is a pickle, but none that torch.save wrote: its first object is no magic number.',
    );
  const version = await unpickleAt(source, magic.end, nothing, budget);
  if (version.value !== VERSION)
    throw new WeightFileError(source.name, `has format version ${shown(version.value)}: expected ${VERSION}.`);
  const system = await unpickleAt(source, version.end, nothing, budget);
  if (!(system.value instanceof Map) || system.value.get('little_endian') !== true)
    throw new WeightFileError(source.name, 'was written on a big-endian machine: only little-endian is read.');
  const rules = new TorchRules();
  const object = await unpickleAt(source, system.end, rules, budget);
  const keys = await unpickleAt(source, object.end, nothing, budget);
  const offsets = await locateStorages(source, keys, rules);
  return readState(
    object.value,
    {
      read: (storage, start, length) =>
        readRange(source, offsets.get(storage.key)! + start, length, `storage '${printable(storage.key)}'`),
      isWhole: () => false,
    },
    source,
    torchLegacy.name,
    options,
  );
}

/** Runs the pickle at `offset`, whose length is not known before: a window that grows until it fits, and each run counts. */
async function unpickleAt(
  source: ByteSource,
  offset: number,
  rules: PickleRules,
  budget: MemoryBudget,
): Promise<{ value: unknown; end: number }> {
  const available = source.size - offset;
  for (let window = FIRST_WINDOW; ; window *= 8) {
    const bytes = await readRange(source, offset, Math.min(window, available), 'a pickle');
    try {
      const { value, end } = unpickle(bytes, rules, { name: source.name, offset, available }, budget);
      return { value, end: offset + end };
    } catch (error) {
      if (!(error instanceof NeedsMoreBytes)) throw error;
    }
  }
}

/** Offset of each storage's bytes. They follow each other in the order of the last pickle's keys. */
async function locateStorages(
  source: ByteSource,
  { value: keys, end }: { value: unknown; end: number },
  rules: TorchRules,
): Promise<Map<string, number>> {
  if (!Array.isArray(keys)) throw new WeightFileError(source.name, 'has no list of storages after its pickle.');
  const offsets = new Map<string, number>();
  let position = end;
  for (const key of keys) {
    const storage = rules.storages.get(key as string) ?? rules.unread.get(key);
    if (!storage || offsets.has(storage.key))
      throw new WeightFileError(
        source.name,
        `lists storage '${shown(key)}' ${storage ? 'twice' : 'that no tensor uses'}. The file is damaged.`,
      );
    const label = `storage '${printable(storage.key)}'`;
    const header = await readRange(source, position, 8, `the length of ${label}`);
    const size = new DataView(header.buffer, header.byteOffset, 8).getBigInt64(0, true);
    if (size !== BigInt(storage.size))
      throw new WeightFileError(
        source.name,
        `${label} should have ${plural(storage.size, `${storage.dtype} element`)}, but its data declares ${count(size)}.`,
      );
    position += 8;
    offsets.set(storage.key, position);
    const length = storageBytes(storage);
    checkInside(source, position, length, label);
    position += length;
  }
  for (const key of rules.storages.keys()) {
    if (!offsets.has(key))
      throw new WeightFileError(source.name, `lacks storage '${printable(key)}'. The file is damaged.`);
  }
  return offsets;
}
