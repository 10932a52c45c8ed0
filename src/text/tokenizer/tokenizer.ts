/** Texts to ids and back. */
import { check, oneOf, whole } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { shown } from '../../core/options.ts';
import { cleanUpSpaces } from './decoders.ts';
import { type Encoding, sliceTokens, type TokenLists } from './encoding.ts';
import { type Padding, type PadOptions, padded, paddedLength } from './pad.ts';
import type { Pipeline } from './pipeline.ts';
import type { Special, SpecialName } from './special.ts';
import { keptLengths, type Side, type Truncation, windows } from './truncate.ts';

/** A text, or one that has been split into words, each of which is tokenised by itself. */
export type TextInput = string | readonly string[];

/** Options of {@link Tokenizer.encode}. */
export interface EncodeOptions {
  /** A second text, for tasks that compare two or ask the second one something. */
  readonly pair?: TextInput;
  /** At most so many tokens, special ones among them; no limit by default. */
  readonly maxLength?: number;
  /** Which text is cut: `longest_first` by default. */
  readonly truncation?: Truncation;
  /** Gives all of a text in windows, each of which begins so many tokens into the one before: the first, with the others as `overflow`. */
  readonly stride?: number;
  /** Whether special tokens stand around the texts: true by default. */
  readonly specialTokens?: boolean;
}

/** Options of {@link Tokenizer.encodeBatch}. */
export interface EncodeBatchOptions extends Omit<EncodeOptions, 'pair'> {
  /** The second texts, as many as there are first ones. */
  readonly pairs?: readonly TextInput[];
  /** How long they become: as the longest by default. `false` leaves them as they are. */
  readonly pad?: PadOptions | false;
}

/** Options of {@link Tokenizer.decode}. */
export interface DecodeOptions {
  /** Leaves special tokens out; false by default. */
  readonly skipSpecialTokens?: boolean;
  /** Whether the spaces before English punctuation go; by default as tokenizer_config.json says, false if it does not. */
  readonly cleanUp?: boolean;
}

/** What the files around tokenizer.json say. */
export interface TokenizerSettings {
  readonly special: Special;
  readonly padTypeId: number;
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  /** Tokens that the network takes at most; Infinity where nothing is said. */
  readonly modelMaxLength: number;
  readonly cleanUp: boolean;
}

/** Texts to ids and back, as Hugging Face's `tokenizers` does it. Opened by {@link openTokenizer}. */
export class Tokenizer {
  /** The tokens that begin, end, separate or stand in for something. */
  readonly specialTokens: Readonly<Partial<Record<SpecialName, { readonly token: string; readonly id: number }>>>;
  /** Tokens that the network takes at most, as tokenizer_config.json says; Infinity where it does not. */
  readonly modelMaxLength: number;
  readonly #pipeline: Pipeline;
  readonly #settings: TokenizerSettings;

  /** @internal */
  constructor(pipeline: Pipeline, settings: TokenizerSettings) {
    this.#pipeline = pipeline;
    this.#settings = settings;
    this.modelMaxLength = settings.modelMaxLength;
    this.specialTokens = Object.fromEntries(
      Object.entries(settings.special).flatMap(([name, token]) => {
        const id = pipeline.id(token);
        return id === undefined ? [] : [[name, { token, id }]];
      }),
    );
  }

  /** Every id is below this. */
  get vocabularySize(): number {
    return this.#pipeline.size;
  }

  /** The id of a token as the vocabulary spells it; undefined if it has none. */
  tokenToId(token: string): number | undefined {
    return this.#pipeline.id(token);
  }

  /** The vocabulary's spelling of an id; undefined if there is none. */
  idToToken(id: number): string | undefined {
    return this.#pipeline.token(id);
  }

