/**
 * File names as text. Node reads a name that is not UTF-8 with its bytes lost; here such bytes become lone surrogates, as in Python
 * (`surrogateescape`), so that the text names the file again.
 */

/** U+DC00 and a byte from 0x80 on. */
const ESCAPE = 0xdc00;
const ESCAPED = /\p{Surrogate}/u;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name's text. */
export function textOfName(bytes: Buffer): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

/** Well-formed runs as text, other bytes one by one. */
function escaped(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at]! < 0xc0 ? 1 : bytes[at]! < 0xe0 ? 2 : bytes[at]! < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(ESCAPE + bytes[at]!);
      at++;
    }
  }
  return text;
}

/** A path as Node's functions take it: bytes where the text stands for a name that is not UTF-8. */
export function pathOf(text: string): string | Buffer {
  if (!isEscaped(text)) return text;
  return Buffer.concat(
    [...text].map((char) => (isEscaped(char) ? Buffer.of(char.charCodeAt(0) & 0xff) : Buffer.from(char))),
  );
}

/** Whether a text stands for a name that is not UTF-8. */
export const isEscaped = (text: string): boolean => ESCAPED.test(text);
