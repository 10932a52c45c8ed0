/** Folders of made-up photos and masks for the tests of masks. */
import { encode } from 'fast-png';
import { jpeg, photoFolder, picture } from '../photos.ts';

/** A PNG of grey numbers, or of colours where there are three a pixel. */
export function png(width: number, height: number, data: ArrayLike<number>, channels: 1 | 3 = 1): Uint8Array {
  return encode({ width, height, channels, depth: 8, data: Uint8Array.from(data) });
}

/** A mask of 8 x 6 pixels whose left half is `left` and whose right half is `right`: numbers, or colours. */
export function halves(left: number | readonly number[], right: number | readonly number[]): Uint8Array {
  const pixels = Array.from({ length: 48 }, (_, i) => (i % 8 < 4 ? left : right));
  return png(8, 6, pixels.flat() as number[], typeof left === 'number' ? 1 : 3);
}

/** A photo of 8 x 6 pixels. */
export const photo = (seed: number) => jpeg(picture(8, 6, seed));

/** A new folder of files; numbers become photos of 8 x 6 pixels from that seed. */
export async function maskFolder(files: Readonly<Record<string, number | string | Uint8Array>>): Promise<string> {
  const all = await Promise.all(
    Object.entries(files).map(async ([name, content]) => [
      name,
      typeof content === 'number' ? await photo(content) : content,
    ]),
  );
  return photoFolder(Object.fromEntries(all));
}
