/** Two simple formats that `sharp` does not read and torchvision's ImageFolder takes: BMP (uncompressed) and PNM (P5, P6). */
import type { RgbImage } from './image.ts';
import { BitmapError, MAX_PIXELS } from './image-format.ts';

function checkSize(width: number, height: number): void {
  if (!(width > 0 && height > 0)) throw new BitmapError(`claims a size of ${width} x ${height} pixels`);
  if (width * height > MAX_PIXELS)
    throw new BitmapError(`claims ${width} x ${height} pixels; at most ${MAX_PIXELS.toLocaleString('en')} are read`);
}

/**
 * Windows bitmap: 1, 4 or 8 bits with a palette, 24 bits, 32 bits (the fourth byte is dropped), bottom-up or top-down.
 * @throws BitmapError for compressed ones, and where bytes are missing.
 * @see https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage
 */
export function decodeBmp(bytes: Uint8Array): RgbImage {
  if (bytes.length < 54) throw new BitmapError('is truncated: a BMP header has 54 bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  checkSize(width, height);
  // 3 is "bit fields"; with 32 bits a pixel its usual masks are blue, green, red in this order, as without.
  const usualMasks = compression === 3 && bits === 32 && bytes.length >= 66 && view.getUint32(54, true) === 0xff0000;
  if (headerSize < 40 || ![1, 4, 8, 24, 32].includes(bits) || (compression !== 0 && !usualMasks))
    throw new BitmapError(
      `is a BMP of a kind that is not read (${bits} bits, compression ${compression}); save it as PNG`,
    );
  const stride = Math.ceil((width * bits) / 32) * 4;
  const palette = 14 + headerSize;
  const colours = bits <= 8 ? view.getUint32(46, true) || 1 << bits : 0;
  if (bytes.length < start + stride * height || bytes.length < palette + colours * 4)
    throw new BitmapError(
      `is truncated: ${width} x ${height} pixels need ${start + stride * height} bytes, got ${bytes.length}`,
    );
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const row = start + stride * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++, to += 3) {
      const bit = x * bits;
      const index = bits <= 8 ? (bytes[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1) : 0;
      if (index >= colours && bits <= 8) throw new BitmapError(`uses colour ${index} of a palette of ${colours}`);
      const from = bits <= 8 ? palette + index * 4 : row + (bit >> 3);
      data[to] = bytes[from + 2]!;
      data[to + 1] = bytes[from + 1]!;
      data[to + 2] = bytes[from]!;
    }
  }
  return { data, width, height };
}

/**
 * Binary grey (P5) or colour (P6) Netpbm, 8 or 16 bits; values are scaled from 0..maximum to 0..255.
 * @throws BitmapError where the header is not one, and where bytes are missing.
 * @see https://netpbm.sourceforge.net/doc/ppm.html
 */
export function decodePnm(bytes: Uint8Array): RgbImage {
  const channels = bytes[1] === 0x36 ? 3 : 1;
  let at = 2;
  const number = (): number => {
    for (;;) {
      while (at < bytes.length && bytes[at]! <= 0x20) at++;
      if (bytes[at] !== 0x23) break;
      while (at < bytes.length && bytes[at] !== 0x0a) at++;
    }
    let value = 0;
    const begin = at;
    for (; at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39 && at - begin < 10; at++)
      value = value * 10 + bytes[at]! - 0x30;
    if (at === begin) throw new BitmapError('has no readable PNM header');
    return value;
  };
  const width = number();
  const height = number();
  const maximum = number();
  at++;
  checkSize(width, height);
  if (maximum < 1 || maximum > 65535) throw new BitmapError(`has a PNM maximum of ${maximum}, expected 1 to 65535`);
  const wide = maximum > 255 ? 2 : 1;
  const n = width * height * channels;
  if (bytes.length < at + n * wide)
    throw new BitmapError(`is truncated: ${width} x ${height} pixels need ${at + n * wide} bytes, got ${bytes.length}`);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < n; i++) {
    const value = wide === 2 ? (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]! : bytes[at + i]!;
    const level = maximum === 255 ? value : Math.min(255, Math.round((value * 255) / maximum));
    if (channels === 3) data[i] = level;
    else data.fill(level, 3 * i, 3 * i + 3);
  }
  return { data, width, height };
}
