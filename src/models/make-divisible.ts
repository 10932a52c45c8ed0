/** Numbers of channels that are scaled by a width. */

/**
 * `channels` to the nearest multiple of `divisor`, at least one of it and not below nine tenths of `channels`.
 * Torchvision's rule: https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/mobilenet.py
 */
export function makeDivisible(channels: number, divisor = 8): number {
  const nearest = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return nearest < 0.9 * channels ? nearest + divisor : nearest;
}
