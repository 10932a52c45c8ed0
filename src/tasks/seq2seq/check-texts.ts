import { ArgumentError } from '../../core/errors.ts';

/** @throws ArgumentError for what is no text with at least one reference. */
export function checkTexts(metric: string, found: string, references: readonly string[]): void {
  if (typeof found === 'string' && Array.isArray(references) && references.length > 0) return;
  throw new ArgumentError(`${metric}: expected a text and at least one reference. Leave out texts that have none.`);
}
