/** `#image` in Node: image files to 8-bit RGB, by `sharp` on its own threads. */
import sharp, { type Sharp } from 'sharp';
import { DataError, WeightFileError } from '../../core/errors.ts';
import { openFileOf } from '../folders/zip-source.ts';
import { decodeBmp, decodePnm } from './bitmap.ts';
import type { RgbImage } from './image.ts';
import { BitmapError, checkedFormat, type Format, MAX_PIXELS } from './image-format.ts';
import { type DecodeOptions, type Turn, turnOf } from './orientation.ts';

/** Why `sharp` gave up, as one clause. Its own words are not passed on: libvips keeps one text for all threads, so they may be another file's. */
function reasonOf(error: unknown, format: Format): string {
  if (error instanceof Error && /pixel limit/i.test(error.message))
    return `has more than ${MAX_PIXELS.toLocaleString('en')} pixels`;
  const manyKinds = format === 'tiff' || format === 'avif';
  return manyKinds ? 'is truncated, damaged or of a kind that is not read' : 'is truncated or damaged';
}

/** More bytes than the largest image that is read has as plain pixels, with some to spare. */
const MAX_BYTES = 4 * MAX_PIXELS;
/** Bytes that tell an image from something else. */
const START = 64;

/**
 * An image file's bytes, or those that a URL gives, or of a file in a zip archive. A file that does not begin as an image is not read further.
 * @throws DataError with the reason in words.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await openFileOf(path, { limit: MAX_BYTES });
    try {
      if (file.size > START) checkedFormat(await file.read(0, START), path);
      if (file.size > MAX_BYTES)
        throw new DataError(
          path,
          `has ${file.size.toLocaleString('en')} bytes; at most ${MAX_BYTES.toLocaleString('en')} are read. Remove it or replace it.`,
        );
      return await file.read(0, file.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof WeightFileError) throw new DataError(path, error.message.slice(error.path.length + 2));
    throw error;
  }
}

function open(bytes: Uint8Array): Sharp {
  // Colour profiles are ignored, as in Pillow. 'error' refuses what is cut short but not what only draws a decoder's warning.
  return sharp(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: MAX_PIXELS, pages: 1 });
}

/**
 * Decodes an image file to 8-bit RGB as Pillow's `Image.open(path).convert('RGB')` does: grey is repeated, alpha is dropped, a
 * palette is looked up, CMYK becomes (1 - C)(1 - K), colour profiles are ignored. EXIF orientation is applied unless `orientation` is 'ignore' (torchvision ignores it).
 * An animation gives its first frame. 16-bit images keep their high byte; Pillow does so in colour, but clips grey ones at 255, which is white nearly everywhere.
 * @param source a path, or the file's bytes (then `name` stands for it in errors)
 * @throws DataError where the file is missing, empty, not an image, or cut short.
 */
export async function decodeImage(
  source: string | Uint8Array,
  name?: string,
  { orientation = 'exif' }: DecodeOptions = {},
): Promise<RgbImage> {
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  const path = name ?? (typeof source === 'string' ? source : 'image');
  const format = checkedFormat(bytes, path);
  try {
    if (format === 'bmp') return decodeBmp(bytes);
    if (format === 'pnm') return decodePnm(bytes);
    const image = open(bytes);
    if (orientation === 'exif') turn(image, turnOf(bytes, format));
    const { space } = await image.metadata();
    if (space === 'cmyk') return cmykToRgb(await pixels(image.pipelineColourspace('cmyk').toColourspace('cmyk')));
    return dropAlpha(await pixels(image.toColourspace('srgb')));
  } catch (error) {
    const reason = error instanceof BitmapError ? error.message : reasonOf(error, format);
    throw new DataError(path, `${reason}. Remove it or replace it.`);
  }
}

/**
 * Decodes an image to the end and drops it; cheaper than decodeImage where the decoder can reduce on the way.
 * @throws DataError as decodeImage does.
 */
export async function checkImage(source: string | Uint8Array, name?: string): Promise<void> {
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  const path = name ?? (typeof source === 'string' ? source : 'image');
  const format = checkedFormat(bytes, path);
  if (format !== 'jpeg') return void (await decodeImage(bytes, path));
  try {
    await open(bytes).resize(32, 32, { fit: 'fill' }).raw().toBuffer();
  } catch (error) {
    throw new DataError(path, `${reasonOf(error, format)}. Remove it or replace it.`);
  }
}

/** As {@link turned}, on the decoder's threads. `sharp` mirrors first, whichever is asked for first. */
function turn(image: Sharp, { mirror, quarters }: Turn): void {
  if (mirror) image.flop();
  if (quarters > 0) image.rotate(90 * quarters);
}

/** Interleaved samples and how many there are to a pixel. */
interface Pixels extends RgbImage {
  readonly channels: number;
}

async function pixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

function dropAlpha({ data, width, height, channels }: Pixels): RgbImage {
  if (channels === 3) return { data, width, height };
  const out = new Uint8Array(width * height * 3);
  const [g, b] = channels >= 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    out[to] = data[from]!;
    out[to + 1] = data[from + g]!;
    out[to + 2] = data[from + b]!;
  }
  return { data: out, width, height };
}

/** (255 - C)(255 - K) / 255, rounded as Pillow does. */
function cmykToRgb({ data, width, height, channels }: Pixels): RgbImage {
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = data[from + c]! * light + 128;
      out[to + c] = Math.max(0, light - ((product + (product >> 8)) >> 8));
    }
  }
  return { data: out, width, height };
}
