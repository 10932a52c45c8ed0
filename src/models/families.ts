/** The families of networks, a line each: what `regraft/models` has of them, and where the registry finds its networks. */
export * from './cifar-resnet.ts';
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
export * from './squeezenet.ts';
