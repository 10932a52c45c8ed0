/** What tasks of texts have in common: texts to batches of token ids. */
import { check, whole } from '../core/check.ts';
import type { HostTensors } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import type { Tokenizer } from '../text/tokenizer/tokenizer.ts';

/** A text, or two that belong together. */
export interface TextOrPair {
  readonly text: string;
  readonly pair?: string;
}

/** The tokens of a text. */
interface Tokens {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
}

/** Tokens that a network takes where its tokenizer does not say. */
const MOST_TOKENS = 512;

/** Texts to batches of ids, filled up to a few lengths, so that few plans are made. The tokens of each text are kept. */
export class TextBatches {
  /** Longer texts are cut. */
  readonly maxLength: number;
  readonly #tokenizer: Tokenizer;
  readonly #known = new Map<string, Tokens>();

  /**
   * @param op names the task in errors
   * @throws ArgumentError for what is no tokenizer, one without a token to fill up with, and a length that is no whole number from 1 on.
   */
  constructor(op: string, tokenizer: Tokenizer, maxLength: number | undefined) {
    if (typeof tokenizer?.encode !== 'function')
      throw new ArgumentError(
        `${op}: expected a tokenizer, got ${shown(tokenizer)}. Pass that of the network: await openTokenizer(folder).`,
      );
    if (!tokenizer.specialTokens.pad_token)
      throw new ArgumentError(
        `${op}: the tokenizer has no padding token, so texts of different lengths cannot be in one batch. Name one in openTokenizer's padToken.`,
      );
    const most = Math.min(tokenizer.modelMaxLength, MOST_TOKENS);
    this.maxLength = check(op, 'maxLength', maxLength ?? most, whole(1));
    this.#tokenizer = tokenizer;
  }

  /**
   * Int32 [N, length]: `input_ids`, `attention_mask` (1 for tokens, 0 for what fills up), and of pairs that the tokenizer tells apart
   * `token_type_ids`.
   */
  inputs(samples: readonly TextOrPair[]): HostTensors {
    const all = samples.map((sample) => this.#tokens(sample));
    const length = Math.min(
      this.maxLength,
      roundedLength(all.reduce((most, { ids }) => Math.max(most, ids.length), 0)),
    );
    const shape = [samples.length, length];
    const filled = (rows: readonly Int32Array[], by: number) => {
      const data = new Int32Array(samples.length * length).fill(by);
      for (const [row, values] of rows.entries()) data.set(values, row * length);
      return { data, shape };
    };
    const ids = all.map((tokens) => tokens.ids);
    const types = all.map((tokens) => tokens.typeIds);
    const hasTypes = types.some((row) => row.some((type) => type !== 0));
    return {
      input_ids: filled(ids, this.#tokenizer.specialTokens.pad_token!.id),
      attention_mask: filled(
        ids.map((row) => row.map(() => 1)),
        0,
      ),
      ...(hasTypes && { token_type_ids: filled(types, 0) }),
    };
  }

  #tokens({ text, pair }: TextOrPair): Tokens {
    const key = pair === undefined ? text : `${text}\0${pair}`;
    let tokens = this.#known.get(key);
    if (!tokens) {
      const { maxLength } = this;
      const { ids, typeIds } = this.#tokenizer.encode(text, { maxLength, ...(pair !== undefined && { pair }) });
      tokens = { ids: Int32Array.from(ids), typeIds: Int32Array.from(typeIds) };
      this.#known.set(key, tokens);
    }
    return tokens;
  }
}

/** A length among a few that is enough: up to 64 in steps of 16, up to 256 in steps of 32, then of 64. */
function roundedLength(length: number): number {
  const step = length <= 64 ? 16 : length <= 256 ? 32 : 64;
  return Math.ceil(length / step) * step;
}
