/** Files with the names of classes. */
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { readTextFile } from '../io/base/text.ts';

/**
 * The names in a file: a line each, or a JSON list.
 * @param count How many there must be.
 * @throws WeightFileError if it is no such file; ArgumentError for another number of names.
 */
export async function readLabels(path: string, count: number): Promise<string[]> {
  const text = await readTextFile(path);
  let labels: unknown = text
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r?\n/);
  try {
    labels = JSON.parse(text);
  } catch {
    // Lines, then.
  }
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string'))
    throw new WeightFileError(path, 'expected a line for each class, or a JSON list of names.');
  if (labels.length !== count)
    throw new ArgumentError(`${path}: has ${labels.length} names, but the model has ${count} classes.`);
  return labels;
}
