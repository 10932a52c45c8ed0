/** PyTorch checkpoints as `torch.save` has written them since 1.6: a zip of a pickle and one entry a storage. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { printable } from '../base/bytes.ts';
import type { ModelFormat, ReadOptions, WeightFile } from '../base/format.ts';
import { isZip, readZipDirectory, readZipEntry, type ZipEntry } from '../zip/zip.ts';
import { readPickle } from './archive.ts';
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
  await checkByteOrder(source, directory.get(`${root}byteorder`));
  const isScript = directory.has(`${root}constants.pkl`);
  const { value, storages } = isScript
    ? await (await import('./script.ts')).readScript(source, directory, root)
    : await readPickle(source, directory, `${root}data`);
  return readState(value, storages, source, torchZip.name, options);
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
