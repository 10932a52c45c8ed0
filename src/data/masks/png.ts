/** PNG files to the numbers that they hold: indices of palettes stay indices, where a decoder of photos gives their colours. */
import { decode } from 'fast-png';
import { Unzlib } from 'fflate';
import { DataError } from '../../core/errors.ts';
import { oneLine } from '../../core/printable.ts';
import { MAX_PIXELS } from '../images/image-format.ts';

/** What a PNG holds. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** 1 (grey, or indices), 2 (grey and alpha), 3 or 4. */
  readonly channels: number;
  /** Row by row, the channels of a pixel side by side; a number each, whatever its bits. */
  readonly data: Uint8Array | Uint16Array;
  /** Colours r g b of the indices; null where there are none. */
  readonly palette: readonly (readonly [number, number, number])[] | null;
}

/** Chunks that pixels depend on; text, profiles and animations are left out, whatever they hold. */
const NEEDED = ['IHDR', 'PLTE', 'IDAT', 'IEND'];

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Decodes a PNG without changing its numbers.
 * @param name stands for the file in errors
 * @throws DataError where it is damaged, or claims more pixels than are read.
 */
export function decodePng(bytes: Uint8Array, name: string): PngImage {
  const fault = (what: string) => new DataError(name, `${what}. Remove it or replace it.`);
  const chunks = chunksOf(bytes);
  const header = chunks[0];
  if (header?.type !== 'IHDR' || header.data.length !== 13) throw fault('is a damaged PNG');
  const view = new DataView(header.data.buffer, header.data.byteOffset);
  const [width, height, depth] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)];
  if (!(width * height <= MAX_PIXELS && width * height > 0))
    throw fault(`claims ${width} x ${height} pixels; 1 to ${MAX_PIXELS.toLocaleString('en')} are read`);
  const bits = depth * (CHANNELS[view.getUint8(9)] ?? 4);
  if (depth < 8 && view.getUint8(12) !== 0)
    throw fault('is an interlaced PNG of fewer than 8 bits, which is not read; save it without interlacing');
  // Interlaced images have more, shorter rows.
  const most = 2 * height * (2 + Math.ceil((width * bits) / 8)) + 64;
  checkSize(chunks, most, fault);
  try {
    const { data, channels, palette } = decode(joined(bytes, chunks), { checkCrc: true });
    const numbers = depth < 8 ? unpacked(data as Uint8Array, width, height, depth) : (data as Uint8Array | Uint16Array);
    const colours = palette?.map(([r, g, b]) => [r!, g!, b!] as const) ?? null;
    return { width, height, channels, data: numbers, palette: colours };
  } catch (error) {
    throw fault(`is a damaged PNG (${oneLine((error as Error).message)})`);
  }
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** With its length, type and check sum. */
  readonly whole: Uint8Array;
}

/** The chunks that are needed, as far as the file goes. */
function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const chunk = { type, data: bytes.subarray(at + 8, at + 8 + length), whole: bytes.subarray(at, at + 12 + length) };
    if (NEEDED.includes(type)) chunks.push(chunk);
    if (type === 'IEND') break;
    at += 12 + length;
  }
  return chunks;
}

function joined(bytes: Uint8Array, chunks: readonly Chunk[]): Uint8Array {
  const out = new Uint8Array(8 + chunks.reduce((n, { whole }) => n + whole.length, 0));
  out.set(bytes.subarray(0, 8));
  let at = 8;
  for (const { whole } of chunks) {
    out.set(whole, at);
    at += whole.length;
  }
  return out;
}

/** What deflate makes of a byte at most. */
const RATIO = 1032;
/** What may be unpacked without looking first. */
const HARMLESS = 1 << 26;

/** Refuses pixels that unpack to far more than there are: the decoder would take memory for all of them. */
function checkSize(chunks: readonly Chunk[], most: number, fault: (what: string) => DataError): void {
  const packed = chunks.filter(({ type }) => type === 'IDAT');
  const bytes = packed.reduce((n, { data }) => n + data.length, 0);
  if (RATIO * bytes <= Math.max(most, HARMLESS)) return;
  let size = 0;
  const stream = new Unzlib((chunk) => {
    size += chunk.length;
  });
  for (const { data } of packed)
    for (let at = 0; at < data.length; at += 1 << 14) {
      try {
        stream.push(data.subarray(at, at + (1 << 14)), false);
      } catch {
        // The decoder tells what is wrong.
        return;
      }
      if (size > most) throw fault('is a PNG that unpacks to more than its pixels');
    }
}

/** One number a byte, of rows of 1, 2 or 4 bits each. */
function unpacked(data: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const out = new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  const mask = (1 << depth) - 1;
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to++) {
      const bit = x * depth;
      out[to] = (data[y * stride + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  return out;
}
