/** timm's folders: `architecture` and `pretrained_cfg` of `config.json`. */
import type { NameRules } from '../base/fit-names.ts';
import { isRecord } from '../base/json.ts';
import {
  type Config,
  chain,
  type HubModel,
  type HubNetwork,
  SAME_PADDING,
  type TransformsJSON,
  texts,
} from './config.ts';

/** Networks whose names and arithmetic are torchvision's in timm too. */
const SAME =
  /^(resnet(18|34|50|101|152)|resnext50_32x4d|resnext101_(32x8d|64x4d)|wide_resnet(50|101)_2|densenet(121|161|169|201))$/;

/** @throws nothing: what does not agree is in the answer. */
export function timmModel(config: Config): HubModel {
  const architecture = String(config.architecture);
  const cfg = isRecord(config.pretrained_cfg) ? config.pretrained_cfg : {};
  return {
    title: `timm’s ${architecture}`,
    is: builtOtherwise(config) ?? networkOf(architecture, cfg),
    classes: texts(config.label_names) ?? texts(cfg.label_names),
    transforms: transformsOf(cfg),
  };
}

/** Arguments of timm's that change no number of an evaluation. */
const HARMLESS = /^(num_classes|in_chans|drop_rate|drop_path_rate|drop_block_rate|pretrained)$/;

/** How a model was built otherwise than its architecture is by default. */
function builtOtherwise(config: Config): string | undefined {
  const built = isRecord(config.model_args) ? config.model_args : {};
  const { global_pool: pool = config.global_pool ?? 'avg', ...others } = built;
  if (pool !== 'avg') return `has the global pooling '${pool}', where ours means over each map`;
  const further = Object.keys(others).filter((name) => !HARMLESS.test(name));
  return further.length > 0 ? `was built with ${further.join(', ')}, which ours has no place for` : undefined;
}

function networkOf(architecture: string, cfg: Config): HubNetwork | string {
  if (SAME.test(architecture)) return { network: architecture, names: [] };
  if (architecture === 'mobilenetv2_100') return { network: 'mobilenet_v2', names: MOBILENET_V2 };
  if (/^efficientnet_b[0-4]$/.test(architecture)) return { network: architecture, names: EFFICIENTNET };
  if (/^convnext_(tiny|small|base|large)$/.test(architecture))
    return {
      network: architecture,
      names: CONVNEXT,
      shape: (name, shape) => (/layer_scale$/.test(name) ? [...shape, 1, 1] : shape),
    };
  if (/^vgg(11|13|16|19)(_bn)?$/.test(architecture)) return vgg(architecture, cfg);
  if (/^tf_(efficientnet|mobilenet)/.test(architecture)) return SAME_PADDING;
  if (/^(efficientnet_b[5-7]|efficientnetv2_[sml])$/.test(architecture))
    return `has batch norms with an epsilon of 1e-5, torchvision’s ${architecture.replace('v2', '_v2')} of 1e-3`;
  if (/^mobilenetv3_(large|small)_100$/.test(architecture))
    return 'has batch norms with an epsilon of 1e-5, torchvision’s MobileNet V3 of 1e-3';
  if (architecture === 'inception_v3')
    return 'has no auxiliary classifier, which torchvision’s Inception v3 trains with';
  return 'is no network that regraft has by name';
}

const [FIRST, LATER] = [
  { conv_dw: 0, bn1: 1, conv_pw: 2, bn2: 3 },
  { conv_pw: 0, bn1: 1, conv_dw: 2, bn2: 3, conv_pwl: 4, bn3: 5 },
].map((parts) => new Map(Object.entries(parts))) as [Map<string, number>, Map<string, number>];

/** The place of a block's layer among its convolutions and batch norms. The first stage has no convolution that widens. */
const placeOf = (stage: string, part: string) => (stage === '0' ? FIRST : LATER).get(part);

/** The first block of each stage in `features`. */
const STARTS = [1, 2, 4, 7, 11, 14, 17];

