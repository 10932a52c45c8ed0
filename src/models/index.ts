/**
 * Networks with their published names, order, initialisation and weights.
 * @module regraft/models
 */
export type { Categories } from './categories.ts';
export {
  CifarResNet,
  cifarResnet20,
  cifarResnet32,
  cifarResnet44,
  cifarResnet56,
  cifarResnet110,
} from './cifar-resnet.ts';
export { type ConvertModelOptions, convertModel } from './convert.ts';
export type { ModelOptions, WeightsSource } from './create.ts';
export { guessNetwork, namingNetwork } from './guess-network.ts';
export * as keras from './keras/keras.ts';
export { CIFAR_PRESET, type ImagePreset, imagenetPreset } from './preset.ts';
export { graftHead, MODELS, type ModelEntry, modelEntry } from './registry.ts';
export {
  BasicBlock,
  type BlockOptions,
  type BlockType,
  Bottleneck,
  type KerasCompatibleOptions,
  ResNet,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wide_resnet50_2,
  wide_resnet101_2,
} from './resnet.ts';
export { SmallResNet, smallResnet } from './small-resnet.ts';
export { Fire, SqueezeNet, squeezenet1_0, squeezenet1_1 } from './squeezenet.ts';
export {
  type PretrainedWeights,
  ResNet18Weights,
  ResNet34Weights,
  ResNet50Weights,
  ResNet101Weights,
  ResNet152Weights,
  ResNeXt50_32X4DWeights,
  ResNeXt101_32X8DWeights,
  ResNeXt101_64X4DWeights,
  SqueezeNet1_0Weights,
  SqueezeNet1_1Weights,
  type WeightsTable,
  Wide_ResNet50_2Weights,
  Wide_ResNet101_2Weights,
} from './weights.ts';