  /**
   * The tokens of a text or two. What the file says of truncation and padding is not followed: options do.
   * @throws ArgumentError if `maxLength` leaves no room for the special tokens, or `stride` is no less than the room for a window.
   */
  encode(text: TextInput, options: EncodeOptions = {}): Encoding {
    const { pair, maxLength, truncation = 'longest_first', stride, specialTokens = true } = options;
    check('encode', 'truncation', truncation, oneOf('longest_first', 'only_first', 'only_second'));
    if (stride !== undefined) check('encode', 'stride', stride, whole(0));
    const lists = (pair === undefined ? [text] : [text, pair]).map((one) => this.#tokenize(one));
    if (maxLength === undefined) {
      if (stride !== undefined) throw new ArgumentError('encode: stride is of windows, which need maxLength.');
      return this.#assembled(lists, specialTokens, []);
    }
    const room = check('encode', 'maxLength', maxLength, whole(1)) - (specialTokens ? this.#added(lists.length) : 0);
    if (room < 1) {
      throw new ArgumentError(
        `encode: maxLength is ${maxLength}, which leaves no room for text beside ${this.#added(lists.length)} special tokens. Raise it.`,
      );
    }
    const lengths = lists.map(({ ids }) => ids.length);
    const kept = keptLengths(lengths, room, truncation);
    const side = this.#settings.truncationSide;
    const cut = lists.map(({ ids }, i) => windows(ids.length, kept[i]!, 0, side)[0]!);
    const first = lists.map((list, i) => sliceTokens(list, ...cut[i]!));
    const long = lengths.flatMap((length, i) => (kept[i]! < length ? [i] : []));
    if (stride === undefined || long.length === 0) return this.#assembled(first, specialTokens, []);
    if (long.length > 1) {
      throw new ArgumentError(
        `encode: both texts are too long for ${maxLength} tokens, but windows are of one. Pass truncation: 'only_first' or 'only_second'.`,
      );
    }
    const at = long[0]!;
    if (stride >= kept[at]!) {
      throw new ArgumentError(
        `encode: windows have room for ${kept[at]} tokens of the text, but stride is ${stride}. Lower it, or raise maxLength.`,
      );
    }
    const rest = windows(lengths[at]!, kept[at]!, stride, side).slice(1);
    const overflow = rest.map((range) =>
      this.#assembled(first.with(at, sliceTokens(lists[at]!, ...range)), specialTokens, []),
    );
    return this.#assembled(first, specialTokens, overflow);
  }

  /**
   * The tokens of many texts, filled up to one length.
   * @throws ArgumentError as `encode` and `pad` do, and if there are more or fewer `pairs` than texts.
   */
  encodeBatch(texts: readonly TextInput[], { pairs, pad, ...options }: EncodeBatchOptions = {}): readonly Encoding[] {
    if (pairs && pairs.length !== texts.length) {
      throw new ArgumentError(`encodeBatch: there are ${texts.length} texts but ${pairs.length} pairs.`);
    }
    const all = texts.map((text, i) => this.encode(text, pairs ? { ...options, pair: pairs[i]! } : options));
    return pad === false ? all : this.pad(all, pad);
  }

  /**
   * Encodings, and their windows, filled up with the padding token.
   * @throws ArgumentError if the tokenizer has none, or an encoding is longer than `length`.
   */
  pad(encodings: readonly Encoding[], options: PadOptions = {}): readonly Encoding[] {
    const length = paddedLength(
      encodings.flatMap((encoding) => [encoding, ...encoding.overflow]),
      options,
    );
    const short = encodings.some((one) => [one, ...one.overflow].some(({ ids }) => ids.length < length));
    if (!short) return encodings;
    return encodings.map((encoding) =>
      padded(encoding, length, options.side ?? this.#settings.paddingSide, this.#padding()),
    );
  }

  /**
   * The text of ids.
   * @throws ArgumentError for what is no id; ids without a token (a table may have more rows than the tokenizer has tokens) give nothing.
   */
  decode(
    ids: Iterable<number>,
    { skipSpecialTokens = false, cleanUp = this.#settings.cleanUp }: DecodeOptions = {},
  ): string {
    const list = [...ids];
    for (const id of list) {
      if (!Number.isInteger(id) || id < 0) {
        throw new ArgumentError(
          `decode: expected ids, whole numbers from 0 on, got ${shown(id)}. Leave ignored labels (-100) out.`,
        );
      }
    }
    const text = this.#pipeline.decode(list, skipSpecialTokens);
    return cleanUp ? cleanUpSpaces(text) : text;
  }

  #tokenize(text: TextInput): TokenLists {
    if (typeof text === 'string') return this.#pipeline.tokenize(text);
    if (Array.isArray(text) && text.every((word) => typeof word === 'string'))
      return this.#pipeline.tokenizeWords(text);
    throw new ArgumentError(`encode: expected a text or a list of words, got ${shown(text)}.`);
  }

  /** Special tokens around so many texts. */
  #added(texts: number): number {
    const { single, pair } = this.#pipeline.post;
    return (texts === 1 ? single : pair).reduce((count, part) => count + ('ids' in part ? part.ids.length : 0), 0);
  }

  #assembled(lists: readonly TokenLists[], specialTokens: boolean, overflow: readonly Encoding[]): Encoding {
    const { single, pair } = this.#pipeline.post;
    const ids: number[] = [];
    const tokens: string[] = [];
    const typeIds: number[] = [];
    const specialMask: number[] = [];
    const offsets: (readonly [number, number])[] = [];
    const words: (number | null)[] = [];
    const sequences: (number | null)[] = [];
    for (const part of lists.length === 1 ? single : pair) {
      const special = 'ids' in part;
      if (special && !specialTokens) continue;
      const list = special ? part : lists[part.sequence]!;
      const places = special ? [] : this.#pipeline.trimmed(lists[part.sequence]!);
      for (let i = 0; i < list.ids.length; i++) {
        ids.push(list.ids[i]!);
        tokens.push(list.tokens[i]!);
        typeIds.push(part.typeId);
        specialMask.push(special ? 1 : 0);
        offsets.push(places[i] ?? [0, 0]);
        words.push(special ? null : lists[part.sequence]!.words[i]!);
        sequences.push(special ? null : part.sequence);
      }
    }
    return { ids, tokens, typeIds, mask: ids.map(() => 1), specialMask, offsets, words, sequences, overflow };
  }

  #padding(): Padding {
    const pad = this.specialTokens.pad_token;
    if (pad) return { ...pad, typeId: this.#settings.padTypeId };
    throw new ArgumentError(
      "pad: the tokenizer has no padding token, so texts of different lengths cannot be in one batch. Name one in openTokenizer's padToken.",
    );
  }
}
