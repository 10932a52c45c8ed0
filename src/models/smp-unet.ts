/** U-Nets of segmentation-models-pytorch, with its names: `encoder`, `decoder.blocks`, `segmentation_head.0`. */
import { ArgumentError } from '../core/errors.ts';
import { type EncoderUnet, type EncoderUnetOptions, encoderUnet } from './encoder-unet.ts';
import { networkEntry } from './registry.ts';

/** Encoders whose weights that library and torchvision name alike. */
const ENCODERS = ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'mobilenet_v2'];

/**
 * `Unet` of segmentation-models-pytorch: [N, 3, H, W] to logits [N, numClasses, H, W].
 * @param encoder Its name there: 'resnet18', 'resnet34', 'resnet50', 'resnet101' or 'mobilenet_v2'.
 * @param options The number of classes, 2 by default; weights of that library's files, or the encoder's own (`encoderWeights`).
 * @throws ArgumentError for another encoder.
 * @example
 * const model = await smpUnet('resnet18', { numClasses: 3, weights: 'model.safetensors' });
 */
export async function smpUnet(encoder: string, options: EncoderUnetOptions = {}): Promise<EncoderUnet> {
  if (!ENCODERS.includes(encoder))
    throw new ArgumentError(
      `smpUnet: expected ${ENCODERS.slice(0, -1).join(', ')} or ${ENCODERS.at(-1)}, got '${encoder}'. encoderUnet takes other networks, with names of its own.`,
    );
  return encoderUnet(await networkEntry(encoder), options);
}
