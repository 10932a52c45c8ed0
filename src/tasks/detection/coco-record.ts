/** What COCO's metric keeps of a class, and the numbers that it is defined by. */

/** IoU thresholds 0.5, 0.55 … 0.95, as NumPy's `linspace` has them. */
export const IOU_THRESHOLDS: readonly number[] = Array.from({ length: 10 }, (_, t) =>
  t === 9 ? 0.95 : t * ((0.95 - 0.5) / 9) + 0.5,
);

/** Ranges of areas in square pixels, both ends included: all, small, medium, large. */
export const AREA_RANGES: readonly (readonly [number, number])[] = [
  [0, 1e10],
  [0, 32 ** 2],
  [32 ** 2, 96 ** 2],
  [96 ** 2, 1e10],
];

/** How many detections of a class an image may have. */
export const MAX_DETECTIONS: readonly number[] = [1, 10, 100];

/** The detections of a class over all images, in the order of images and, in an image, of scores. */
export interface ClassRecord {
  readonly scores: number[];
  /** Place among the detections of the image, from 0. */
  readonly ranks: number[];
  /** For each range of areas: a bit for each threshold where a detection is matched, and 10 bits on where it does not count. */
  readonly flags: readonly number[][];
  /** Boxes to be found, for each range of areas. */
  readonly truths: number[];
}
