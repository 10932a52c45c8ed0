/** What torchvision's networks that segment have in common: a dilated trunk as `backbone`, a classifier over its maps, outputs at the image's size. */
import { BatchNorm2d, Conv2d, Dropout, interpolate, Module, ReLU, Sequential } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { MobileNetV3 } from './mobilenet-v3.ts';
import { VOC_PRESET } from './published.ts';
import { Bottleneck, ResNet } from './resnet.ts';

/** What a network that segments gives: logits [N, numClasses, H, W], and those of the auxiliary head where it has one. */
export type Segmented = Readonly<Record<'out', Tensor> & Partial<Record<'aux', Tensor>>>;

/** Options of torchvision's networks that segment, beside those of all networks. */
export interface AuxiliaryOptions {
  /** Whether there is an auxiliary head over earlier maps, which helps training; true by default, as published weights have it. */
  auxLoss?: boolean;
}

/** A trunk's modules under their names, which runs them and gives the maps behind one of them and behind the last. */
export class Backbone extends Module {
  readonly #early: string;

  /** @param early the name of the module behind which the first maps lie */
  constructor(modules: readonly (readonly [name: string, module: Module])[], early: string) {
    super();
    this.#early = early;
    for (const [name, module] of modules) (this as unknown as Record<string, Module>)[name] = module;
  }

  override get typeName(): string {
    return 'IntermediateLayerGetter';
  }

  override forward(x: Tensor): Tensor {
    return this.maps(x).last;
  }

  /** The maps behind the early module, and behind the last. */
  maps(x: Tensor): { readonly early: Tensor; readonly last: Tensor } {
    let [early, last] = [x, x];
    for (const [name, module] of this.namedChildren() as [string, Module][]) {
      last = module.forward(last);
      if (name === this.#early) early = last;
    }
    return { early, last };
  }
}

/** ResNet-50 or 101 whose last two stages are dilated; the early maps are those of `layer3`. */
export function resnetBackbone(blocks: readonly [number, number, number, number]): Backbone {
  const trunk = new ResNet(Bottleneck, blocks, { dilated: true, numClasses: 1 });
  const names = ['conv1', 'bn1', 'relu', 'maxpool', 'layer1', 'layer2', 'layer3', 'layer4'] as const;
  return new Backbone(
    names.map((name) => [name, trunk[name]]),
    'layer3',
  );
}

/** MobileNet V3 large whose last blocks are dilated; the early maps are those of an eighth of the image. */
export function mobilenetBackbone(): Backbone {
  const { features } = new MobileNetV3('large', { dilated: true, numClasses: 1 });
  return new Backbone(features.namedChildren() as [string, Module][], '4');
}

/** Classes of every pixel of maps: a 3x3 convolution to a quarter of the channels, and a 1x1. */
export class FCNHead extends Sequential {
  constructor(channels: number, numClasses: number) {
    const inner = Math.floor(channels / 4);
    super(
      new Conv2d(channels, inner, 3, { padding: 1, bias: false }),
      new BatchNorm2d(inner),
      new ReLU(),
      new Dropout(0.1),
      new Conv2d(inner, numClasses, 1),
    );
  }
}

/** Trunk, classifier and auxiliary classifier: [N, 3, H, W] to `{ out, aux }`, both [N, numClasses, H, W]. */
export class SegmentationModel extends Module<[Tensor], Segmented> {
  backbone: Backbone;
  classifier: Sequential;
  aux_classifier: FCNHead | null;

  constructor(backbone: Backbone, classifier: Sequential, auxiliary: FCNHead | null) {
    super();
    this.backbone = backbone;
    this.classifier = classifier;
    this.aux_classifier = auxiliary;
  }

  override forward(x: Tensor): Segmented {
    const size = x.shape.slice(2) as [number, number];
    const { early, last } = this.backbone.maps(x);
    const full = (logits: Tensor) => interpolate(logits, { size, mode: 'bilinear' });
    const out = full(this.classifier.forward(last));
    return this.aux_classifier ? { out, aux: full(this.aux_classifier.forward(early)) } : { out };
  }
}

/** What all definitions of them have in common. */
export const SEGMENTATION = {
  task: 'segmentation',
  input: VOC_PRESET,
  maps: 'backbone',
  options: { auxLoss: true },
} as const;

/** Where to cut a network on a ResNet. */
export const RESNET_STAGES = ['conv1', 'layer1', 'layer2', 'layer3', 'layer4'].map((name) => `backbone.${name}`);
/** Where to cut a network on MobileNet V3: before each block that halves the map, and before the last convolution. */
export const MOBILENET_STAGES = ['0', '2', '4', '7', '13', '16'].map((name) => `backbone.${name}`);

export const SEGMENTATION_RECIPES = 'https://github.com/pytorch/vision/tree/main/references/segmentation';
