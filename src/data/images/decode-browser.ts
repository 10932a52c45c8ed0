/** `#image` in browsers: image files to 8-bit RGB, by the browser's own decoder. */
import { DataError } from '../../core/errors.ts';
import type { RgbImage } from './image.ts';
import { BitmapError, checkedFormat, type Format, MAX_PIXELS } from './image-format.ts';
import { plainJpeg } from './jpeg-segments.ts';
import { type DecodeOptions, turned, turnOf, withoutExif } from './orientation.ts';

/** Fetches a file's bytes. @throws DataError with the reason. */
export async function readBytes(path: string): Promise<Uint8Array> {
  let reason: string;
  try {
    const response = await fetch(path);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    reason = `the server answered ${response.status}`;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw new DataError(path, `cannot be read (${reason}).`);
}

/**
 * As Node's: grey is repeated, alpha is dropped, colour profiles are ignored, EXIF orientation is applied unless told otherwise, an
 * animation gives its first frame. What is fully transparent becomes black, since a canvas keeps no colour under it.
 * @param source a URL, or the file's bytes (then `name` stands for it in errors)
 * @throws DataError where the file cannot be fetched, is empty, not an image, or cut short.
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
    if (format === 'bmp' || format === 'pnm') {
      // What a browser does not decode itself is rare.
      const { decodeBmp, decodePnm } = await import('./bitmap.ts');
      return format === 'bmp' ? decodeBmp(bytes) : decodePnm(bytes);
    }
    const image = rgbOf(await bitmapOf(bytes, format));
    return orientation === 'exif' ? turned(image, turnOf(bytes, format)) : image;
  } catch (error) {
    const reason = error instanceof BitmapError ? error.message : 'is truncated, damaged or of a kind that is not read';
    throw new DataError(path, `${reason}. Remove it or replace it.`);
  }
}

/** Decodes an image and drops it. @throws DataError as decodeImage does. */
export async function checkImage(source: string | Uint8Array, name?: string): Promise<void> {
  await decodeImage(source, name);
}

/** The pixels of a bitmap, which is closed. */
export function rgbOf(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    out[to] = data[from]!;
    out[to + 1] = data[from + 1]!;
    out[to + 2] = data[from + 2]!;
  }
  return { data: out, width, height };
}

async function bitmapOf(bytes: Uint8Array, format: Format): Promise<ImageBitmap> {
  const blob = new Blob(
    [(format === 'jpeg' ? plainJpeg(bytes) : withoutExif(bytes, format)) as Uint8Array<ArrayBuffer>],
    {
      type: `image/${format}`,
    },
  );
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', imageOrientation: 'none' });
  if (bitmap.width * bitmap.height <= MAX_PIXELS) return bitmap;
  bitmap.close();
  throw new BitmapError(`has more than ${MAX_PIXELS.toLocaleString('en')} pixels`);
}