const MOBILENET_V2: NameRules = [
  [/^conv_stem\./, 'features.0.0.'],
  [/^bn1\./, 'features.0.1.'],
  [/^conv_head\./, 'features.18.0.'],
  [/^bn2\./, 'features.18.1.'],
  [/^classifier\./, 'classifier.1.'],
  [
    /^blocks\.(\d+)\.(\d+)\.(\w+)\./,
    (_, stage, block, part) => {
      const place = placeOf(stage, part) ?? 0;
      const last = stage === '0' ? 2 : 4;
      const path = place < last ? `${place >> 1}.${place & 1}` : `${(last >> 1) + place - last}`;
      return `features.${STARTS[Number(stage)]! + Number(block)}.conv.${path}.`;
    },
  ],
];

const EFFICIENTNET: NameRules = [
  [/^conv_stem\./, 'features.0.0.'],
  [/^bn1\./, 'features.0.1.'],
  [/^conv_head\./, 'features.8.0.'],
  [/^bn2\./, 'features.8.1.'],
  [/^classifier\./, 'classifier.1.'],
  [
    /^blocks\.(\d+)\.(\d+)\.(\w+)\./,
    (_, stage, block, part) => {
      // Squeeze and excitation stand before the convolution that narrows.
      const squeeze = stage === '0' ? 1 : 2;
      const place = placeOf(stage, part) ?? 0;
      const layer = place >> 1;
      const path = part === 'se' ? squeeze : `${layer < squeeze ? layer : layer + 1}.${place & 1}`;
      return `features.${Number(stage) + 1}.${block}.block.${path}.`;
    },
  ],
  [/\.conv_reduce\./, '.fc1.'],
  [/\.conv_expand\./, '.fc2.'],
];

const CONVNEXT: NameRules = [
  [/^stem\./, 'features.0.'],
  [/^stages\.(\d+)\.downsample\./, (_, stage) => `features.${2 * Number(stage)}.`],
  [/^stages\.(\d+)\.blocks\.(\d+)\./, (_, stage, block) => `features.${2 * Number(stage) + 1}.${block}.`],
  [/\.gamma$/, '.layer_scale'],
  [/\.conv_dw\./, '.block.0.'],
  [/(\d)\.norm\./, '$1.block.2.'],
  [/\.mlp\.fc1\./, '.block.3.'],
  [/\.mlp\.fc2\./, '.block.5.'],
  [/^head\.norm\./, 'classifier.0.'],
  [/^head\.fc\./, 'classifier.2.'],
];

/** timm's dense layers are convolutions over the map, which is 7 x 7 for images of 224 pixels alone. */
function vgg(network: string, cfg: Config): HubNetwork | string {
  const side = sideOf(cfg);
  if (side !== 224) return `takes images of ${side} pixels, and pools them otherwise than ours at any side but 224`;
  return {
    network,
    names: [
      [/^pre_logits\.fc1\./, 'classifier.0.'],
      [/^pre_logits\.fc2\./, 'classifier.3.'],
      [/^head\.fc\./, 'classifier.6.'],
    ],
    shape: (name, shape) =>
      name.startsWith('classifier') && shape.length === 4 ? [shape[0]!, shape[1]! * shape[2]! * shape[3]!] : shape,
  };
}

function sideOf({ input_size: size }: Config): number | undefined {
  return Array.isArray(size) && size.length === 3 && size[1] === size[2] ? Number(size[1]) : undefined;
}

/** As timm's evaluation has them: the shorter side (of crop mode 'squash' both) to the side over crop_pct. */
function transformsOf(cfg: Config): TransformsJSON | string {
  const { crop_pct: part = 0.875, crop_mode: mode = 'center', interpolation = 'bilinear', mean, std } = cfg;
  const side = sideOf(cfg);
  if (side === undefined) return 'its pretrained_cfg has no square input_size';
  if (typeof part !== 'number' || !(part > 0)) return `its crop_pct is no number above 0`;
  if (mode !== 'center' && mode !== 'squash')
    return `its crop_mode is '${mode}', of which regraft has center and squash`;
  if (!/^(nearest|bilinear|bicubic)$/.test(String(interpolation)))
    return `its interpolation is '${interpolation}', of which regraft has nearest, bilinear and bicubic`;
  const resize = Math.floor(side / part);
  return chain(mode === 'center' ? resize : [resize, resize], String(interpolation), side, mean, std);
}
