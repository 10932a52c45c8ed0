/** transformers' folders: `model_type` of `config.json`, and `preprocessor_config.json`. */
import { type NameRules, TRANSFORMERS_RESNET } from '../base/fit-names.ts';
import { isRecord } from '../base/json.ts';
import { type Config, chain, type HubModel, type HubNetwork, SAME_PADDING, type TransformsJSON } from './config.ts';

/** @param processor null where there is none */
export function transformersModel(config: Config, processor: Config | null): HubModel {
  const type = String(config.model_type);
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type]! : () => 'is no network that regraft has by name';
  return {
    title: `transformers’ ${type}`,
    is: family(config),
    classes: classesOf(config.id2label),
    transforms: processor ? transformersTransforms(processor) : 'it has no preprocessor_config.json',
  };
}

/** `{ "0": "cat", "1": "dog" }` */
function classesOf(labels: unknown): readonly string[] | undefined {
  if (!isRecord(labels)) return undefined;
  const names = Object.keys(labels).map((_, i) => labels[i]);
  return names.every((name) => typeof name === 'string') ? (names as string[]) : undefined;
}

const FAMILIES: Readonly<Record<string, (config: Config) => HubNetwork | string>> = {
  resnet: (given) => {
    const config = { ...{ layer_type: 'bottleneck', depths: [3, 4, 6, 3] }, ...given };
    const isBasic = config.layer_type === 'basic';
    const sizes = [64, 128, 256, 512].map((size) => (isBasic ? size : 4 * size));
    const network = RESNETS[`${config.layer_type} ${config.depths}`];
    if (network === undefined)
      return `has ${config.depths} blocks of the kind ${config.layer_type}, as no ResNet of ours`;
    const ours = {
      hidden_sizes: sizes,
      embedding_size: 64,
      num_channels: 3,
      hidden_act: 'relu',
      downsample_in_first_stage: false,
      downsample_in_bottleneck: false,
    };
    const usual = { ...ours, hidden_sizes: [256, 512, 1024, 2048] };
    return differing(given, usual, ours) ?? { network, names: TRANSFORMERS_RESNET };
  },
  convnext: (given) => {
    const usual = { hidden_sizes: [96, 192, 384, 768], depths: [3, 3, 9, 3] };
    const config = { ...usual, ...given };
    const network = CONVNEXTS[`${config.hidden_sizes} ${config.depths}`];
    if (network === undefined)
      return `has ${config.depths} blocks of ${config.hidden_sizes} channels, as no ConvNeXt of ours`;
    const ours = { num_channels: 3, patch_size: 4, num_stages: 4, hidden_act: 'gelu' };
    const fault = differing(given, ours, ours);
    if (fault !== undefined) return fault;
    return {
      network,
      names: CONVNEXT,
      shape: (name, shape) => (/layer_scale$/.test(name) ? [...shape, 1, 1] : shape),
      ...(given.layer_norm_eps !== 1e-6 && {
        note: `The last layer norm has an epsilon of 1e-6, as ConvNeXt was trained; the config says ${given.layer_norm_eps ?? 1e-12}.`,
      }),
    };
  },
  mobilenet_v2: (given) => {
    if (given.tf_padding !== false) return SAME_PADDING;
    const ours = {
      layer_norm_eps: 1e-5,
      hidden_act: 'relu6',
      num_channels: 3,
      depth_multiplier: 1,
      depth_divisible_by: 8,
      min_depth: 8,
      expand_ratio: 6,
      output_stride: 32,
      first_layer_is_expansion: true,
      finegrained_output: true,
    };
    const fault = differing(given, { ...ours, layer_norm_eps: 1e-3 }, ours);
    return fault ?? { network: 'mobilenet_v2', names: MOBILENET_V2 };
  },
  efficientnet: () => SAME_PADDING,
};

const RESNETS: Readonly<Record<string, string>> = {
  'basic 2,2,2,2': 'resnet18',
  'basic 3,4,6,3': 'resnet34',
  'bottleneck 3,4,6,3': 'resnet50',
  'bottleneck 3,4,23,3': 'resnet101',
  'bottleneck 3,8,36,3': 'resnet152',
};

const CONVNEXTS: Readonly<Record<string, string>> = {
  '96,192,384,768 3,3,9,3': 'convnext_tiny',
  '96,192,384,768 3,3,27,3': 'convnext_small',
  '128,256,512,1024 3,3,27,3': 'convnext_base',
  '192,384,768,1536 3,3,27,3': 'convnext_large',
};

