/** Fully convolutional networks on dilated ResNets, with torchvision's names and order. Long et al. 2015, https://arxiv.org/abs/1411.4038 */
import { vocCategories } from './categories.ts';
import { defineModel } from './define.ts';
import {
  type AuxiliaryOptions,
  FCNHead,
  RESNET_STAGES,
  resnetBackbone,
  SEGMENTATION,
  SEGMENTATION_RECIPES,
  SegmentationModel,
} from './dense-trunk.ts';
import { torchvisionVoc } from './published.ts';

/** Classes of pixels out of the last maps of a ResNet: [N, 3, H, W] to `{ out, aux }`. */
export class FCN extends SegmentationModel {
  constructor(
    blocks: readonly [number, number, number, number],
    options: { numClasses?: number } & AuxiliaryOptions = {},
  ) {
    const { numClasses = 21, auxLoss = true } = options;
    super(resnetBackbone(blocks), new FCNHead(2048, numClasses), auxLoss ? new FCNHead(1024, numClasses) : null);
  }
}

const COMMON = {
  ...SEGMENTATION,
  categories: vocCategories,
  stages: [...RESNET_STAGES, 'classifier'],
  heads: ['classifier.4', 'aux_classifier.4'],
};

const RECIPE = `${SEGMENTATION_RECIPES}#fcn_resnet50`;

/** FCN on ResNet-50. */
export const fcn_resnet50 = defineModel<FCN, 'COCO_WITH_VOC_LABELS_V1', AuxiliaryOptions>({
  ...COMMON,
  name: 'fcn_resnet50',
  title: 'FCN on ResNet-50',
  parameters: 35_322_218,
  multiplyAdds: 152.72,
  weights: { COCO_WITH_VOC_LABELS_V1: torchvisionVoc('fcn_resnet50_coco-1167a1af.pth', 135.009, 60.5, 91.4, RECIPE) },
  build: (options) => new FCN([3, 4, 6, 3], options),
});
/** Published weights of FCN on ResNet-50. */
export const FCN_ResNet50Weights = fcn_resnet50.weights;

/** FCN on ResNet-101. */
export const fcn_resnet101 = defineModel<FCN, 'COCO_WITH_VOC_LABELS_V1', AuxiliaryOptions>({
  ...COMMON,
  name: 'fcn_resnet101',
  title: 'FCN on ResNet-101',
  parameters: 54_314_346,
  multiplyAdds: 232.74,
  weights: { COCO_WITH_VOC_LABELS_V1: torchvisionVoc('fcn_resnet101_coco-7ecb50ca.pth', 207.711, 63.7, 91.9, RECIPE) },
  build: (options) => new FCN([3, 4, 23, 3], options),
});
/** Published weights of FCN on ResNet-101. */
export const FCN_ResNet101Weights = fcn_resnet101.weights;
