/** JPEG files without what makes a browser turn or recolour them, and without an end that is missing. */
import { BitmapError } from './image-format.ts';

/** APP1 holds EXIF (with the orientation), APP2 the colour profile. APP14 must stay: it tells how colours are coded. */
const DROPPED = new Set([0xe1, 0xe2]);
const START_OF_SCAN = 0xda;

/**
 * The same picture without EXIF and colour profile: browsers apply both. The profile is not wanted, and turning is done alike everywhere.
 * @throws BitmapError where the file ends early: browsers would draw the rest in grey and say nothing.
 */
export function plainJpeg(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === START_OF_SCAN) {
      if (!hasEnd(bytes, at)) throw new BitmapError('is truncated or damaged');
      parts.push(bytes.subarray(at));
      return joined(parts);
    }
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (!DROPPED.has(marker)) parts.push(bytes.subarray(at, end));
    at = end;
  }
  throw new BitmapError('is truncated or damaged');
}

/** Whether an end-of-image marker comes after `from`; cameras write more behind it. */
function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let i = bytes.length - 2; i > from; i--) if (bytes[i] === 0xff && bytes[i + 1] === 0xd9) return true;
  return false;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
