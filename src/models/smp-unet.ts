/** U-Nets of segmentation-models-pytorch, with its names: `encoder`, `decoder.blocks`, `segmentation_head.0`. */
import { ArgumentError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { create, MODEL_OPTIONS } from './define.ts';
import { EncoderUnet, type EncoderUnetOptions, encoderUnet } from './encoder-unet.ts';
import { networkEntry } from './registry.ts';
import { SmpEfficientNet } from './smp-efficientnet.ts';

/** Encoders whose weights that library and torchvision name alike. */
const NAMED_ALIKE = ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'mobilenet_v2'];
/** Those that have names, and a padding, of their own. */
const OWN = ['b0', 'b1', 'b2', 'b3', 'b4'].map((size) => `efficientnet-${size}`);

/**
 * `Unet` of segmentation-models-pytorch: [N, 3, H, W] to logits [N, numClasses, H, W].
 * @param encoder Its name there: 'resnet18', 'resnet34', 'resnet50', 'resnet101', 'mobilenet_v2' or 'efficientnet-b0' to 'efficientnet-b4'.
 * @param options The number of classes, 2 by default; weights of that library's files, or, but for EfficientNets, torchvision's for the encoder
 * (`encoderWeights`).
 * @throws ArgumentError for another encoder.
 * @example
 * const model = await smpUnet('resnet18', { numClasses: 3, weights: 'model.safetensors' });
 */
export async function smpUnet(encoder: string, options: EncoderUnetOptions = {}): Promise<EncoderUnet> {
  if (NAMED_ALIKE.includes(encoder)) return encoderUnet(await networkEntry(encoder), options);
  if (!OWN.includes(encoder))
    throw new ArgumentError(
      `smpUnet: expected one of ${[...NAMED_ALIKE, ...OWN].join(', ')}, got '${encoder}'. encoderUnet takes other networks, with names of its own.`,
    );
  checkOptions('smpUnet', options, { ...MODEL_OPTIONS, encoderWeights: true });
  const { encoderWeights, ...rest } = options;
  if (encoderWeights != null)
    throw new ArgumentError(
      `smpUnet: ${encoder} has names and a padding of its own, which torchvision's weights do not fit. Give { weights } of that library, or take encoderUnet.`,
    );
  const network = { name: `smpUnet ${encoder}`, heads: ['segmentation_head.0'], own: {} };
  const size = encoder.slice(encoder.indexOf('-') + 1);
  return create(network, rest, (built) => new EncoderUnet(new SmpEfficientNet(size), built));
}
