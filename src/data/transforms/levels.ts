/** Maps of the 256 levels of 8-bit RGB images, equal to Pillow's `ImageOps`: posterize, solarize, autocontrast, equalize. */
import type { RgbImage } from '../images/image.ts';

/** The image with each level replaced by that of its channel's table. */
function throughTables(image: RgbImage, tables: readonly Uint8Array[]): RgbImage {
  return { ...image, data: image.data.map((v, i) => tables[i % 3]![v]!) };
}

const tableOf = (level: (v: number) => number): Uint8Array => Uint8Array.from({ length: 256 }, (_, v) => level(v));

const sameInEach = (level: (v: number) => number): Uint8Array[] => new Array(3).fill(tableOf(level));

/** How many pixels have each level, a channel. */
function histograms({ data }: RgbImage): readonly Uint32Array[] {
  const counts = [0, 1, 2].map(() => new Uint32Array(256));
  for (let i = 0; i < data.length; i++) counts[i % 3]![data[i]!]!++;
  return counts;
}

/** Keeps the `bits` highest bits of each level, 1 to 8. */
export function posterize(image: RgbImage, bits: number): RgbImage {
  return throughTables(
    image,
    sameInEach((v) => v & ~(2 ** (8 - bits) - 1)),
  );
}

/** Inverts levels from `threshold` on. */
export function solarize(image: RgbImage, threshold: number): RgbImage {
  return throughTables(
    image,
    sameInEach((v) => (v < threshold ? v : 255 - v)),
  );
}

/** Stretches the levels of each channel to 0..255. */
export function autocontrast(image: RgbImage): RgbImage {
  const tables = histograms(image).map((counts) => {
    const low = counts.findIndex((n) => n > 0);
    const high = counts.findLastIndex((n) => n > 0);
    if (high <= low) return tableOf((v) => v);
    const scale = 255 / (high - low);
    return tableOf((v) => Math.max(0, Math.min(255, Math.trunc(v * scale + -low * scale))));
  });
  return throughTables(image, tables);
}

/** Spreads the levels of each channel so that about as many pixels have one as another. */
export function equalize(image: RgbImage): RgbImage {
  const tables = histograms(image).map((counts) => {
    const high = counts.findLastIndex((n) => n > 0);
    const step = Math.floor((image.data.length / 3 - counts[high]!) / 255);
    if (step === 0) return tableOf((v) => v);
    let below = Math.floor(step / 2);
    return tableOf((v) => {
      const level = Math.min(255, Math.floor(below / step));
      below += counts[v]!;
      return level;
    });
  });
  return throughTables(image, tables);
}
