/** A sample's mask to labels: out of its file, or drawn from outlines. */
import { ArgumentError, DataError } from '../../core/errors.ts';
import { type ClassMask, IGNORED, labelled, type MaskCoding } from './coding.ts';
import type { MaskOutline, MaskSample } from './mask-sample.ts';
import { inColours, readMaskValues } from './mask-values.ts';
import { eachPixel } from './outlines.ts';

/**
 * The labels of a sample's pixels.
 * @param coding of its data set
 * @param bytes the mask's file, where its path cannot be opened (dropped files)
 * @throws DataError where the file is damaged, or has a value that no class has.
 */
export async function loadMask(
  { path, width, height, mask }: MaskSample,
  coding: MaskCoding,
  bytes?: Uint8Array,
): Promise<ClassMask> {
  if (typeof mask !== 'string') return drawOutlines(mask, width, height, path);
  const values = await readMaskValues(bytes ?? mask, mask);
  const colours = new Set(coding.isColour ? coding.labels.map(([value]) => value) : []);
  const found = labelled(inColours(values, colours), coding);
  if ('value' in found)
    throw new DataError(
      mask,
      `has the value ${found.value} at ${found.x} ${found.y}, which no class has. Replace it, or name its class.`,
    );
  if (found.width !== width || found.height !== height)
    throw new DataError(
      mask,
      `has ${found.width} x ${found.height} pixels, its image ${width} x ${height}. Replace it.`,
    );
  return found;
}

/**
 * Draws outlines: 0 is what is in none. Pixels of two classes, and those of crowds that are in nothing else, are ignored.
 * @param name stands for the image in errors
 * @throws DataError for outlines that are none.
 */
export function drawOutlines(outlines: readonly MaskOutline[], width: number, height: number, name: string): ClassMask {
  const data = new Uint8Array(width * height);
  const draw = ({ segmentation }: MaskOutline, paint: (at: number) => void) => {
    try {
      eachPixel(segmentation, width, height, (x, y) => paint(y * width + x));
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      throw new DataError(name, `has an outline that cannot be drawn: ${error.message}`);
    }
  };
  for (const outline of outlines)
    if (!outline.crowd)
      draw(outline, (at) => {
        data[at] = data[at] === 0 || data[at] === outline.label ? outline.label : IGNORED;
      });
  for (const outline of outlines)
    if (outline.crowd)
      draw(outline, (at) => {
        if (data[at] === 0) data[at] = IGNORED;
      });
  return { width, height, data };
}
