/** What keras.applications' `preprocess_input` does to images, on the GPU. */
import { ArgumentError } from '../../core/errors.ts';
import type { ImagePreset } from '../../data/transforms/compose.ts';
import { cat, type Tensor } from '../../tensor/tensor.ts';

/** 'caffe': BGR minus ImageNet's mean; 'tf': -1..1; 'torch': scaled to 0..1 and normalised. */
export type Preprocessing = 'caffe' | 'tf' | 'torch';

/** ImageNet's mean in 0..255, of blue, green and red. */
const BGR_MEAN = [103.939, 116.779, 123.68] as const;
const RGB_MEAN = [0.485, 0.456, 0.406] as const;
const RGB_STD = [0.229, 0.224, 0.225] as const;

/** Levels of 0..255, as part of an image preset. */
export const LEVELS: Pick<ImagePreset, 'mean' | 'std'> = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

/** The same as part of an image preset, where pixels are 0..1 first. */
export const PREPROCESSING: Readonly<Record<Preprocessing, Pick<ImagePreset, 'channels' | 'mean' | 'std'>>> = {
  caffe: {
    channels: 'bgr',
    mean: [BGR_MEAN[0] / 255, BGR_MEAN[1] / 255, BGR_MEAN[2] / 255],
    std: [1 / 255, 1 / 255, 1 / 255],
  },
  tf: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  torch: { mean: RGB_MEAN, std: RGB_STD },
};

/**
 * Images as the network was trained on them.
 * @param x [N, 3, H, W], RGB, 0..255.
 * @param mode 'caffe' (ResNet v1, VGG), 'tf' (MobileNet, Inception, ResNet v2) or 'torch' (DenseNet).
 */
export function preprocessInput(x: Tensor, mode: Preprocessing = 'caffe'): Tensor {
  if (mode === 'tf') return x.mul(1 / 127.5).sub(1);
  if (x.rank !== 4 || x.shape[1] !== 3)
    throw new ArgumentError(`preprocessInput: expected images [N, 3, H, W], got [${x.shape.join(', ')}].`);
  const [r, g, b] = [0, 1, 2].map((c) => x.slice(1, c, c + 1)) as [Tensor, Tensor, Tensor];
  if (mode === 'caffe') return cat([b.sub(BGR_MEAN[0]), g.sub(BGR_MEAN[1]), r.sub(BGR_MEAN[2])], 1);
  if (mode !== 'torch') throw new ArgumentError(`preprocessInput: expected 'caffe', 'tf' or 'torch', got '${mode}'.`);
  return cat(
    [r, g, b].map((channel, c) => channel.mul(1 / (255 * RGB_STD[c]!)).sub(RGB_MEAN[c]! / RGB_STD[c]!)),
    1,
  );
}
