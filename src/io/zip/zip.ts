/**
 * Zip archives by range: the directory, then single entries, so that a stored entry is read without the rest of the file.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { checkInside, count, crc32, printable, readRange } from '../base/bytes.ts';
import { MemoryBudget } from '../base/memory.ts';

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes that the name takes in the archive. */
  readonly nameLength: number;
  /** Size in bytes, unpacked. */
  readonly size: number;
  /** Size in bytes in the archive. */
  readonly packedSize: number;
  /** 0: stored; 8: deflated. */
  readonly method: number;
  readonly encrypted: boolean;
  /** CRC-32 of the unpacked bytes; 0 where the writer did not compute it. */
  readonly crc: number;
  readonly headerOffset: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const NAMES = new TextDecoder();
const INFLATE_STEP = 1 << 14;

/** Whether a file starts as a zip archive does. */
export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
}

/**
 * The entries of an archive by name, in the directory's order.
 * @throws WeightFileError if the directory is missing or contradicts itself or the file.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { offset, size, entries } = await findDirectory(source);
  const bytes = await readRange(source, offset, size, 'the zip directory');
  const view = viewOf(bytes);
  const directory = new Map<string, ZipEntry>();
  let p = 0;
  for (let i = 0; i < entries; i++) {
    if (p + 46 > size || view.getUint32(p, true) !== CENTRAL) damaged(source, `entry ${count(i)} of its directory`);
    const nameLength = view.getUint16(p + 28, true);
    const extraLength = view.getUint16(p + 30, true);
    const next = p + 46 + nameLength + extraLength + view.getUint16(p + 32, true);
    if (next > size) damaged(source, `entry ${count(i)} of its directory`);
    const name = NAMES.decode(bytes.subarray(p + 46, p + 46 + nameLength));
    const wide = new Zip64Fields(view, p + 46 + nameLength, extraLength);
    const entry: ZipEntry = {
      name,
      nameLength,
      method: view.getUint16(p + 10, true),
      encrypted: (view.getUint16(p + 8, true) & 1) !== 0,
      crc: view.getUint32(p + 16, true),
      size: wide.resolve(view.getUint32(p + 24, true)),
      packedSize: wide.resolve(view.getUint32(p + 20, true)),
      headerOffset: wide.resolve(view.getUint32(p + 42, true)),
    };
    if (entry.headerOffset + 30 + nameLength + entry.packedSize > offset)
      throw new WeightFileError(
        source.name,
        `zip entry '${printable(name)}' takes ${count(entry.packedSize)} bytes at byte ${count(entry.headerOffset)}, ` +
          `past where the entries end (${count(offset)}). The file is damaged: get it again.`,
      );
    if (directory.has(name)) throw new WeightFileError(source.name, `has two zip entries named '${printable(name)}'.`);
    directory.set(name, entry);
    p = next;
  }
  if (p !== size) damaged(source, `the end of its directory, which has more than its ${count(entries)} entries`);
  refuseOverlaps(source, directory);
  refuseBombs(source, directory);
  return directory;
}

/**
 * Bytes [offset, offset + length) of an entry, unpacked. A stored entry is read by range; a deflated one is inflated up to
 * its declared size and not a byte further. The CRC-32 is checked when the whole entry is read.
 * @throws WeightFileError
 */
export async function readZipEntry(
  source: ByteSource,
  entry: ZipEntry,
  offset = 0,
  length: number = entry.size,
): Promise<Uint8Array<ArrayBuffer>> {
  const label = `zip entry '${printable(entry.name)}'`;
  if (entry.encrypted) throw new WeightFileError(source.name, `${label} is encrypted, which is not read.`);
  const start = await dataOffset(source, entry);
  if (entry.method === 8) {
    const whole = await inflate(source, entry, start, label);
    checkCrc(source, entry, whole, label);
    return length === whole.length ? whole : whole.subarray(offset, offset + length);
  }
  if (entry.method !== 0)
    throw new WeightFileError(
      source.name,
      `${label} is packed by method ${entry.method}: expected stored or deflated.`,
    );
  if (entry.size !== entry.packedSize)
    throw new WeightFileError(
      source.name,
      `${label} is stored, but declares ${count(entry.size)} bytes in ${count(entry.packedSize)}. The file is damaged.`,
    );
  const bytes = await readRange(source, start + offset, length, label);
  if (length === entry.size) checkCrc(source, entry, bytes, label);
  return bytes;
}

/** Offset of an entry's bytes: after its local header, whose length the directory does not know, and which repeats the name. */
export async function dataOffset(source: ByteSource, entry: ZipEntry): Promise<number> {
  const bytes = await readRange(source, entry.headerOffset, 30 + entry.nameLength, 'a zip header');
  const header = viewOf(bytes);
  const nameLength = header.getUint16(26, true);
  if (
    header.getUint32(0, true) !== LOCAL ||
    nameLength !== entry.nameLength ||
    NAMES.decode(bytes.subarray(30)) !== entry.name
  )
    damaged(source, `the header of entry '${printable(entry.name)}'`);
  return entry.headerOffset + 30 + nameLength + header.getUint16(28, true);
}

