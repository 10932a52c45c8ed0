/** What stands in a mask's file, before it is known what it means: a number a pixel, or a colour. */
import { decodeImage, readBytes } from '#image';
import { DataError } from '../../core/errors.ts';
import { checkedFormat, type Format } from '../images/image-format.ts';
import type { Colour } from './class-file.ts';

/** A mask as it is stored. Colours are numbers too: red · 65536 + green · 256 + blue. */
export interface MaskValues {
  readonly width: number;
  readonly height: number;
  /** Row by row. */
  readonly data: Uint8Array | Uint16Array | Uint32Array;
  /** Whether the numbers are colours. */
  readonly isColour: boolean;
  /** Colours of the numbers, where the file has a palette. */
  readonly palette: readonly Colour[] | null;
}

/** Formats that keep values, and are read with them. */
const KEEPING: readonly Format[] = ['png', 'gif', 'bmp'];

/** Three numbers of a colour as one. */
export const packed = ([red, green, blue]: Colour): number => red * 65536 + green * 256 + blue;

/** The colour of a number. */
export const unpacked = (value: number): Colour => [value >> 16, (value >> 8) & 255, value & 255];

/**
 * Reads a mask file. PNGs keep their numbers: indices of palettes, grey of 1 to 16 bits. Where a picture's colours are all grey, the grey is the number.
 * @param source a path, or the file's bytes (then `name` stands for it in errors)
 * @throws DataError where it is damaged, or of a format whose numbers change: JPEG, WebP and AVIF on writing, 16 bits of TIFF on reading.
 */
export async function readMaskValues(source: string | Uint8Array, name = String(source)): Promise<MaskValues> {
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  const format = checkedFormat(bytes, name);
  if (!KEEPING.includes(format))
    throw new DataError(
      name,
      `is a mask in a ${format.toUpperCase()}, whose values are not read as they were written. Save masks as PNG.`,
    );
  if (format !== 'png') {
    const { width, height, data } = await decodeImage(bytes, name, { orientation: 'ignore' });
    return ofChannels(width, height, data, 3);
  }
  const { decodePng } = await import('./png.ts');
  const { width, height, channels, data, palette } = decodePng(bytes, name);
  if (channels >= 3) {
    if (data instanceof Uint16Array)
      throw new DataError(name, 'is a mask of 16-bit colours. Save it with 8 bits a colour, or as indices.');
    return ofChannels(width, height, data, channels);
  }
  const values = channels === 1 ? data : data.filter((_, i) => i % 2 === 0);
  return { width, height, data: values, isColour: false, palette };
}

/** Of three or four channels: colours, or the grey where all are grey. */
function ofChannels(width: number, height: number, data: Uint8Array, channels: number): MaskValues {
  const [grey, colours] = [new Uint8Array(width * height), new Uint32Array(width * height)];
  let isColour = false;
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
    grey[i] = red;
    colours[i] = packed([red, green, blue]);
    if (red !== green || red !== blue) isColour = true;
  }
  return { width, height, data: isColour ? colours : grey, isColour, palette: null };
}

/**
 * A mask of indices as colours, where its palette has a known one for every index in it.
 * @param known colours that classes have; empty: the indices count
 */
export function inColours(mask: MaskValues, known: ReadonlySet<number>): MaskValues {
  const { data, palette } = mask;
  if (!palette || known.size === 0) return mask;
  const colours = palette.map(packed);
  const out = new Uint32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const colour = colours[data[i]!];
    if (colour === undefined || !known.has(colour)) return mask;
    out[i] = colour;
  }
  return { ...mask, data: out, isColour: true, palette: null };
}
