/** Bytes and typed arrays, as weight files need them: checked ranges, little-endian elements, CRC-32. */
import type { StoredArray, StoredDType, TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { printable as escapeLine } from '../../core/printable.ts';
import type { ByteSource } from '../../device/byte-source.ts';

/** The field's order: files hold little-endian elements, and typed arrays are views on them only if the machine agrees. */
export const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** `4,960,909`: counts and offsets as errors print them. */
export function count(n: number | bigint): string {
  return n.toLocaleString('en-US');
}

/** `1 tensor`, `2 tensors`. */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Text out of a file, fit for one line of a message: unprintable characters escaped, at most 80 characters. */
export function printable(text: string): string {
  const escaped = escapeLine(text.slice(0, 80));
  return text.length > 80 ? `${escaped}…` : escaped;
}

/** A value out of a file, fit for a message: containers are only named, since they may be deep, cyclic or huge. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (Array.isArray(value)) return `a list of ${plural(value.length, 'item')}`;
  if (value instanceof Map) return 'a dictionary';
  return typeof value === 'object' || typeof value === 'function' ? 'an object' : printable(String(value));
}

/** Names for an error: the first five, and how many more. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(printable).join(', ');
  return names.length > 5 ? `${shown} and ${count(names.length - 5)} more` : shown;
}

/**
 * Checks that bytes [offset, offset + length) are inside the file; both numbers may come out of the file itself.
 * @throws WeightFileError that calls them `what`.
 */
export function checkInside(source: ByteSource, offset: number, length: number, what: string): void {
  if (offset >= 0 && length >= 0 && offset + length <= source.size) return;
  throw new WeightFileError(
    source.name,
    `${what} takes ${count(length)} bytes at byte ${count(offset)}, but the file ends at ${count(source.size)}. ` +
      'It is truncated or damaged: get it again.',
  );
}

/** Bytes [offset, offset + length), once {@link checkInside} has passed: nothing is allocated before. */
export async function readRange(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  checkInside(source, offset, length, what);
  return source.read(offset, length);
}

/**
 * Elements of `dtype` over `bytes`: the same memory where `bytes` is the whole of its buffer, else a copy (which a view
 * on the caller's bytes needs, both for alignment and because tensors may be written to).
 */
export function elementsOf(dtype: StoredDType, bytes: Uint8Array<ArrayBuffer>): StoredArray {
  const { buffer } = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

/** The bytes of a tensor's elements, without a copy. */
export function bytesOf({ data }: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Pieces behind one another; a sole one is given as it is. */
export function joined(chunks: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const parts = [...chunks];
  if (parts.length === 1) return parts[0] as Uint8Array<ArrayBuffer>;
  const bytes = new Uint8Array(parts.reduce((n, { length }) => n + length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** Whether every element of a shape is a size that a tensor can have, and their product one that can be counted. */
export function isShape(sizes: readonly unknown[]): sizes is readonly number[] {
  let n = 1;
  for (const d of sizes) {
    if (!Number.isSafeInteger(d) || (d as number) < 0) return false;
    n *= Math.max(1, d as number);
  }
  return n <= Number.MAX_SAFE_INTEGER;
}

/**
 * Whether a path out of a file is one that it may name: below its own folder. Nothing that climbs (URLs also do by `%2e`),
 * is absolute, or names a drive or host.
 */
export function isPlainPath(path: string): boolean {
  const segments = path.replace(/^\.\//, '').split('/');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file system has NUL in a name
  return segments.every((name) => /^[^\\:?#\u0000]+$/.test(name) && name !== '..') && !/%2e/i.test(path);
}

/** The key that all spellings of a plain path share on systems that ignore case, or dots at the end of a name. */
export function fileKey(path: string): string {
  const unescaped = path.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  const names = unescaped.split('/').map((name) => name.replace(/[. ]+$/, ''));
  const key = names.filter((name) => name !== '').join('/');
  return key.normalize('NFC').toLowerCase();
}

let crcTables: Int32Array[] | undefined;

/** CRC-32 (ISO 3309, as in zip), eight bytes a round: 100 MB take a fraction of a second. */
export function crc32(bytes: Uint8Array): number {
  crcTables ??= makeCrcTables();
  const [t0, t1, t2, t3, t4, t5, t6, t7] = crcTables as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = -1;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeCrcTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    tables[0]![n] = c;
  }
  for (let t = 1; t < 8; t++) {
    for (let n = 0; n < 256; n++) {
      const c = tables[t - 1]![n]!;
      tables[t]![n] = tables[0]![c & 255]! ^ (c >>> 8);
    }
  }
  return tables;
}
