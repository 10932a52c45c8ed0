/** A data file's text. */
import { openSource } from '#files';
import { DataError, WeightFileError } from '../core/errors.ts';
import type { SourceLike } from '../device/byte-source.ts';

/**
 * The text of a file in UTF-8, or in UTF-16 with its mark, with plain line ends.
 * @throws DataError if it cannot be read, or is neither.
 */
export async function readText(source: SourceLike): Promise<{ readonly name: string; readonly text: string }> {
  try {
    const file = await openSource(source);
    try {
      const { name } = file;
      return { name, text: decoded(await file.read(0, file.size), name).replace(/\r\n?/g, '\n') };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof WeightFileError)) throw error;
    throw new DataError(error.path, error.message.slice(error.path.length + 2));
  }
}

function decoded(bytes: Uint8Array, name: string): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(name, `is not ${encoding.toUpperCase()}. Save it as UTF-8.`);
  }
}
