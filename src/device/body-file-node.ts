/** Bodies of URLs in a file that nobody else sees: memory is for weights, not for what a server sends. */
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { causeOf } from '../core/cause.ts';
import { WeightFileError } from '../core/errors.ts';
import type { KeepBody } from './byte-source.ts';
import { fileSource } from './file-source-node.ts';

/** In the system's temporary folder, without a name there: however the process ends, nothing is left. */
export const keepInFile: KeepBody = async (chunks, name) => {
  const path = join(tmpdir(), `regraft-download-${globalThis.crypto.randomUUID()}`);
  const failed = (error: unknown): never => {
    throw new WeightFileError(
      name,
      `cannot be kept in ${tmpdir()}: ${causeOf(error)}. Set TMPDIR to a folder with more space.`,
    );
  };
  const file = await open(path, 'wx+', 0o600).catch(failed);
  try {
    await unlink(path);
    let size = 0;
    for await (const chunk of chunks)
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, size).catch(failed);
        done += bytesWritten;
        size += bytesWritten;
      }
    return fileSource(file, name, size);
  } catch (error) {
    await file.close();
    throw error;
  }
};
