/** PyTorch checkpoints as `torch.save` has written them since 1.6: a zip of a pickle and one entry a storage. */
import type { ByteSource } from '../../device/byte-source.ts';
import type { ModelFormat, ReadOptions, WeightFile } from '../base/format.ts';
import { isZip, readZipDirectory } from '../zip/zip.ts';
import { checkByteOrder, hasPickle, readPickle, rootOf } from './archive.ts';
import { readState } from './state.ts';
import { torchChunks } from './write.ts';

export const torchZip: ModelFormat = {
  name: 'torch (zip)',
  extensions: ['.pth', '.pt', '.th', '.bin', '.ckpt'],
  holds: 'tensors',
  async matches(head, source) {
    return isZip(head) && hasPickle(await readZipDirectory(source));
  },
  read,
  writeState: torchChunks,
  storesMetadata: false,
};

async function read(source: ByteSource, options: ReadOptions): Promise<WeightFile> {
  const directory = await readZipDirectory(source);
  const root = rootOf(source, directory);
  await checkByteOrder(source, directory.get(`${root}byteorder`));
  const isScript = directory.has(`${root}constants.pkl`);
  const { value, storages } = isScript
    ? await (await import('./script.ts')).readScript(source, directory, root)
    : await readPickle(source, directory, `${root}data`);
  return readState(value, storages, source, torchZip.name, options);
}