async function inflate(
  source: ByteSource,
  entry: ZipEntry,
  start: number,
  label: string,
): Promise<Uint8Array<ArrayBuffer>> {
  checkInside(source, start, entry.packedSize, label);
  const out = new Uint8Array(entry.size);
  let filled = 0;
  let finished = false;
  // PyTorch stores without compression: most archives do without.
  const { Inflate } = await import('fflate');
  const stream = new Inflate((chunk, final) => {
    if (filled + chunk.length > out.length)
      throw new WeightFileError(
        source.name,
        `${label} unpacks to more than the ${count(out.length)} bytes it declares.`,
      );
    out.set(chunk, filled);
    filled += chunk.length;
    finished = final;
  });
  for (let p = 0; p < entry.packedSize; p += INFLATE_STEP) {
    const step = Math.min(INFLATE_STEP, entry.packedSize - p);
    const packed = await readRange(source, start + p, step, label);
    try {
      stream.push(packed, p + step === entry.packedSize);
    } catch (error) {
      if (error instanceof WeightFileError) throw error;
      throw new WeightFileError(
        source.name,
        `${label} cannot be inflated (${(error as Error).message}). The file is damaged.`,
      );
    }
  }
  if (!finished || filled !== out.length)
    throw new WeightFileError(
      source.name,
      `${label} unpacks to ${count(filled)} bytes; it declares ${count(out.length)}.`,
    );
  return out;
}

function checkCrc(source: ByteSource, entry: ZipEntry, bytes: Uint8Array, label: string): void {
  // torch.save can be told not to compute it and writes 0 then.
  if (entry.crc !== 0 && crc32(bytes) !== entry.crc)
    throw new WeightFileError(source.name, `${label} does not match its checksum. The file is damaged: get it again.`);
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number; entries: number }> {
  const length = Math.min(source.size, 65_557);
  const tail = await readRange(source, source.size - length, length, 'the end of the zip archive');
  const view = viewOf(tail);
  for (let p = length - 22; p >= 0; p--) {
    if (view.getUint32(p, true) !== END || p + 22 + view.getUint16(p + 20, true) !== length) continue;
    if (p >= 20 && view.getUint32(p - 20, true) === END64_LOCATOR) return findDirectory64(source, view, p - 20);
    const found = {
      entries: view.getUint16(p + 10, true),
      size: view.getUint32(p + 12, true),
      offset: view.getUint32(p + 16, true),
    };
    return checkDirectory(source, found);
  }
  throw new WeightFileError(
    source.name,
    'is a zip archive without its directory, which stands at the end. It is truncated: get it again.',
  );
}

async function findDirectory64(source: ByteSource, tail: DataView, locator: number) {
  const end = viewOf(await readRange(source, Number(tail.getBigUint64(locator + 8, true)), 56, 'the zip directory'));
  if (end.getUint32(0, true) !== END64) damaged(source, 'the end of its directory');
  return checkDirectory(source, {
    entries: Number(end.getBigUint64(32, true)),
    size: Number(end.getBigUint64(40, true)),
    offset: Number(end.getBigUint64(48, true)),
  });
}

function checkDirectory<D extends { offset: number; size: number; entries: number }>(source: ByteSource, found: D): D {
  if (found.offset + found.size > source.size || found.entries * 46 > found.size)
    throw new WeightFileError(
      source.name,
      `its zip directory declares ${count(found.entries)} entries in ${count(found.size)} bytes at byte ${count(found.offset)}; ` +
        `the file has ${count(source.size)}. It is damaged: get it again.`,
    );
  return found;
}

/** Entries that share bytes are how a small archive unpacks to a huge one. */
function refuseOverlaps(source: ByteSource, directory: ReadonlyMap<string, ZipEntry>): void {
  const byOffset = [...directory.values()].sort((a, b) => a.headerOffset - b.headerOffset);
  for (let i = 1; i < byOffset.length; i++) {
    const before = byOffset[i - 1]!;
    if (before.headerOffset + 30 + before.packedSize > byOffset[i]!.headerOffset)
      throw new WeightFileError(
        source.name,
        `zip entries '${printable(before.name)}' and '${printable(byOffset[i]!.name)}' overlap.`,
      );
  }
}

/** Deflated weights shrink by tenths; an archive that grows more than tensors may is made to. */
function refuseBombs(source: ByteSource, directory: ReadonlyMap<string, ZipEntry>): void {
  const budget = MemoryBudget.ofTensors(source);
  for (const { name, method, size } of directory.values())
    if (method === 8) budget.take(size, `zip entry '${printable(name)}', unpacked with those before it,`);
}

/** The extra field of large archives: 64-bit values for those that read 0xffffffff, in a fixed order. */
class Zip64Fields {
  readonly #view: DataView;
  #position = 0;
  #end = 0;
  constructor(view: DataView, start: number, length: number) {
    this.#view = view;
    for (let p = start; p + 4 <= start + length; ) {
      const size = view.getUint16(p + 2, true);
      if (view.getUint16(p, true) === 1) {
        this.#position = p + 4;
        this.#end = Math.min(p + 4 + size, start + length);
        return;
      }
      p += 4 + size;
    }
  }
  resolve(value: number): number {
    if (value !== 0xffffffff || this.#position + 8 > this.#end) return value;
    this.#position += 8;
    return Number(this.#view.getBigUint64(this.#position - 8, true));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: ByteSource, what: string): never {
  throw new WeightFileError(source.name, `the zip archive is damaged at ${what}. Get it again.`);
}
