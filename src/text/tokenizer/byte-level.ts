/** GPT-2's spelling of bytes as printable characters, so that any text is a text of 256 characters. */
import type { AlignedText } from './aligned-text.ts';
import { characterAt } from './aligned-text.ts';

/** The character of each byte: itself where it is printable in Latin-1, else one from U+0100 on. */
export const CHARACTER_OF_BYTE: readonly string[] = spelling();
const BYTE_OF_CHARACTER = new Map(CHARACTER_OF_BYTE.map((character, byte) => [character, byte]));
/** The first of GPT-2's two steps: contractions, words with the space before them, numbers, the rest. */
export const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const encoder = new TextEncoder();

function spelling(): string[] {
  let next = 0x100;
  const printable = (byte: number) => byte >= 0x21 && byte !== 0xad && !(byte > 0x7e && byte < 0xa1);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** Every character as the characters of its bytes. */
export function asBytes(source: AlignedText): AlignedText {
  if (/^[ -~]*$/.test(source.text)) return source.with(source.text.replaceAll(' ', CHARACTER_OF_BYTE[0x20]!));
  return source.map(spelled);
}

/** A text as the characters of its bytes. */
export function spelled(text: string): string {
  let out = '';
  for (const byte of encoder.encode(text)) out += CHARACTER_OF_BYTE[byte];
  return out;
}

/** The bytes that `token` spells, or those of its UTF-8 where a character of it is no byte. */
export function bytesOf(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token[i]!);
    if (byte === undefined) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** Spaces at the beginning, and at the end, of a token: plain ones, or spelled as a byte. */
export function spacesOf(token: string): readonly [leading: number, trailing: number] {
  const space = (c: string) => c === CHARACTER_OF_BYTE[0x20] || /\p{White_Space}/u.test(c);
  let leading = 0;
  let trailing = 0;
  while (leading < token.length && space(characterAt(token, leading))) leading++;
  while (trailing < token.length && space(token[token.length - 1 - trailing]!)) trailing++;
  return [leading, trailing];
}