const CONVNEXT: NameRules = [
  [/^convnext\./, ''],
  [/^embeddings\.patch_embeddings\./, 'features.0.0.'],
  [/^embeddings\.layernorm\./, 'features.0.1.'],
  [/^layernorm\./, 'classifier.0.'],
  [/^classifier\.(weight|bias)$/, 'classifier.2.$1'],
  [/^encoder\.stages\.(\d+)\.downsampling_layer\./, (_, stage) => `features.${2 * Number(stage)}.`],
  [/^encoder\.stages\.(\d+)\.layers\.(\d+)\./, (_, stage, block) => `features.${2 * Number(stage) + 1}.${block}.`],
  [/\.layer_scale_parameter$/, '.layer_scale'],
  [/\.dwconv\./, '.block.0.'],
  [/\.layernorm\./, '.block.2.'],
  [/\.pwconv1\./, '.block.3.'],
  [/\.pwconv2\./, '.block.5.'],
];

const MOBILENET_V2: NameRules = [
  [/^mobilenet_v2\./, ''],
  [/^conv_stem\.first_conv\./, 'features.0.'],
  [/^conv_stem\.conv_3x3\./, 'features.1.conv.0.'],
  [/^conv_stem\.reduce_1x1\.convolution\./, 'features.1.conv.1.'],
  [/^conv_stem\.reduce_1x1\.normalization\./, 'features.1.conv.2.'],
  [/^conv_1x1\./, 'features.18.'],
  [/^classifier\./, 'classifier.1.'],
  [/^layer\.(\d+)\./, (_, block) => `features.${Number(block) + 2}.conv.`],
  [/\.expand_1x1\./, '.0.'],
  [/\.conv_3x3\./, '.1.'],
  [/\.reduce_1x1\.convolution\./, '.2.'],
  [/\.reduce_1x1\.normalization\./, '.3.'],
  [/\.convolution\./, '.0.'],
  [/\.normalization\./, '.1.'],
];

/** How a config differs from what ours is. @param usual what stands for settings that it leaves out */
function differing(given: Config, usual: Config, ours: Config): string | undefined {
  const config: Config = { ...usual, ...given };
  const other = Object.keys(ours).filter((key) => JSON.stringify(config[key]) !== JSON.stringify(ours[key]));
  if (other.length === 0) return undefined;
  return `has ${other.map((key) => `${key} ${JSON.stringify(config[key])}, ours ${JSON.stringify(ours[key])}`).join('; ')}`;
}

/** Pillow's numbers of its filters. */
const RESAMPLE: readonly (string | undefined)[] = ['nearest', undefined, 'bilinear', 'bicubic'];

/** As transformers' image processors have them. */
function transformersTransforms(processor: Config): TransformsJSON | string {
  const type = String(processor.image_processor_type ?? processor.feature_extractor_type);
  const { resample, image_mean: mean, image_std: std } = processor;
  const interpolation = typeof resample === 'number' ? RESAMPLE[resample] : undefined;
  if (interpolation === undefined) return `its resample is ${resample}, of which regraft has 0, 2 and 3`;
  if (processor.do_resize === false) return 'its images are not resized';
  const factor = processor.rescale_factor ?? 1 / 255;
  if (processor.do_rescale === false || Math.abs(Number(factor) * 255 - 1) > 1e-6 || processor.rescale_offset === true)
    return 'its pixels are not scaled to 0..1';
  const [means, deviations] =
    processor.do_normalize === false
      ? [
          [0, 0, 0],
          [1, 1, 1],
        ]
      : [mean, std];
  const of = (resize: number | readonly [number, number], crop: number) =>
    chain(resize, interpolation, crop, means, deviations);
  const shorter = sideOf(processor.size, 'shortest_edge');
  const both = sideOf(processor.size, 'height', 'width');
  if (/^ConvNe?Xt/i.test(type)) {
    const side = shorter ?? both;
    if (side === undefined) return 'its size is no side of square images';
    // At 384 pixels and above nothing is cut off.
    if (side >= 384) return of([side, side], side);
    return of(Math.floor(side / Number(processor.crop_pct ?? 224 / 256)), side);
  }
  const crop = processor.do_center_crop === true ? sideOf(processor.crop_size, 'height', 'width') : both;
  if (crop === undefined) return 'its images are not cut to squares';
  if (shorter !== undefined) return of(shorter, crop);
  return both === undefined ? 'its size is no side of square images' : of([both, both], crop);
}

/** A number, or the keys' one number. */
function sideOf(size: unknown, ...keys: readonly string[]): number | undefined {
  const sides = isRecord(size) ? keys.map((key) => size[key]) : [size];
  return sides.every((side) => side === sides[0]) && Number.isInteger(sides[0]) && Number(sides[0]) > 0
    ? Number(sides[0])
    : undefined;
}
