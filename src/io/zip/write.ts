/** Zip archives out, entry by entry: stored, each entry's bytes at a multiple of 64 where they can be mapped into memory. */
import { crc32 } from '../base/bytes.ts';

/** One file for {@link zipChunks}. `bytes` is called when its turn comes, once. */
export interface ZipInput {
  readonly name: string;
  bytes(): Uint8Array;
}

/** Alignment of the bytes of each entry. */
const ALIGNMENT = 64;
/** Sizes, offsets and counts from here on need the fields of Zip64. */
const LIMIT32 = 0xffffffff;
const LIMIT16 = 0xffff;
/** 1 January 1980, the first date that zip knows: the same content gives the same file. */
const DATE = 0x21;
/** Names are UTF-8. */
const FLAGS = 0x800;

interface Written {
  readonly name: Uint8Array;
  readonly size: number;
  readonly crc: number;
  readonly offset: number;
}

/**
 * The bytes of an archive of `entries`, in their order. Only one entry is in memory at a time.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function* zipChunks(entries: Iterable<ZipInput>): Generator<Uint8Array> {
  const written: Written[] = [];
  let position = 0;
  for (const entry of entries) {
    const bytes = entry.bytes();
    const name = new TextEncoder().encode(entry.name);
    const record = { name, size: bytes.byteLength, crc: crc32(bytes), offset: position };
    const header = localHeader(record);
    yield header;
    yield bytes;
    position += header.length + bytes.byteLength;
    written.push(record);
  }
  const start = position;
  for (const record of written) {
    const header = directoryHeader(record);
    yield header;
    position += header.length;
  }
  yield directoryEnd(written.length, start, position - start);
}

function localHeader({ name, size, crc, offset }: Written): Uint8Array {
  const wide = size >= LIMIT32;
  const wideLength = wide ? 20 : 0;
  const before = offset + 30 + name.length + wideLength + 4;
  const padding = (ALIGNMENT - (before % ALIGNMENT)) % ALIGNMENT;
  const out = new FieldWriter(30 + name.length + wideLength + 4 + padding);
  out.u32(0x04034b50).u16(wide ? 45 : 20);
  out.u16(FLAGS).u16(0).u16(0).u16(DATE).u32(crc);
  out.u32(wide ? LIMIT32 : size).u32(wide ? LIMIT32 : size);
  out.u16(name.length).u16(wideLength + 4 + padding);
  out.raw(name);
  if (wide) out.u16(1).u16(16).u64(size).u64(size);
  // An extra field of PyTorch's own, 'FB', which readers skip: it only moves the data to its place.
  out.u16(0x4246).u16(padding);
  return out.bytes.fill(0x5a, out.bytes.length - padding);
}

function directoryHeader({ name, size, crc, offset }: Written): Uint8Array {
  const sizes = size >= LIMIT32;
  const far = offset >= LIMIT32;
  const wideLength = (sizes ? 16 : 0) + (far ? 8 : 0);
  const extra = wideLength > 0 ? wideLength + 4 : 0;
  const out = new FieldWriter(46 + name.length + extra);
  out
    .u32(0x02014b50)
    .u16(wideLength > 0 ? 45 : 20)
    .u16(wideLength > 0 ? 45 : 20);
  out.u16(FLAGS).u16(0).u16(0).u16(DATE).u32(crc);
  out.u32(sizes ? LIMIT32 : size).u32(sizes ? LIMIT32 : size);
  out.u16(name.length).u16(extra).u16(0).u16(0).u16(0).u32(0);
  out.u32(far ? LIMIT32 : offset);
  out.raw(name);
  if (extra > 0) out.u16(1).u16(wideLength);
  if (sizes) out.u64(size).u64(size);
  if (far) out.u64(offset);
  return out.bytes;
}

function directoryEnd(entries: number, start: number, size: number): Uint8Array {
  const wide = entries >= LIMIT16 || start >= LIMIT32 || size >= LIMIT32;
  const out = new FieldWriter((wide ? 76 : 0) + 22);
  if (wide) {
    out.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0);
    out.u64(entries).u64(entries).u64(size).u64(start);
    out
      .u32(0x07064b50)
      .u32(0)
      .u64(start + size)
      .u32(1);
  }
  const [n, length, offset] = wide ? [LIMIT16, LIMIT32, LIMIT32] : [entries, size, start];
  out.u32(0x06054b50).u16(0).u16(0).u16(n).u16(n).u32(length).u32(offset).u16(0);
  return out.bytes;
}

/** Little-endian fields, one after the other. */
class FieldWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }
  u16(n: number): this {
    this.#view.setUint16(this.#position, n, true);
    this.#position += 2;
    return this;
  }
  u32(n: number): this {
    this.#view.setUint32(this.#position, n, true);
    this.#position += 4;
    return this;
  }
  u64(n: number): this {
    this.#view.setBigUint64(this.#position, BigInt(n), true);
    this.#position += 8;
    return this;
  }
  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#position);
    this.#position += bytes.length;
    return this;
  }
}
