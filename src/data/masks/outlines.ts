/** COCO's outlines, polygons or run lengths, to pixels. */
import { ArgumentError } from '../../core/errors.ts';
import { isPolygon, runsOfPolygon } from './polygon.ts';
import { eachInside, type RunLengths, runsOf } from './rle.ts';

/** What keeps an outline from being drawn into an image; null: nothing, but for a text of run lengths that is damaged. */
export function outlineFault(segmentation: unknown, width: number, height: number): string | null {
  if (Array.isArray(segmentation)) {
    if (segmentation.length === 0) return 'no outline';
    return segmentation.every(isPolygon) ? null : 'a polygon of less than three points x y, or of what is no number';
  }
  const { size, counts } = (segmentation ?? {}) as Partial<RunLengths>;
  const isRuns = Array.isArray(size) && size.length === 2 && (typeof counts === 'string' || Array.isArray(counts));
  if (!isRuns) return 'no outline';
  if (size[0] === height && size[1] === width) return null;
  return `run lengths of ${size[1]} x ${size[0]} pixels, where the image has ${width} x ${height}`;
}

/**
 * Calls `visit` with each pixel that is inside of an outline; with one that is in two of its polygons, twice.
 * @param segmentation polygons, each x1 y1 x2 y2 … in pixels, or run lengths
 * @throws ArgumentError where it is neither, or run lengths are of another size.
 */
export function eachPixel(
  segmentation: unknown,
  width: number,
  height: number,
  visit: (x: number, y: number) => void,
): void {
  const fault = outlineFault(segmentation, width, height);
  if (fault !== null) throw new ArgumentError(`outline: expected polygons or run lengths, got ${fault}.`);
  const parts = Array.isArray(segmentation)
    ? segmentation.map((polygon) => runsOfPolygon(polygon, width, height))
    : [runsOf(segmentation as RunLengths)];
  for (const runs of parts) eachInside(runs, height, visit);
}
