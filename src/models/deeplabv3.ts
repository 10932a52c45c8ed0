/** DeepLab V3 on dilated trunks, with torchvision's names and order. Chen et al. 2017, https://arxiv.org/abs/1706.05587 */
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Module, ModuleList, ReLU, Sequential } from '../nn/index.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { vocCategories } from './categories.ts';
import { defineModel } from './define.ts';
import {
  type AuxiliaryOptions,
  type Backbone,
  FCNHead,
  MOBILENET_STAGES,
  mobilenetBackbone,
  RESNET_STAGES,
  resnetBackbone,
  SEGMENTATION,
  SEGMENTATION_RECIPES,
  SegmentationModel,
} from './dense-trunk.ts';
import { torchvisionVoc } from './published.ts';

/** Distances between the pixels of the 3x3 convolutions that look at the maps beside each other. */
const RATES = [12, 24, 36];
/** Channels that each of them gives. */
const WIDTH = 256;

const convRelu = (channels: number, kernel: 1 | 3, dilation = 1): Sequential =>
  new Sequential(
    new Conv2d(channels, WIDTH, kernel, { padding: kernel === 3 ? dilation : 0, dilation, bias: false }),
    new BatchNorm2d(WIDTH),
    new ReLU(),
  );

/** The mean of the maps, convolved and spread over them again. */
class ASPPPooling extends Sequential {
  constructor(channels: number) {
    super(
      new AdaptiveAvgPool2d(1),
      new Conv2d(channels, WIDTH, 1, { bias: false }),
      new BatchNorm2d(WIDTH),
      new ReLU(),
    );
  }

  override forward(x: Tensor): Tensor {
    const [N, , H, W] = x.shape as [number, number, number, number];
    return super.forward(x).expand([N, WIDTH, H, W]);
  }
}

/** Convolutions of several dilations beside each other and the maps' mean, joined (atrous spatial pyramid pooling). */
export class ASPP extends Module {
  convs: ModuleList;
  project: Sequential;

  constructor(channels: number) {
    super();
    const dilated = RATES.map((rate) => convRelu(channels, 3, rate));
    this.convs = new ModuleList([convRelu(channels, 1), ...dilated, new ASPPPooling(channels)]);
    this.project = convRelu(WIDTH * this.convs.length, 1).append(new Dropout(0.5));
  }

  override forward(x: Tensor): Tensor {
    return this.project.forward(
      cat(
        [...this.convs].map((conv) => conv.forward(x)),
        1,
      ),
    );
  }
}

/** Classes of every pixel of maps, by {@link ASPP}. */
export class DeepLabHead extends Sequential {
  constructor(channels: number, numClasses: number) {
    super(new ASPP(channels), ...convRelu(WIDTH, 3), new Conv2d(WIDTH, numClasses, 1));
  }
}

/** Classes of pixels out of the last maps of a trunk: [N, 3, H, W] to `{ out, aux }`. */
export class DeepLabV3 extends SegmentationModel {
  /** @param channels of the backbone's last maps, and of its early ones. */
  constructor(
    backbone: Backbone,
    channels: readonly [last: number, early: number],
    options: { numClasses?: number } & AuxiliaryOptions = {},
  ) {
    const { numClasses = 21, auxLoss = true } = options;
    super(backbone, new DeepLabHead(channels[0], numClasses), auxLoss ? new FCNHead(channels[1], numClasses) : null);
  }
}

const COMMON = {
  ...SEGMENTATION,
  categories: vocCategories,
  heads: ['classifier.4', 'aux_classifier.4'],
};

/** DeepLab V3 on ResNet-50. */
export const deeplabv3_resnet50 = defineModel<DeepLabV3, 'COCO_WITH_VOC_LABELS_V1', AuxiliaryOptions>({
  ...COMMON,
  name: 'deeplabv3_resnet50',
  title: 'DeepLab V3 on ResNet-50',
  parameters: 42_004_074,
  multiplyAdds: 178.72,
  stages: [...RESNET_STAGES, 'classifier'],
  weights: {
    COCO_WITH_VOC_LABELS_V1: torchvisionVoc(
      'deeplabv3_resnet50_coco-cd0a2569.pth',
      160.515,
      66.4,
      92.4,
      `${SEGMENTATION_RECIPES}#deeplabv3_resnet50`,
    ),
  },
  build: (options) => new DeepLabV3(resnetBackbone([3, 4, 6, 3]), [2048, 1024], options),
});
/** Published weights of DeepLab V3 on ResNet-50. */
export const DeepLabV3_ResNet50Weights = deeplabv3_resnet50.weights;

/** DeepLab V3 on ResNet-101. */
export const deeplabv3_resnet101 = defineModel<DeepLabV3, 'COCO_WITH_VOC_LABELS_V1', AuxiliaryOptions>({
  ...COMMON,
  name: 'deeplabv3_resnet101',
  title: 'DeepLab V3 on ResNet-101',
  parameters: 60_996_202,
  multiplyAdds: 258.74,
  stages: [...RESNET_STAGES, 'classifier'],
  weights: {
    COCO_WITH_VOC_LABELS_V1: torchvisionVoc(
      'deeplabv3_resnet101_coco-586e9e4e.pth',
      233.217,
      67.4,
      92.4,
      `${SEGMENTATION_RECIPES}#deeplabv3_resnet101`,
    ),
  },
  build: (options) => new DeepLabV3(resnetBackbone([3, 4, 23, 3]), [2048, 1024], options),
});
/** Published weights of DeepLab V3 on ResNet-101. */
export const DeepLabV3_ResNet101Weights = deeplabv3_resnet101.weights;

/** DeepLab V3 on MobileNet V3 large. */
export const deeplabv3_mobilenet_v3_large = defineModel<DeepLabV3, 'COCO_WITH_VOC_LABELS_V1', AuxiliaryOptions>({
  ...COMMON,
  name: 'deeplabv3_mobilenet_v3_large',
  title: 'DeepLab V3 on MobileNet V3 large',
  parameters: 11_029_328,
  multiplyAdds: 10.45,
  stages: [...MOBILENET_STAGES, 'classifier'],
  weights: {
    COCO_WITH_VOC_LABELS_V1: torchvisionVoc(
      'deeplabv3_mobilenet_v3_large-fc3c493d.pth',
      42.301,
      60.3,
      91.2,
      `${SEGMENTATION_RECIPES}#deeplabv3_mobilenet_v3_large`,
    ),
  },
  build: (options) => new DeepLabV3(mobilenetBackbone(), [960, 40], options),
});
/** Published weights of DeepLab V3 on MobileNet V3 large. */
export const DeepLabV3_MobileNet_V3_LargeWeights = deeplabv3_mobilenet_v3_large.weights;
