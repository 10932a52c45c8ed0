/** Texts with labels, in memory. */
import { sha256 } from '../../core/digest.ts';
import { DataError } from '../../core/errors.ts';
import { type Dataset, type Sample, type SplitOptions, splitIndices } from '../dataset.ts';
import { type Label, strataOf } from '../labels.ts';

/** A text, or two that belong together, and what it is labelled with. */
export interface TextSample<L extends Label = Label> {
  /** Where it is from, as `train.csv:17`. */
  readonly path: string;
  readonly text: string;
  readonly pair?: string;
  readonly label: L;
}

/** One text of a data set. */
export interface LabelledText<L extends Label = Label> extends Sample, TextSample<L> {}

/**
 * Texts and a label each.
 * @example
 * const texts = new TextDataset('reviews', ['bad', 'good'], [
 *   { path: '1', text: 'A delight.', label: 1 },
 *   { path: '2', text: 'Dull.', label: 0 },
 * ]);
 * console.log(texts.length, texts.label(0)); // 2 1
 */
export class TextDataset<L extends Label = Label> implements Dataset<LabelledText<L>> {
  /** The file or folder that it is of. */
  readonly name: string;
  /** Names of classes or labels, in the order of targets; none where labels are numbers. */
  readonly classes: readonly string[];
  readonly samples: readonly TextSample<L>[];

  constructor(name: string, classes: readonly string[], samples: readonly TextSample<L>[]) {
    this.name = name;
    this.classes = classes;
    this.samples = samples;
  }

  get length(): number {
    return this.samples.length;
  }

  #sample(index: number): TextSample<L> {
    const sample = this.samples[index];
    if (sample) return sample;
    throw new DataError(this.name, `has no text ${index}: indices go from 0 to ${this.length - 1}.`);
  }

  label(index: number): L {
    return this.#sample(index).label;
  }

  /** Characters of the text, or of both. */
  lengthOf(index: number): number {
    const { text, pair = '' } = this.#sample(index);
    return text.length + pair.length;
  }

  async get(index: number): Promise<LabelledText<L>> {
    return { ...this.#sample(index), index };
  }

  /** A digest of the text, or of both. */
  async key(index: number): Promise<string> {
    const { text, pair } = this.#sample(index);
    return sha256(JSON.stringify(pair === undefined ? [text] : [text, pair]));
  }

  /** The samples at `indices`, in that order. */
  subset(indices: readonly number[]): TextDataset<L> {
    return new TextDataset(
      this.name,
      this.classes,
      indices.map((index) => this.#sample(index)),
    );
  }

  /** As that of `ImageFolder`. @throws DataError where a part would be empty. */
  split(fraction: number, options: SplitOptions = {}): [train: TextDataset<L>, validation: TextDataset<L>] {
    const strata = strataOf(
      this.samples.map(({ label }) => label),
      this.classes.length,
      fraction,
    );
    const [first, second] = splitIndices(this.name, strata, fraction, options);
    return [this.subset(first), this.subset(second)];
  }
}
