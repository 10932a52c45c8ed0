/** The arrays of a large JSON object, element by element: one is in memory at a time, however many there are. */
import { DataError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';

/** Takes an element. @param index its place in the array, from 0 */
export type Visit = (value: unknown, index: number) => void;

const CHUNK = 1 << 22;
const MAX_ELEMENT = 1 << 26;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
/** Marks what begins or ends a string, a list, an object or an element. */
const STRUCTURE = Uint8Array.from({ length: 256 }, (_, byte) => Number('"[]{},'.includes(String.fromCharCode(byte))));
const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/**
 * Reads a JSON object whose values are large arrays, as COCO's files are. `NaN` and `Infinity`, which Python writes, are null.
 * @param visits what to call with the elements of an array, by the array's key; other values are passed over
 * @returns the keys of the object whose values are arrays; null where the file is a JSON list.
 * @throws DataError where the file is not JSON, ends early, or has an element of more than 64 MiB.
 */
export async function readElements(
  file: ByteSource,
  name: string,
  visits: Readonly<Record<string, Visit>>,
): Promise<string[] | null> {
  const reader = new Reader(name, visits);
  for (let at = 0; at < file.size && !reader.isList; at += CHUNK)
    reader.push(await file.read(at, Math.min(CHUNK, file.size - at)));
  return reader.end();
}

/** Follows strings and brackets; what stands between two commas of a wanted array is parsed by `JSON.parse`. */
class Reader {
  readonly #name: string;
  readonly #visits: Readonly<Record<string, Visit>>;
  readonly #keys: string[] = [];
  /** Bytes from the start of what is being read. */
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Where the string, key or element being read begins in them; -1: none. */
  #start = -1;
  #depth = 0;
  #inString = false;
  /** The last string at depth 1: a key where a colon follows. */
  #key: string | null = null;
  #visit: Visit | undefined;
  #index = 0;
  #ended = false;
  isList = false;

  constructor(name: string, visits: Readonly<Record<string, Visit>>) {
    this.#name = name;
    this.#visits = visits;
  }

  push(chunk: Uint8Array): void {
    const from = this.#start < 0 ? this.#at : this.#start;
    const rest = this.#bytes.subarray(from);
    if (rest.length > MAX_ELEMENT)
      throw new DataError(this.#name, `${this.#where()} has more than ${MAX_ELEMENT.toLocaleString('en')} bytes.`);
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    this.#bytes = bytes;
    this.#at -= from;
    if (this.#start >= 0) this.#start = 0;
    this.#scan();
  }

  end(): string[] | null {
    if (this.isList) return null;
    if (this.#ended) return this.#keys;
    if (this.#depth === 0) throw new DataError(this.#name, 'is empty. Get it again.');
    throw new DataError(this.#name, `ends in the middle of ${this.#where()}. Get it again.`);
  }

  #where(): string {
    if (this.#visit) return `element ${this.#index + 1} of '${this.#key}'`;
    return this.#key === null ? 'its first key' : `'${this.#key}'`;
  }

  #scan(): void {
    const bytes = this.#bytes;
    while (this.#at < bytes.length && !this.isList) {
      const byte = bytes[this.#at]!;
      if (this.#inString) {
        const quote = bytes.indexOf(QUOTE, this.#at);
        if (quote < 0) {
          // An escape may stand across the end of a chunk: the string is looked at again from where it may.
          this.#at = Math.max(this.#at, bytes.length - trailing(bytes, bytes.length));
          return;
        }
        this.#at = quote + 1;
        if (trailing(bytes, quote) % 2 === 1) continue;
        this.#inString = false;
        if (this.#depth === 1 && this.#start >= 0) this.#endKey(quote + 1);
        continue;
      }
      this.#step(byte);
      this.#at++;
      // Numbers, spaces and words in the middle of something change nothing.
      if (this.#depth > 2 || this.#start >= 0)
        while (this.#at < bytes.length && !STRUCTURE[bytes[this.#at]!]) this.#at++;
    }
  }

  /** A byte outside of strings. */
  #step(byte: number): void {
    if (this.#ended) {
      if (!isSpace(byte)) throw this.#noJson('goes on after its end');
    } else if (this.#depth === 0) this.#begin(byte);
    else if (byte === QUOTE) {
      this.#inString = true;
      this.#startAt(this.#depth === 1 || this.#isElement());
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      this.#startAt(this.#isElement());
      this.#depth++;
      if (this.#depth === 2 && byte === OPEN_LIST) this.#openArray();
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.#close();
    else if (byte === COMMA && this.#isElement()) this.#endElement();
    else if (!isSpace(byte)) this.#startAt(this.#isElement());
  }

  /** Whether what stands here is an element of a wanted array. */
  #isElement(): boolean {
    return this.#depth === 2 && this.#visit !== undefined;
  }

  #startAt(wanted: boolean): void {
    if (wanted && this.#start < 0) this.#start = this.#at;
  }

  #begin(byte: number): void {
    // A byte order mark.
    if (isSpace(byte) || byte === 0xef || byte === 0xbb || byte === 0xbf) return;
    if (byte === OPEN_LIST) this.isList = true;
    else if (byte !== OPEN_OBJECT) throw this.#noJson('does not begin with {');
    else this.#depth = 1;
  }

  #endKey(end: number): void {
    this.#key = this.#parse(end) as string;
    this.#start = -1;
  }

  #openArray(): void {
    if (this.#key === null) throw this.#noJson('has a value without a key');
    this.#keys.push(this.#key);
    this.#visit = Object.hasOwn(this.#visits, this.#key) ? this.#visits[this.#key] : undefined;
    this.#index = 0;
  }

  #close(): void {
    if (this.#isElement() && this.#start >= 0) this.#endElement();
    this.#depth--;
    if (this.#depth === 1) this.#visit = undefined;
    if (this.#depth === 0) this.#ended = true;
  }

  #endElement(): void {
    if (this.#start < 0) throw this.#noJson(`has nothing at ${this.#where()}`);
    const value = this.#parse(this.#at);
    this.#start = -1;
    this.#visit!(value, this.#index++);
  }

  #parse(end: number): unknown {
    const text = UTF8.decode(this.#bytes.subarray(this.#start, end));
    try {
      return JSON.parse(text);
    } catch {
      try {
        return JSON.parse(text.replace(NOT_FINITE, (token) => (token.startsWith('"') ? token : 'null')));
      } catch {
        throw this.#noJson(`has something else at ${this.#where()}`);
      }
    }
  }

  #noJson(what: string): DataError {
    return new DataError(this.#name, `is not JSON: it ${what}. Write it again.`);
  }
}

const UTF8 = new TextDecoder();

/** Strings, which stay, and what Python writes for numbers that JSON does not have. */
const NOT_FINITE = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** How many backslashes stand before `end`. */
function trailing(bytes: Uint8Array, end: number): number {
  let n = 0;
  while (n < end && bytes[end - 1 - n] === BACKSLASH) n++;
  return n;
}
