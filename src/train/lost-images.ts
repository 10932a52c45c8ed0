/** Images that can no longer be read in the middle of a run: some are left out and told, many stop it. */
import { DataError } from '../core/errors.ts';
import type { SkippedSample } from '../data/data-loader.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import type { Progress } from './progress.ts';

/** The images left out of a run so far. */
export class LostImages {
  readonly #found: SkippedSample[];
  readonly #share: number;
  readonly #progress: Progress | null | undefined;

  /**
   * @param before those of earlier phases of the run
   * @param share how many of a data set's images there may be; one is always allowed
   */
  constructor(before: readonly SkippedSample[] = [], share = 1, progress?: Progress | null) {
    this.#found = [...before];
    this.#share = share;
    this.#progress = progress;
  }

  /** The images, each once. */
  get found(): readonly SkippedSample[] {
    return this.#found;
  }

  /**
   * Tells the new ones among `skipped`.
   * @throws DataError where they are more than may be, or all of a class and not all may be.
   */
  check(part: 'training' | 'validation', data: Dataset<Sample>, skipped: readonly SkippedSample[]): void {
    // Batches are loaded side by side: their order is chance.
    const ordered = [...skipped].sort((a, b) => a.index - b.index);
    const gone = skipped.length === 0 || this.#share === 1 ? null : missingClass(data, skipped);
    if (gone !== null || skipped.length > Math.max(1, this.#share * data.length)) {
      const { path, reason } = ordered[0]!;
      const all = gone === null ? '' : `, all of class '${gone}' among them`;
      throw new DataError(
        path,
        `${reason} ${skipped.length} of ${data.length} ${part} images cannot be read${all}; this is the first. Put them back, then resume the run; or remove them and begin again.`,
      );
    }
    const key = ({ index, path }: SkippedSample) => `${index} ${path}`;
    const known = new Set(this.#found.map(key));
    for (const sample of ordered) {
      if (known.has(key(sample))) continue;
      this.#found.push(sample);
      this.#progress?.note(`Skipped ${sample.path}: ${sample.reason}`);
    }
  }
}

/** The first class all of whose images are in `skipped`. */
function missingClass(data: Dataset<Sample>, skipped: readonly SkippedSample[]): string | null {
  if (!data.label) return null;
  const left = new Map<number, number>();
  const add = (index: number, n: number) => {
    const label = data.label!(index);
    // Float targets are no classes.
    if (typeof label === 'number') left.set(label, (left.get(label) ?? 0) + n);
  };
  for (let i = 0; i < data.length; i++) add(i, 1);
  for (const { index } of skipped) add(index, -1);
  const gone = [...left].find(([, n]) => n === 0)?.[0];
  return gone === undefined ? null : (data.classes?.[gone] ?? String(gone));
}
