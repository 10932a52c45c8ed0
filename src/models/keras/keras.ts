/** `keras` of `regraft/models`: models as Keras users know them. The readers of files are loaded when they are needed. */
export type { ActivationName } from './activations.ts';
export { Conv2D, Dense, DepthwiseConv2D, type KernelOptions, SeparableConv2D } from './convolution.ts';
export type { KerasEfficientNetV2Options } from './efficientnet-v2.ts';
export { KerasLayer, type KerasWeight } from './layer.ts';
export { loadModel } from './load.ts';
export type { KerasMobileNetOptions, KerasMobileNetV2Options } from './mobilenet.ts';
export type { KerasMobileNetV3Options } from './mobilenet-v3.ts';
export { KerasModel, type KerasModelOptions } from './model.ts';
export type { KerasNetworkOptions } from './network.ts';
export {
  DenseNet121,
  DenseNet169,
  DenseNet201,
  EfficientNetB0,
  EfficientNetB1,
  EfficientNetB2,
  EfficientNetB3,
  EfficientNetB4,
  EfficientNetB5,
  EfficientNetB6,
  EfficientNetB7,
  EfficientNetV2B0,
  EfficientNetV2B1,
  EfficientNetV2B2,
  EfficientNetV2B3,
  EfficientNetV2L,
  EfficientNetV2M,
  EfficientNetV2S,
  InceptionV3,
  MobileNet,
  MobileNetV2,
  MobileNetV3Large,
  MobileNetV3Small,
  ResNet50,
  ResNet50V2,
  ResNet101,
  ResNet101V2,
  ResNet152,
  ResNet152V2,
  VGG16,
  VGG19,
  Xception,
} from './networks.ts';
export { BatchNormalization, type BatchNormalizationOptions, Normalization, Rescaling } from './normalization.ts';
export { type Preprocessing, preprocessInput } from './preprocess.ts';
export { modelFiles, type NamedFile, saveModel } from './save.ts';
export type { KerasShape } from './shape.ts';
export type { KerasSummaryOptions } from './summary.ts';
export { toTorchvision } from './torchvision.ts';
