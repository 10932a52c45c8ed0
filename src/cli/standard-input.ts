/** Images on standard input: one image, or a list of them. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ArgumentError } from '../core/errors.ts';
import { isImageFile } from '../data/images/image-format.ts';
import { removeOnExit } from '../device/temporary-node.ts';

/** What standard input held. */
export interface StandardInput {
  /** Paths and whatever else may be named; of an image the file that it is kept in. */
  readonly inputs: readonly string[];
  /** The file of an image, which people know as `-`. */
  readonly image?: string;
}

/**
 * Reads standard input to its end: an image by its first bytes, else names of images, a line each (or ended by NUL, as
 * `find -print0` writes them).
 * @throws ArgumentError if there is nothing.
 */
export async function readStandardInput(): Promise<StandardInput> {
  const bytes = await buffer(process.stdin);
  if (isImageFile(bytes)) {
    const image = join(tmpdir(), `regraft-image-${randomUUID()}`);
    removeOnExit(image);
    await writeFile(image, bytes);
    return { inputs: [image], image };
  }
  const text = bytes.toString('utf8');
  const inputs = text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((name) => name.trim() !== '');
  if (inputs.length > 0) return { inputs };
  throw new ArgumentError('predict: standard input (-) is empty; expected an image, or paths of images, a line each.');
}
