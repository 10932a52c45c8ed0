/** `keras` of `regraft/models`: models as Keras users know them. The readers of files are loaded when they are needed. */
export type { ActivationName } from './activations.ts';
export { Conv2D, Dense, DepthwiseConv2D, type KernelOptions, SeparableConv2D } from './convolution.ts';
export { KerasLayer, type KerasWeight } from './layer.ts';
export { loadModel } from './load.ts';
export { KerasModel, type KerasModelOptions } from './model.ts';
export { BatchNormalization, type BatchNormalizationOptions, Normalization, Rescaling } from './normalization.ts';
export { type Preprocessing, preprocessInput } from './preprocess.ts';
export { type KerasResNetOptions, ResNet50, ResNet101, ResNet152, toTorchvision } from './resnet.ts';
export { modelFiles, type NamedFile, saveModel } from './save.ts';
export type { KerasShape } from './shape.ts';
export type { KerasSummaryOptions } from './summary.ts';
