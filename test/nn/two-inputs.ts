/** A small network of two inputs, one of them int32, and of two outputs; both in records. */
import { cat, type Tensor } from '../../src/index.ts';
import { Buffer, Linear, Module } from '../../src/nn/index.ts';

export interface Inputs {
  /** Words by their numbers, int32 [N, 4]. */
  readonly ids: Tensor;
  /** [N, 3] */
  readonly values: Tensor;
}

export interface Outputs {
  /** [N, 3] */
  readonly logits: Tensor;
  /** [N, 1] */
  readonly size: Tensor;
}

const WORDS = 6;

/** Counts words, and joins what it makes of them with the values. */
export class TwoInputs extends Module<[Inputs], Outputs> {
  numbers = new Buffer([WORDS], () => Float32Array.from({ length: WORDS }, (_, k) => k));
  words = new Linear(WORDS, 8);
  body = new Linear(8 + 3, 8);
  logits = new Linear(8, 3);
  size = new Linear(8, 1);

  forward({ ids, values }: Inputs): Outputs {
    const counts = ids.unsqueeze(2).eq(this.numbers).sum(1);
    const words = this.words.forward(counts).relu();
    const hidden = this.body.forward(cat([words, values], 1)).relu();
    return { logits: this.logits.forward(hidden), size: this.size.forward(hidden) };
  }
}

/** Its inputs, as summaries and exports take them. */
export const INPUTS = {
  ids: { shape: [1, 4], dtype: 'int32' },
  values: { shape: [1, 3] },
} as const;
