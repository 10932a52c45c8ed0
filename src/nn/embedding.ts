/** Tables of vectors: one a word, a position, a kind. */
import { check } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { type EmbeddingAttributes, embedding as op } from '../ops/embedding.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { normalValues } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { COUNT } from './sizes.ts';

/** Options of {@link Embedding} and {@link embedding}. */
export interface EmbeddingOptions {
  /** The row that stands for nothing, and gets no gradient; negative ones count from the end. */
  paddingIdx?: number;
}

const OPTIONS: OptionNames<EmbeddingOptions> = { paddingIdx: true };

/**
 * Rows of `weight` [rows, width] by their numbers, int32 of any shape: [..., width]. As `F.embedding`.
 * @throws ShapeError for numbers that are not int32, or a table that is no matrix; ArgumentError for a number that is no row's, as far as they are on the host.
 */
export function embedding(ids: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkOptions('embedding', options, OPTIONS);
  return apply<EmbeddingAttributes>(op, [ids, weight], options);
}

/**
 * A table of `numEmbeddings` vectors, looked up by int32 numbers of any shape: [...] to [..., embeddingDim].
 * @example
 * const words = new Embedding(30522, 768, { paddingIdx: 0 });
 * words.forward(tensor(Int32Array.of(101, 7592, 102), [1, 3])); // [1, 3, 768]
 */
export class Embedding extends Module {
  /** [numEmbeddings, embeddingDim]; normal, with 0 in the row of paddingIdx. */
  weight: Parameter;
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** Not negative; null where there is none. */
  readonly paddingIdx: number | null;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    checkOptions('Embedding', options, OPTIONS);
    this.numEmbeddings = check('Embedding', 'numEmbeddings', numEmbeddings, COUNT);
    this.embeddingDim = check('Embedding', 'embeddingDim', embeddingDim, COUNT);
    const { paddingIdx } = options;
    const padding = paddingIdx !== undefined && paddingIdx < 0 ? numEmbeddings + paddingIdx : paddingIdx;
    if (padding !== undefined && !(Number.isInteger(padding) && padding >= 0 && padding < numEmbeddings))
      throw new ArgumentError(
        `Embedding: paddingIdx must be the number of one of ${numEmbeddings} rows, got ${paddingIdx}.`,
      );
    this.paddingIdx = padding ?? null;
    this.weight = new Parameter([numEmbeddings, embeddingDim], () => new Float32Array(numEmbeddings * embeddingDim));
    this.initialize();
  }

  /** Draws the weight anew: normal around 0, the row of paddingIdx 0. */
  initialize(deviation = 1): void {
    const { paddingIdx: padding, embeddingDim: width } = this;
    const values = normalValues(this.weight.size, 0, deviation);
    this.weight.initialize(() =>
      padding === null ? values() : values().fill(0, padding * width, (padding + 1) * width),
    );
  }

  override forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight, this.paddingIdx === null ? {} : { paddingIdx: this.paddingIdx });
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`;
  }
}
