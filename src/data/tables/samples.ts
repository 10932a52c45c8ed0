/** Rows of tables to labelled images; what cannot be used is kept by reason. */
import { byReason, checkLeftOut, type LeftOut } from '../folders/left-out.ts';
import type { ImageFile } from '../images/image-dataset.ts';
import { classesOf, type Label } from '../labels.ts';
import { count } from '../some-of.ts';
import { type ImageRow, type NamedRows, placeOf } from './columns.ts';
import type { Labelling } from './labelling.ts';
import type { TablePart } from './parts.ts';

const CONTRADICTING = 'rows of one image that contradict each other';

/** Gathers the samples of one table after another. */
export class TableSamples {
  readonly #labelling: Labelling;
  /** Rows that something is wrong with, and rows that are not needed. */
  readonly #unusable: [reason: string, path: string][] = [];
  readonly #spare: [reason: string, path: string][] = [];
  /** Images that are samples already. */
  readonly #seen = new Set<string>();
  #rows = 0;

  constructor(labelling: Labelling) {
    this.#labelling = labelling;
  }

  /** Rows that are not used, by reason, as `train.csv:17`. */
  get leftOut(): LeftOut[] {
    return byReason([...this.#unusable, ...this.#spare]);
  }

  /** Counts the rows of a table that name no image. */
  addBad({ table, rows, bad }: NamedRows): void {
    this.#rows += rows.length + bad.length;
    for (const [reason, number] of bad) this.#unusable.push([reason, `${table.path}:${number}`]);
  }

  /** The samples of a part, one an image. */
  add({ of, rows, labels }: TablePart): ImageFile<Label>[] {
    const byImage = new Map<string, { readonly row: ImageRow; readonly label: Label }[]>();
    for (const row of rows) {
      const label = this.#labelling.labelOf(labels.map((c) => row.row.cells[c]!));
      const same = byImage.get(row.image);
      if (typeof label === 'string') this.#unusable.push([label, placeOf(of, row)]);
      else if (this.#seen.has(row.image)) this.#spare.push(['in training too', placeOf(of, row)]);
      else if (same) same.push({ row, label });
      else byImage.set(row.image, [{ row, label }]);
    }
    const samples: ImageFile<Label>[] = [];
    for (const [image, found] of byImage) {
      this.#seen.add(image);
      const [first, ...others] = found;
      if (this.#labelling.mergeable) samples.push({ path: image, label: merged(found.map(({ label }) => label)) });
      else if (others.every(({ label }) => String(label) === String(first!.label))) {
        samples.push({ path: image, label: first!.label });
        for (const { row } of others) this.#spare.push(['a second row of the same image', placeOf(of, row)]);
      } else for (const { row } of found) this.#unusable.push([CONTRADICTING, placeOf(of, row)]);
    }
    return samples;
  }

  /** @throws DataError where more than `share` of all rows are not usable. */
  check(file: string, share: number): void {
    const reasons = byReason(this.#unusable);
    const several = reasons.some(({ reason }) => reason === CONTRADICTING);
    const hint = several ? " Where an image has a row for each of its labels, write { kind: 'labels' }." : '';
    checkLeftOut(file, count(this.#rows, 'row'), this.#rows, reasons, share, hint);
  }
}

/** All labels that one of the rows has. */
function merged(labels: readonly Label[]): Label {
  const row = Float32Array.from(labels[0] as Float32Array);
  for (const label of labels) for (const c of classesOf(label, row.length)) row[c] = 1;
  return row;
}
