/** One file to one network input: decoding and transforming, on whichever thread calls it. */
import { decodeImage } from '#image';
import { ArgumentError, DataError } from '../../core/errors.ts';
import { sampleGenerator, type View } from '../dataset.ts';
import type { Transform } from '../transforms/transform.ts';
import { type FloatImage, isRgb, type RgbImage } from './image.ts';

/**
 * Always decodes at full resolution and to the end: reducing inside the JPEG decoder changes levels, and reading no more than a crop
 * needs would let a file that is cut short pass in one epoch and fail in the next.
 * @param origin the sample's number in its folder: with `view` it seeds the transform's random stream
 * @throws DataError where the file cannot be decoded; ArgumentError where the transform does not fit the image or gives no floats.
 */
export async function loadImage(path: string, transform: Transform, origin: number, view: View): Promise<FloatImage> {
  return transformed(await decodeImage(path, path, transform), path, transform, origin, view);
}

/** The second half of {@link loadImage}, for images that are decoded already. @throws ArgumentError as it does. */
export function transformed(
  decoded: RgbImage,
  path: string,
  transform: Transform,
  origin: number,
  view: View,
): FloatImage {
  let out: ReturnType<Transform['apply']>;
  try {
    out = transform.apply(decoded, sampleGenerator(origin, view));
  } catch (error) {
    if (error instanceof ArgumentError || error instanceof DataError)
      throw new ArgumentError(`${path}: ${error.message}`);
    throw error;
  }
  if (isRgb(out))
    throw new ArgumentError(
      `${path}: the transform gave an 8-bit image, expected floats. End it with ToTensor (and Normalize).`,
    );
  return out;
}
