/** Pictures of what a network looked at. */

import { isRgb, type RgbImage } from '../../src/data/images/image.ts';
import { Compose } from '../../src/data/transforms/compose.ts';
import { ToTensor } from '../../src/data/transforms/normalize.ts';
import type { GradCam } from '../../src/train/grad-cam.ts';
import { bitmapOf } from './photos.ts';

/** Side of the pictures, in pixels: small inputs are enlarged. */
const SIDE = 320;
/** Opacity where nothing speaks for the class, and where most does. */
const [FAINT, STRONG] = [0.3, 0.75];
/** Colours from nothing to most: dark to light, so that they tell without hue too (matplotlib's inferno, in quarters). */
const RAMP = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
] as const;

/** The part of the image that the network sees, at its resolution, enlarged. */
export async function seenBy(transforms: Compose, image: RgbImage): Promise<OffscreenCanvas> {
  const end = transforms.transforms.findIndex((t) => t instanceof ToTensor);
  const cut = new Compose(transforms.transforms.slice(0, end)).apply(image);
  if (!isRgb(cut)) throw new TypeError('the transforms before ToTensor give 8-bit images');
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  draw(canvas, await bitmapOf(cut));
  return canvas;
}

/** The map as colours over the picture, which is grey there: colour tells of the map alone. */
export async function heatOver(picture: OffscreenCanvas, { map, height, width }: GradCam): Promise<Blob> {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d')!;
  context.drawImage(picture, 0, 0);
  context.globalCompositeOperation = 'saturation';
  context.fillRect(0, 0, SIDE, SIDE);
  context.globalCompositeOperation = 'source-over';
  const most = Math.max(...map) || 1;
  const rgba = new Uint8ClampedArray(4 * map.length);
  map.forEach((value, i) => {
    const heat = value / most;
    rgba.set([...colour(heat), 255 * (FAINT + (STRONG - FAINT) * heat)], 4 * i);
  });
  draw(canvas, await createImageBitmap(new ImageData(rgba, width, height)));
  return canvas.convertToBlob();
}

/** Fills the canvas with the bitmap, smoothly; the bitmap is closed. */
function draw(canvas: OffscreenCanvas, bitmap: ImageBitmap): void {
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, SIDE, SIDE);
  bitmap.close();
}

function colour(heat: number): number[] {
  const at = heat * (RAMP.length - 1);
  const [low, high] = [RAMP[Math.floor(at)]!, RAMP[Math.ceil(at)]!];
  return low.map((value, k) => value + (high[k]! - value) * (at - Math.floor(at)));
}
