/** Small text files: descriptions of models, lists of names. */
import { openSource, type SourceLike } from '#files';
import { WeightFileError } from '../../core/errors.ts';
import { count } from './bytes.ts';

/** More than any description or list of names takes. */
const LIMIT = 2 ** 26;

/**
 * The text of a file, which is read if it is a small one.
 * @throws WeightFileError if it cannot be read, or has more than 64 MiB.
 */
export async function readTextFile(source: SourceLike): Promise<string> {
  const file = await openSource(source);
  try {
    if (file.size > LIMIT)
      throw new WeightFileError(file.name, `has ${count(file.size)} bytes; expected text of ${count(LIMIT)} at most.`);
    return new TextDecoder().decode(await file.read(0, file.size));
  } finally {
    await file.close();
  }
}
