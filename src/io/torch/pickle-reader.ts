/** The bytes of a pickle: checked reads, and the opcodes that are nothing but a value. */
import { WeightFileError } from '../../core/errors.ts';
import { count } from '../base/bytes.ts';

/** The place of a pickle: its file, its first byte, and the bytes that the file has from there on. */
export interface PicklePlace {
  readonly name: string;
  readonly offset: number;
  readonly available: number;
}

/** The pickle goes on past the bytes at hand; the file has more. */
export class NeedsMoreBytes extends Error {}

const NAME_LIMIT = 512;
const INTEGER_LIMIT = 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class PickleReader {
  position = 0;
  /** Position of the opcode that is being run. */
  opcodeAt = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: PicklePlace;

  constructor(bytes: Uint8Array, place: PicklePlace) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#place = place;
  }

  /** `at byte 1,204` */
  get at(): string {
    return `at byte ${count(this.#place.offset + this.opcodeAt)}`;
  }

  /** @throws WeightFileError always. */
  fail(detail: string): never {
    throw new WeightFileError(this.#place.name, detail);
  }

  uint(width: 1 | 2 | 4): number {
    const p = this.#advance(width);
    return width === 1 ? this.#bytes[p]! : width === 2 ? this.#view.getUint16(p, true) : this.#view.getUint32(p, true);
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  float64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  bytes(length: number): Uint8Array {
    const p = this.#advance(length);
    return this.#bytes.subarray(p, p + length);
  }

  utf8(length: number): string {
    const bytes = this.bytes(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      this.fail(`the text ${this.at} is not UTF-8. The file is damaged.`);
    }
  }

  /** Text of Python 2, whose bytes stand for themselves. */
  latin1(length: number): string {
    return latin1(this.bytes(length));
  }

  /** A two's-complement integer of any width: a number where that is exact, else a bigint. */
  integer(length: number): number | bigint {
    if (length > INTEGER_LIMIT)
      this.fail(
        `the integer ${this.at} has ${count(length)} bytes: more than ${count(INTEGER_LIMIT)} are no number of a checkpoint.`,
      );
    const digits = Array.from(this.bytes(length), (byte) => byte.toString(16).padStart(2, '0'));
    const value = length ? BigInt.asIntN(8 * length, BigInt(`0x${digits.reverse().join('')}`)) : 0n;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** A name that ends with a line feed. */
  line(): string {
    const start = this.position;
    const length = this.#bytes.subarray(start, start + NAME_LIMIT).indexOf(0x0a);
    if (length < 0) {
      this.#advance(NAME_LIMIT);
      this.fail(`a class name ${this.at} is longer than ${NAME_LIMIT} bytes.`);
    }
    return latin1(this.bytes(length + 1).subarray(0, length));
  }

  /** Steps over `length` bytes that are all there, and returns where they begin. */
  #advance(length: number): number {
    const start = this.position;
    const end = start + length;
    const { offset, available } = this.#place;
    if (end > available)
      this.fail(
        `the pickle ends in the middle: the opcode ${this.at} reads to byte ${count(offset + end)}, ` +
          `but the pickle's bytes end at ${count(offset + available)}. The file is truncated or damaged: get it again.`,
      );
    if (end > this.#bytes.length) throw new NeedsMoreBytes();
    this.position = end;
    return start;
  }
}

/** Each byte as the character of its number. (TextDecoder's 'latin1' is windows-1252, which differs from 0x80 to 0x9f.) */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let p = 0; p < bytes.length; p += 4096) text += String.fromCharCode(...bytes.subarray(p, p + 4096));
  return text;
}

/** Opcodes that push one value, which the bytes after them spell out. */
export const LITERALS: Readonly<Record<number, (from: PickleReader) => unknown>> = {
  /* NONE             */ 78: () => null,
  /* NEWTRUE          */ 136: () => true,
  /* NEWFALSE         */ 137: () => false,
  /* BININT1          */ 75: (from) => from.uint(1),
  /* BININT2          */ 77: (from) => from.uint(2),
  /* BININT           */ 74: (from) => from.uint(4) | 0,
  /* LONG1            */ 138: (from) => from.integer(from.uint(1)),
  /* LONG4            */ 139: (from) => from.integer(from.uint(4)),
  /* BINFLOAT         */ 71: (from) => from.float64(),
  /* SHORT_BINUNICODE */ 140: (from) => from.utf8(from.uint(1)),
  /* BINUNICODE       */ 88: (from) => from.utf8(from.uint(4)),
  /* BINUNICODE8      */ 141: (from) => from.utf8(from.uint64()),
  /* SHORT_BINSTRING  */ 85: (from) => from.latin1(from.uint(1)),
  /* BINSTRING        */ 84: (from) => from.latin1(from.uint(4)),
  /* SHORT_BINBYTES   */ 67: (from) => from.bytes(from.uint(1)),
  /* BINBYTES         */ 66: (from) => from.bytes(from.uint(4)),
  /* BINBYTES8        */ 142: (from) => from.bytes(from.uint64()),
  /* BYTEARRAY8       */ 150: (from) => from.bytes(from.uint64()),
  /* EMPTY_TUPLE      */ 41: () => [],
  /* EMPTY_LIST       */ 93: () => [],
  /* EMPTY_DICT       */ 125: () => new Map(),
  /* EMPTY_SET        */ 143: () => new Set(),
};
