/**
 * Residual networks with more groups or channels, with torchvision's names: ResNeXt (Xie et al. 2016, https://arxiv.org/abs/1611.05431)
 * and Wide ResNet (Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146).
 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import { defineModel } from './define.ts';
import { torchvision } from './published.ts';
import { Bottleneck, NEW_RECIPE, RECIPES, RESNET, ResNet } from './resnet.ts';

const WIDE_RECIPE = 'https://github.com/pytorch/vision/pull/912#issue-445437439';

/** ResNeXt-50 32x4d. */
export const resnext50_32x4d = defineModel({
  ...RESNET,
  name: 'resnext50_32x4d',
  title: 'ResNeXt-50 32x4d',
  parameters: 25_028_904,
  multiplyAdds: 4.23,
  weights: {
    IMAGENET1K_V1: torchvision('resnext50_32x4d-7cdf4587.pth', 95.789, 77.618, 93.698, `${RECIPES}#resnext`),
    IMAGENET1K_V2: torchvision('resnext50_32x4d-1a0047aa.pth', 95.833, 81.198, 95.34, NEW_RECIPE, imagenetPreset(232)),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 6, 3], { groups: 32, widthPerGroup: 4, ...options }),
});
/** Published weights of ResNeXt-50 32x4d. */
export const ResNeXt50_32X4DWeights = resnext50_32x4d.weights;

/** ResNeXt-101 32x8d. */
export const resnext101_32x8d = defineModel({
  ...RESNET,
  name: 'resnext101_32x8d',
  title: 'ResNeXt-101 32x8d',
  parameters: 88_791_336,
  multiplyAdds: 16.41,
  weights: {
    IMAGENET1K_V1: torchvision('resnext101_32x8d-8ba56ff5.pth', 339.586, 79.312, 94.526, `${RECIPES}#resnext`),
    IMAGENET1K_V2: torchvision(
      'resnext101_32x8d-110c445d.pth',
      339.673,
      82.834,
      96.228,
      `${NEW_RECIPE}-with-fixres`,
      imagenetPreset(232),
    ),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 23, 3], { groups: 32, widthPerGroup: 8, ...options }),
});
/** Published weights of ResNeXt-101 32x8d. */
export const ResNeXt101_32X8DWeights = resnext101_32x8d.weights;

/** ResNeXt-101 64x4d. */
export const resnext101_64x4d = defineModel({
  ...RESNET,
  name: 'resnext101_64x4d',
  title: 'ResNeXt-101 64x4d',
  parameters: 83_455_272,
  multiplyAdds: 15.46,
  weights: {
    IMAGENET1K_V1: torchvision(
      'resnext101_64x4d-173b62eb.pth',
      319.318,
      83.246,
      96.454,
      'https://github.com/pytorch/vision/pull/5935',
      imagenetPreset(232),
    ),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 23, 3], { groups: 64, widthPerGroup: 4, ...options }),
});
/** Published weights of ResNeXt-101 64x4d. */
export const ResNeXt101_64X4DWeights = resnext101_64x4d.weights;

/** Wide ResNet-50-2. */
export const wide_resnet50_2 = defineModel({
  ...RESNET,
  name: 'wide_resnet50_2',
  title: 'Wide ResNet-50-2',
  parameters: 68_883_240,
  multiplyAdds: 11.4,
  weights: {
    IMAGENET1K_V1: torchvision('wide_resnet50_2-95faca4d.pth', 131.82, 78.468, 94.086, WIDE_RECIPE),
    IMAGENET1K_V2: torchvision(
      'wide_resnet50_2-9ba9bcbe.pth',
      263.124,
      81.602,
      95.758,
      `${NEW_RECIPE}-with-fixres`,
      imagenetPreset(232),
    ),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 6, 3], { widthPerGroup: 128, ...options }),
});
/** Published weights of Wide ResNet-50-2. */
export const Wide_ResNet50_2Weights = wide_resnet50_2.weights;

/** Wide ResNet-101-2. */
export const wide_resnet101_2 = defineModel({
  ...RESNET,
  name: 'wide_resnet101_2',
  title: 'Wide ResNet-101-2',
  parameters: 126_886_696,
  multiplyAdds: 22.75,
  weights: {
    IMAGENET1K_V1: torchvision('wide_resnet101_2-32ee1156.pth', 242.896, 78.848, 94.284, WIDE_RECIPE),
    IMAGENET1K_V2: torchvision('wide_resnet101_2-d733dc28.pth', 484.747, 82.51, 96.02, NEW_RECIPE, imagenetPreset(232)),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 23, 3], { widthPerGroup: 128, ...options }),
});
/** Published weights of Wide ResNet-101-2. */
export const Wide_ResNet101_2Weights = wide_resnet101_2.weights;
