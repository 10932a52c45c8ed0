/** The families of networks, a line each: what `regraft/models` has of them, and where the registry finds its networks. */
export * from './cifar-resnet.ts';
export * from './convnext.ts';
export * from './deeplabv3.ts';
export { type AuxiliaryOptions, Backbone, FCNHead, SegmentationModel, type Segmented } from './dense-trunk.ts';
export * from './densenet.ts';
export {
  EfficientNet,
  EfficientNet_B0Weights,
  EfficientNet_B1Weights,
  EfficientNet_B2Weights,
  EfficientNet_B3Weights,
  EfficientNet_B4Weights,
  EfficientNet_B5Weights,
  EfficientNet_B6Weights,
  EfficientNet_B7Weights,
  type EfficientNetOptions,
  efficientnet_b0,
  efficientnet_b1,
  efficientnet_b2,
  efficientnet_b3,
  efficientnet_b4,
  efficientnet_b5,
  efficientnet_b6,
  efficientnet_b7,
  MBConv,
  type MBConvConfig,
  type MBConvOptions,
} from './efficientnet.ts';
export * from './efficientnet-v2.ts';
export {
  EncoderUnet,
  type EncoderUnetOptions,
  encoderUnet,
  type MapSource,
  UnetDecoder,
  UnetDecoderBlock,
} from './encoder-unet.ts';
export * from './fcn.ts';
export * from './inception.ts';
export * from './lraspp.ts';
export * from './mobilenet-v2.ts';
export * from './mobilenet-v3.ts';
export {
  BasicBlock,
  type BlockOptions,
  type BlockType,
  Bottleneck,
  type KerasCompatibleOptions,
  ResNet,
  ResNet18Weights,
  ResNet34Weights,
  ResNet50Weights,
  ResNet101Weights,
  ResNet152Weights,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './resnet.ts';
export * from './resnext.ts';
export * from './small-resnet.ts';
export { smpUnet } from './smp-unet.ts';
export * from './squeezenet.ts';
export { DoubleConv, Down, OutConv, UNet, type UNetOptions, Up, unet } from './unet.ts';
export * from './vgg.ts';
