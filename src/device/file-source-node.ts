/** Files as byte sources. */
import { constants, existsSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { causeOf } from '../core/cause.ts';
import { WeightFileError } from '../core/errors.ts';
import { type ByteSource, checkRange } from './byte-source.ts';
import { pathOf } from './file-name-node.ts';

/** Files that name what else lies in their folder: a folder with one of them is opened by it. */
const INDEXES = ['.metadata', 'config.json', 'model.safetensors.index.json', 'pytorch_model.bin.index.json'];

/** The file that a folder of weights is opened by: of torch.distributed.checkpoint, or of Hugging Face, whose `config.json` goes first. Undefined for any other path. */
export function indexOfFolder(path: string): string | undefined {
  return INDEXES.map((name) => join(path, name)).find((file) => existsSync(file));
}

/**
 * Opens a file, a folder by its index. Neither a pipe without a writer nor a device is waited for or read.
 * @throws WeightFileError if there is none, it may not be read, it is something else, or nearly nothing of it is there.
 */
export async function openFile(path: string): Promise<ByteSource> {
  const file = await open(pathOf(path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    const cause = causeOf(error);
    const fix = cause === 'there is no such file' ? `${cause}. Check the path.` : `cannot be opened: ${cause}.`;
    throw new WeightFileError(path, fix);
  });
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    const index = stat.isDirectory() ? indexOfFolder(path) : undefined;
    if (index !== undefined) return openFile(index);
    const got = stat.isDirectory() ? 'a folder' : stat.isFIFO() ? 'a pipe' : 'a device';
    throw new WeightFileError(path, `expected a file, got ${got}. Check the path.`);
  }
  if (await isHollow(file, stat)) {
    await file.close();
    const [there, all] = [512 * (stat.blocks ?? 0), stat.size].map((bytes) => bytes.toLocaleString('en-US'));
    throw new WeightFileError(
      path,
      `is mostly holes: ${there} of its ${all} bytes are on the disk. It was not downloaded or copied to its end: get it again.`,
    );
  }
  return { ...fileSource(file, path, stat.size), beside: (relative) => openFile(join(dirname(path), relative)) };
}

/** What a file may take in memory follows from its size; up to this many bytes it does not matter how many are there. */
const SMALL = 1 << 20;
const SAMPLES = 64;

/**
 * Whether most of a file is holes, as left by a download that was given its room first: the system counts few blocks, and most places
 * read as zeros. Systems that compress, or that count later, have few blocks of a whole file too.
 */
async function isHollow(file: FileHandle, { size, blocks }: Stats): Promise<boolean> {
  if (size <= SMALL || 2 * 512 * blocks >= size) return false;
  const bytes = new Uint8Array(4096);
  let zeros = 0;
  for (let i = 0; i < SAMPLES; i++) {
    await file.read(bytes, 0, bytes.length, Math.floor(Math.random() * (size - bytes.length)));
    if (bytes.every((byte) => byte === 0)) zeros++;
  }
  return 2 * zeros > SAMPLES;
}

/** The first `size` bytes of a file that is open; closing the source closes it. */
export function fileSource(file: FileHandle, name: string, size: number): ByteSource {
  let closed = false;
  return {
    name,
    size,
    async read(offset, length) {
      if (closed) throw new WeightFileError(name, 'was read after it was closed.');
      checkRange(name, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done).catch((error: unknown) => {
          throw new WeightFileError(name, `cannot be read: ${causeOf(error)}.`);
        });
        if (bytesRead === 0) throw new WeightFileError(name, 'became shorter while it was read. Try again.');
        done += bytesRead;
      }
      return bytes;
    },
    async close() {
      if (closed) return;
      closed = true;
      await file.close();
    },
  };
}
