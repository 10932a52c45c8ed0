/** EXIF orientation: the tag that says how a camera was held, and the turns that it stands for. */
import type { RgbImage } from './image.ts';
import type { Format } from './image-format.ts';

/** 'exif' turns an image as its tag says, as viewers do; 'ignore' leaves it as it is stored, as torchvision does. */
export type Orientation = 'exif' | 'ignore';

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** Default 'exif'. */
  readonly orientation?: Orientation;
}

/** An orientation tag as a mirroring of left and right, and then quarter turns clockwise. */
export interface Turn {
  readonly mirror: boolean;
  readonly quarters: 0 | 1 | 2 | 3;
}

/** By the tag's value, from 1. */
const TURNS: readonly Turn[] = [
  { mirror: false, quarters: 0 },
  { mirror: true, quarters: 0 },
  { mirror: false, quarters: 2 },
  { mirror: true, quarters: 2 },
  { mirror: true, quarters: 3 },
  { mirror: false, quarters: 1 },
  { mirror: true, quarters: 1 },
  { mirror: false, quarters: 3 },
];

const UPRIGHT = TURNS[0]!;

/** The turn that a file's tag asks for. What cannot be read, or is no orientation, asks for none. */
export function turnOf(bytes: Uint8Array, format: Format): Turn {
  const exif = exifOf(bytes, format);
  return (exif && TURNS[orientationIn(exif) - 1]) ?? UPRIGHT;
}

/** The EXIF block of a file: a TIFF header and what follows. */
function exifOf(bytes: Uint8Array, format: Format): Uint8Array | null {
  if (format === 'tiff') return bytes;
  if (format === 'jpeg') return jpegExif(bytes);
  const exif = format === 'png' ? chunk(bytes, PNG) : format === 'webp' ? chunk(bytes, WEBP) : null;
  // Some writers keep JPEG's prefix.
  return exif && isPrefixed(exif) ? exif.subarray(6) : exif;
}

/** How chunks follow each other. */
interface Chunks {
  readonly first: number;
  readonly type: string;
  /** Where the length and the type stand in a chunk's eight bytes, and what follows the data. */
  readonly lengthAt: number;
  readonly typeAt: number;
  readonly little: boolean;
  readonly after: (length: number) => number;
}

const PNG: Chunks = { first: 8, type: 'eXIf', lengthAt: 0, typeAt: 4, little: false, after: () => 4 };
const WEBP: Chunks = { first: 12, type: 'EXIF', lengthAt: 4, typeAt: 0, little: true, after: (length) => length % 2 };

/** The data of the first EXIF chunk. */
function chunk(bytes: Uint8Array, { first, type, lengthAt, typeAt, little, after }: Chunks): Uint8Array | null {
  const view = viewOf(bytes);
  for (let at = first; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + lengthAt, little);
    if (textAt(bytes, at + typeAt) === type) return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + after(length);
  }
  return null;
}

const textAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** A PNG or WebP file without its EXIF chunk: some browsers apply it whatever they are asked. */
export function withoutExif(bytes: Uint8Array, format: Format): Uint8Array {
  const exif = format === 'png' ? chunk(bytes, PNG) : format === 'webp' ? chunk(bytes, WEBP) : null;
  if (!exif) return bytes;
  const at = exif.byteOffset - bytes.byteOffset - 8;
  const copy = bytes.slice();
  // RIFF has a type for what is to be passed over; PNG's check sum would no longer be right.
  if (format === 'webp') copy.set([0x4a, 0x55, 0x4e, 0x4b], at);
  else copy.copyWithin(at, at + 12 + exif.length);
  return format === 'webp' ? copy : copy.subarray(0, copy.length - 12 - exif.length);
}

const isPrefixed = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 6)) === 'Exif\0\0';

function jpegExif(bytes: Uint8Array): Uint8Array | null {
  const view = viewOf(bytes);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    // The scan begins.
    if (marker === 0xda) return null;
    const end = at + 2 + view.getUint16(at + 2);
    const segment = bytes.subarray(at + 4, end);
    if (marker === 0xe1 && isPrefixed(segment)) return segment.subarray(6);
    at = end;
  }
  return null;
}

/** The value of tag 0x0112 in the first directory; 1 where there is none. */
function orientationIn(tiff: Uint8Array): number {
  if (tiff.length < 8) return 1;
  const view = viewOf(tiff);
  const little = tiff[0] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let e = 0, at = directory + 2; e < entries && at + 12 <= tiff.length; e++, at += 12)
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  return 1;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/** The image turned. */
export function turned(image: RgbImage, { mirror, quarters }: Turn): RgbImage {
  if (!mirror && quarters === 0) return image;
  const { data, width, height } = image;
  const [w, h] = quarters % 2 === 0 ? [width, height] : [height, width];
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < h; y++)
    for (let x = 0; x < w; x++, to += 3) {
      // Where the pixel at (x, y) stood before the quarter turns, and before the mirroring.
      const [sx, sy] =
        quarters === 0
          ? [x, y]
          : quarters === 1
            ? [y, w - 1 - x]
            : quarters === 2
              ? [w - 1 - x, h - 1 - y]
              : [h - 1 - y, x];
      const from = (sy * width + (mirror ? width - 1 - sx : sx)) * 3;
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  return { data: out, width: w, height: h };
}
