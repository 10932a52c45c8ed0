/** How tokens become text again: the `decoder` of tokenizer.json. */
import { bytesOf } from './byte-level.ts';
import { patternOf } from './pattern.ts';
import type { Section } from './section.ts';

export type Decoder = (tokens: readonly string[]) => readonly string[];

/** The decoder of a section. @throws WeightFileError for one that is not known. */
export function decoderOf(section: Section): Decoder {
  const make = DECODERS[section.type];
  return make ? make(section) : section.fail(`is '${section.type}', which is not known.`, 'type');
}

const DECODERS: Readonly<Record<string, (section: Section) => Decoder>> = {
  Sequence(section) {
    const all = section.sections('decoders').map(decoderOf);
    return (tokens) => all.reduce((before, decoder) => decoder(before), tokens);
  },
  WordPiece(section) {
    const prefix = section.text('prefix', '##');
    const clean = section.flag('cleanup', true) ? cleanUp : (text: string) => text;
    return (tokens) =>
      tokens.map((token, i) => {
        if (i === 0) return clean(token);
        return clean(token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
      });
  },
  ByteLevel: () => (tokens) => {
    const parts = tokens.map(bytesOf);
    const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return [utf8(bytes)];
  },
  Metaspace(section) {
    const mark = section.text('replacement');
    const byDefault = section.fields.add_prefix_space === false ? 'never' : 'always';
    const prefixed = section.text('prepend_scheme', byDefault) !== 'never';
    return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && prefixed ? '' : ' '));
  },
  Replace(section) {
    const [pattern, content] = [patternOf(section), section.text('content')];
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  BPEDecoder(section) {
    const suffix = section.text('suffix', '</w>');
    return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
  },
  Fuse: () => (tokens) => [tokens.join('')],
  Strip(section) {
    const [content, start, stop] = [section.text('content'), section.number('start'), section.number('stop')];
    return (tokens) => tokens.map((token) => stripped(token, content, start, stop));
  },
  ByteFallback: () => byteFallback,
  CTC(section) {
    const pad = section.text('pad_token', '<pad>');
    const delimiter = section.text('word_delimiter_token', '|');
    const clean = section.flag('cleanup', true);
    return (tokens) =>
      tokens
        .filter((token, i) => token !== tokens[i - 1])
        .map((token) => token.replaceAll(pad, ''))
        .map((token) => (clean ? cleanUp(token).replaceAll(delimiter, ' ') : token))
        .filter((token) => token !== '');
  },
};

const SPACED: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
];
const CONTRACTED = ["'s", "'ve", "'re"].map((text) => [` ${text}`, text] as const);

/** English punctuation and contractions without the space before them, as `transformers` does it for BERT. */
export function cleanUp(text: string): string {
  return [...SPACED, [' do not', " don't"] as const, ...CONTRACTED].reduce(
    (all, [from, to]) => all.replaceAll(from, to),
    text,
  );
}

/** The same without a change of words: what `clean_up_tokenization_spaces` asks for. */
export function cleanUpSpaces(text: string): string {
  return [...SPACED, ...CONTRACTED].reduce((all, [from, to]) => all.replaceAll(from, to), text);
}

function stripped(token: string, content: string, start: number, stop: number): string {
  const characters = [...token];
  let [from, to] = [0, characters.length];
  while (from < Math.min(start, to) && characters[from] === content) from++;
  for (let i = 0; i < stop && to > from && characters[to - 1] === content; i++) to--;
  return characters.slice(from, to).join('');
}

/** Runs of `<0xE2>` as the text that they are, or as one � a byte. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) out.push(...(strictUtf8(Uint8Array.from(bytes)) ?? bytes.map(() => '\ufffd')));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9a-fA-F]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) {
      bytes.push(Number.parseInt(byte, 16));
      continue;
    }
    flush();
    out.push(token);
  }
  flush();
  return out;
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

function strictUtf8(bytes: Uint8Array): [string] | undefined {
  try {
    return [new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(bytes)];
  } catch {
    return undefined;
  }
}
