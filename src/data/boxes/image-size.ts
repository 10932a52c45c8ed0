/** Sizes of image files, out of their first bytes where these have it. */
import { DataError } from '../../core/errors.ts';
import { type DataFiles, opened } from '../folders/data-files.ts';
import { checkedFormat, type Format } from '../images/image-format.ts';
import { turnOf } from '../images/orientation.ts';

/** In pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const START = 1 << 16;

/**
 * The size of an image as `decodeImage` gives it: turned by its EXIF tag.
 * @throws DataError where the file is no image, or is damaged.
 */
export async function imageSize(files: DataFiles, path: string): Promise<ImageSize> {
  return opened(files, path, async (file) => {
    const start = await file.read(0, Math.min(START, file.size));
    const name = files.nameOf(path);
    const format = checkedFormat(start, name);
    const size =
      (await sizeOf(start, format)) ?? (file.size > START ? await sizeOf(await file.read(0, file.size), format) : null);
    if (size) return size;
    throw new DataError(name, 'is truncated or damaged. Remove it or replace it.');
  });
}

async function sizeOf(bytes: Uint8Array, format: Format): Promise<ImageSize | null> {
  const { imageSize: measured } = await import('image-size');
  try {
    const { width, height } = measured(bytes);
    if (!(width > 0 && height > 0)) return null;
    return turnOf(bytes, format).quarters % 2 === 0 ? { width, height } : { width: height, height: width };
  } catch {
    return null;
  }
}
