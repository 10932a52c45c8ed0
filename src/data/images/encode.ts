/** 8-bit RGB to image files and to thumbnails that fit inside a web page. */
import { rename, rm, writeFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { ArgumentError } from '../../core/errors.ts';
import { decodeImage } from './decode.ts';
import type { RgbImage } from './image.ts';
import type { DecodeOptions } from './orientation.ts';

function encoder({ data, width, height }: RgbImage): Sharp {
  if (data.length !== width * height * 3)
    throw new ArgumentError(
      `image: expected ${width * height * 3} bytes for ${width} x ${height} RGB, got ${data.length}.`,
    );
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/**
 * Writes a `.png`, `.jpg` or `.jpeg` file, under a temporary name first so that nothing half-written is left behind.
 * `quality` is that of JPEG, 1 to 100; default 90.
 */
export async function writeImage(
  path: string,
  image: RgbImage,
  { quality = 90 }: { quality?: number } = {},
): Promise<void> {
  const ending = /\.(png|jpe?g)$/i.exec(path)?.[1]?.toLowerCase();
  if (!ending) throw new ArgumentError(`writeImage: expected a name that ends in .png, .jpg or .jpeg, got '${path}'.`);
  const encoded = encoder(image);
  const bytes = await (ending === 'png' ? encoded.png() : encoded.jpeg({ quality })).toBuffer();
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * A JPEG as a `data:` URL, its longer side at most `size` pixels. Of a file, turned as the network sees it.
 * @throws DataError where the file cannot be decoded.
 */
export async function thumbnail(source: string | RgbImage, size: number, options: DecodeOptions = {}): Promise<string> {
  const image = typeof source === 'string' ? await decodeImage(source, source, options) : source;
  const bytes = await encoder(image)
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 80, mozjpeg: true })
    .toBuffer();
  return `data:image/jpeg;base64,${bytes.toString('base64')}`;
}
