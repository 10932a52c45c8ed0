/** A whole tokenizer.json: from a text to its tokens, and back. */
import { type AddedToken, AddedTokens, addedToken } from './added-tokens.ts';
import { AlignedText } from './aligned-text.ts';
import { spacesOf } from './byte-level.ts';
import { type Decoder, decoderOf } from './decoders.ts';
import type { TokenLists } from './encoding.ts';
import { modelOf } from './model.ts';
import { type Normalizer, normalizerOf } from './normalizers.ts';
import { type PostProcessor, postProcessorOf } from './post-processor.ts';
import { type PreTokenizer, preTokenizerOf } from './pre-tokenizers.ts';
import type { Section } from './section.ts';
import type { TokenModel } from './token-model.ts';

export class Pipeline {
  readonly post: PostProcessor;
  readonly added: readonly AddedToken[];
  readonly #normalizer: Normalizer;
  readonly #preTokenizer: PreTokenizer;
  readonly #model: TokenModel;
  readonly #decoder: Decoder | undefined;
  readonly #extractor: AddedTokens;
  readonly #tokens: string[] = [];
  readonly #ids: Map<string, number>;
  readonly #special: ReadonlySet<number>;
  /** Whether a word has to bring the space before it along, since nothing puts one there. */
  readonly #bareBytes: boolean;

  /**
   * @param json tokenizer.json
   * @param more tokens besides those that it lists
   * @throws WeightFileError for what is not known or does not fit together.
   */
  constructor(json: Section, more: readonly AddedToken[] = []) {
    const [normalizer, preTokenizer, decoder] = ['normalizer', 'pre_tokenizer', 'decoder'].map((key) =>
      json.sectionOrNone(key),
    );
    this.#normalizer = normalizer ? normalizerOf(normalizer) : (text) => text;
    this.#preTokenizer = preTokenizer ? preTokenizerOf(preTokenizer) : (text) => [text];
    this.#bareBytes = preTokenizer?.type === 'ByteLevel' && preTokenizer.fields.add_prefix_space === false;
    this.#model = modelOf(json.section('model'));
    this.#decoder = decoder && decoderOf(decoder);
    this.post = postProcessorOf(json.sectionOrNone('post_processor'));
    this.#ids = new Map(this.#model.vocabulary);
    const listed = json.sections('added_tokens').map((section) => addedToken(section));
    const contents = new Set(listed.map(({ content }) => content));
    this.added = [...listed, ...more.filter(({ content }) => !contents.has(content))];
    for (const { content, id } of this.added) this.#ids.set(content, id);
    for (const [token, id] of this.#ids) this.#tokens[id] ??= token;
    for (const { content, id } of this.added) this.#tokens[id] = content;
    this.#special = new Set(this.added.filter(({ special }) => special).map(({ id }) => id));
    this.#extractor = new AddedTokens(
      this.added,
      this.#normalizer,
      (text) => this.#normalizer(AlignedText.of(text)).text,
    );
  }

  /** Ids are below this. */
  get size(): number {
    return this.#tokens.length;
  }

  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  token(id: number): string | undefined {
    return this.#tokens[id];
  }

  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /** The tokens of a text, without those around it. */
  tokenize(text: string): TokenLists {
    const lists: TokenLists = { ids: [], tokens: [], offsets: [], words: [] };
    this.#into(lists, text, 0, undefined);
    return lists;
  }

  /** The tokens of words, each by itself; offsets are those in the word. */
  tokenizeWords(words: readonly string[]): TokenLists {
    const lists: TokenLists = { ids: [], tokens: [], offsets: [], words: [] };
    words.forEach((word, i) => {
      const spaced = this.#bareBytes && i > 0 && word !== '' && !/^\p{White_Space}/u.test(word);
      this.#into(lists, spaced ? ` ${word}` : word, spaced ? 1 : 0, i);
    });
    return lists;
  }

  /** @param shift units before the text that are none of it @param word the number of every token's word */
  #into({ ids, tokens, offsets, words }: TokenLists, text: string, shift: number, word: number | undefined): void {
    let count = 0;
    const add = (id: number, token: string, start: number, end: number) => {
      ids.push(id);
      tokens.push(token);
      offsets.push([Math.max(start - shift, 0), Math.max(end - shift, 0)]);
      words.push(word ?? count);
    };
    // Half a pair is no character: � stands for it, as long as it is.
    const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const piece of whole === '' ? [] : this.#extractor.extract(AlignedText.of(whole))) {
      if (piece.token) {
        const { text, token } = piece;
        add(token.id, text.text, text.start(0), text.end(text.text.length - 1));
        count++;
        continue;
      }
      for (const part of this.#preTokenizer(piece.text)) {
        if (part.text === '') continue;
        this.#model.tokenize(part.text, (id, start, end) =>
          add(id, this.#tokens[id]!, part.start(start), part.end(end - 1)),
        );
        count++;
      }
    }
  }

  /** Offsets without the spaces around tokens, where the post-processor leaves them out. */
  trimmed({ tokens, offsets }: TokenLists): readonly (readonly [number, number])[] {
    const { trim } = this.post;
    if (!trim) return offsets;
    return offsets.map(([start, end], i) => {
      let [leading, trailing] = spacesOf(tokens[i]!);
      // The space that was put before the first word is none of the text's.
      if (trim.prefixSpace && leading === 1 && (i === 0 || start === 0)) leading = 0;
      const from = Math.min(start + leading, end);
      return [from, trailing > 0 && end >= trailing ? Math.max(end - trailing, from) : end] as const;
    });
  }

  /** The text of tokens. */
  decode(ids: readonly number[], skipSpecial: boolean): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokens[id];
      if (token !== undefined && !(skipSpecial && this.#special.has(id))) tokens.push(token);
    }
    return this.#decoder ? (tokens.length > 0 ? this.#decoder(tokens).join('') : '') : tokens.join(' ');
  }
}
