/** Which files are images, told by their first bytes: what Node's and the browser's decoder share. */
import { DataError } from '../../core/errors.ts';

/** What ImageFolder takes for an image, by the end of its name: torchvision's list, other names of JPEG, and GIF and AVIF. Case does not matter. */
export const IMAGE_EXTENSIONS: readonly string[] = [
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.pjpeg',
  '.pjp',
  '.png',
  '.ppm',
  '.bmp',
  '.pgm',
  '.pnm',
  '.tif',
  '.tiff',
  '.webp',
  '.gif',
  '.avif',
];

/** Thrown with the reason only; the caller knows the file's name. */
export class BitmapError extends Error {}

/** More pixels than this are refused, as in Pillow: a small file that claims them is an attack or a mistake. */
export const MAX_PIXELS: number = 178_956_970;

export type Format = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp' | 'pnm';

const latin1 = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** The format by the first bytes, whatever the name says; undefined for anything else (SVG and PDF too: they are programs, not photos). */
function formatOf(bytes: Uint8Array): Format | undefined {
  const start = latin1(bytes, 0, 12);
  if (start.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('GIF8')) return 'gif';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'webp';
  if (/^(II[*+]\0|MM\0[*+])/.test(start)) return 'tiff';
  if (brandsOf(bytes).some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  if (start.startsWith('BM')) return 'bmp';
  return /^P[56]\s/.test(start) ? 'pnm' : undefined;
}

/** Whether bytes are an image's, and not text that begins like one (`BM` begins a list of cars too). */
export function isImageFile(bytes: Uint8Array): boolean {
  const isText = bytes.subarray(0, 512).every((byte) => byte >= 0x20 || byte === 0 || (byte >= 0x09 && byte <= 0x0d));
  return formatOf(bytes) !== undefined && !isText;
}

/** What a file of ISO's media container (HEIC, AVIF, MP4) says that it is: its own brand, and those that it goes by too. */
function brandsOf(bytes: Uint8Array): string[] {
  if (latin1(bytes, 4, 8) !== 'ftyp') return [];
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const end = Math.min(size, bytes.length, 64);
  const at = Array.from({ length: Math.max(0, (end - 8) >> 2) }, (_, i) => 8 + 4 * i);
  return at.map((from) => latin1(bytes, from, from + 4));
}

/** The format of an image file. @throws DataError where it is empty or no image. */
export function checkedFormat(bytes: Uint8Array, name: string): Format {
  if (bytes.length === 0) throw new DataError(name, 'is empty (0 bytes). Remove it or replace it.');
  const format = formatOf(bytes);
  if (format) return format;
  if (brandsOf(bytes).some((brand) => /^(hei[cxms]|hev[cx]|mif1|msf1)$/.test(brand)))
    throw new DataError(name, 'is a HEIC photo, which is not read. Save it as JPEG.');
  const start = latin1(bytes, 0, 8).replace(/[^\x20-\x7e]/g, '.');
  throw new DataError(
    name,
    `is not an image that can be read: it starts with "${start}". Remove it or save it as JPEG or PNG.`,
  );
}
