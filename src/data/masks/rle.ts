/** COCO's run lengths of masks: column by column, from the top left corner on, beginning with what is outside. */
import { ArgumentError } from '../../core/errors.ts';

/** A mask as run lengths; `size` is height and width, as COCO's files have it. */
export interface RunLengths {
  readonly size: readonly [height: number, width: number];
  /** Lengths of runs of 0 and 1 in turn, or the same as COCO's text. */
  readonly counts: readonly number[] | string;
}

/**
 * The runs as numbers.
 * @throws ArgumentError where they are more or less than the size.
 */
export function runsOf({ size, counts }: RunLengths): number[] {
  const runs = typeof counts === 'string' ? runsOfText(counts) : [...counts];
  const pixels = size[0] * size[1];
  let sum = 0;
  for (const run of runs) {
    if (!Number.isInteger(run) || run < 0) throw new ArgumentError(`run lengths: expected whole numbers, got ${run}.`);
    sum += run;
  }
  if (sum === pixels) return runs;
  throw new ArgumentError(`run lengths: expected ${pixels} pixels for ${size[0]} rows of ${size[1]}, got ${sum}.`);
}

/** COCO's text: six bits a character, five of them of the number; from the third run on the difference to the run two before. */
export function runsOfText(text: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let place = 1;
    for (let more = true; more; place *= 32) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64) || place > 2 ** 50)
        throw new ArgumentError(`run lengths: character ${at} of the text is none of COCO's, or a number has no end.`);
      value += (bits & 31) * place;
      more = (bits & 32) !== 0;
      if (!more && (bits & 16) !== 0) value -= 32 * place;
    }
    runs.push(runs.length > 2 ? value + runs[runs.length - 2]! : value);
  }
  return runs;
}

/** The inverse of {@link runsOfText}. */
export function textOfRuns(runs: readonly number[]): string {
  let text = '';
  for (const [i, run] of runs.entries()) {
    let rest = i > 2 ? run - runs[i - 2]! : run;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = (bits & 16) !== 0 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(bits + (more ? 32 : 0) + 48);
    }
  }
  return text;
}

/** Run lengths of a mask [height, width], row by row; what is not 0 is inside. */
export function encodeMask(mask: ArrayLike<number>, width: number, height: number): number[] {
  const runs: number[] = [];
  let [inside, run] = [false, 0];
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      if ((mask[y * width + x]! !== 0) !== inside) {
        runs.push(run);
        run = 0;
        inside = !inside;
      }
      run++;
    }
  runs.push(run);
  return runs;
}

/** The mask [height, width] of run lengths, row by row, of 0 and 1. */
export function decodeRuns(runs: readonly number[], width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  eachInside(runs, height, (x, y) => {
    mask[y * width + x] = 1;
  });
  return mask;
}

/** Calls `visit` with each pixel that is inside. */
export function eachInside(runs: readonly number[], height: number, visit: (x: number, y: number) => void): void {
  let at = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1)
      for (let p = at, x = Math.floor(at / height), y = at % height; p < at + run; p++, y++) {
        if (y === height) {
          y = 0;
          x++;
        }
        visit(x, y);
      }
    at += run;
  }
}

/** Pixels inside. */
export const areaOfRuns = (runs: readonly number[]): number =>
  runs.reduce((sum, run, i) => sum + (i % 2 === 1 ? run : 0), 0);

/** The box x y width height around what is inside; zeros where nothing is. */
export function boxOfRuns(runs: readonly number[], height: number): [number, number, number, number] {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  eachInside(runs, height, (x, y) => {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}
