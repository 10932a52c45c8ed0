/** What has to be done to an image before a network sees it, as plain data. */

/** Resize the shorter side, crop the centre, scale to 0..1, normalise: RGB, [3, crop, crop]. */
export interface ImagePreset {
  /** Length of the shorter side after resizing, in pixels. */
  readonly resize: number;
  /** Side of the square cut out of the centre, in pixels. */
  readonly crop: number;
  /** Per channel, of pixels scaled to 0..1. */
  readonly mean: readonly [number, number, number];
  /** Per channel, of pixels scaled to 0..1. */
  readonly std: readonly [number, number, number];
  readonly interpolation: 'bilinear' | 'bicubic' | 'nearest';
}

const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/** The usual preset of ImageNet classifiers. */
export function imagenetPreset(resize = 256, crop = 224): ImagePreset {
  return { resize, crop, mean: IMAGENET_MEAN, std: IMAGENET_STD, interpolation: 'bilinear' };
}

/** The preset of the CIFAR networks: 32x32 images as they are, ImageNet's mean and deviation. */
export const CIFAR_PRESET: ImagePreset = imagenetPreset(32, 32);
