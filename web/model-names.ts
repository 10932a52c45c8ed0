/** The networks that the page offers, as people call them. */

/** The quickstart's small network, whose weights come with the page. */
export const SMALL_RESNET = 'smallResnet';

export const MODEL_NAMES: Readonly<Record<string, string>> = {
  squeezenet1_1: 'SqueezeNet 1.1 (1.2 M, quick)',
  squeezenet1_0: 'SqueezeNet 1.0 (1.2 M)',
  resnet18: 'ResNet-18 (11.7 M)',
  resnet34: 'ResNet-34 (21.8 M)',
  resnet50: 'ResNet-50 (25.6 M)',
  resnet101: 'ResNet-101 (44.5 M)',
  resnet152: 'ResNet-152 (60.2 M)',
  resnext50_32x4d: 'ResNeXt-50 32x4d (25.0 M)',
  resnext101_32x8d: 'ResNeXt-101 32x8d (88.8 M)',
  resnext101_64x4d: 'ResNeXt-101 64x4d (83.5 M)',
  wide_resnet50_2: 'Wide ResNet-50-2 (68.9 M)',
  wide_resnet101_2: 'Wide ResNet-101-2 (126.9 M)',
  kerasResnet50: 'Keras ResNet-50 (25.6 M, from a file)',
  kerasResnet101: 'Keras ResNet-101 (44.5 M, from a file)',
  kerasResnet152: 'Keras ResNet-152 (60.2 M, from a file)',
  [SMALL_RESNET]: 'Small ResNet (0.3 M, 32x32)',
  cifarResnet20: 'CIFAR ResNet-20 (0.3 M, 32x32)',
  cifarResnet32: 'CIFAR ResNet-32 (0.5 M, 32x32)',
  cifarResnet44: 'CIFAR ResNet-44 (0.7 M, 32x32)',
  cifarResnet56: 'CIFAR ResNet-56 (0.9 M, 32x32)',
  cifarResnet110: 'CIFAR ResNet-110 (1.7 M, 32x32)',
};
