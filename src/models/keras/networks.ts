/**
 * Keras's own networks under its names, with its layers, their names, their order and its defaults. Each family is loaded when one of
 * its networks is built.
 */
import type { KerasMobileNetOptions, KerasMobileNetV2Options } from './mobilenet.ts';
import type { KerasModel } from './model.ts';
import type { KerasNetworkOptions } from './network.ts';

/** 25,636,712 parameters, statistics counted; 'caffe' is its preprocessing. */
export async function ResNet50(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet50(options);
}

/** 44,707,176 parameters, statistics counted; 'caffe' is its preprocessing. */
export async function ResNet101(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet101(options);
}

/** 60,419,944 parameters, statistics counted; 'caffe' is its preprocessing. */
export async function ResNet152(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet152(options);
}

/** 25,613,800 parameters, statistics counted; 'tf' is its preprocessing. */
export async function ResNet50V2(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet50V2(options);
}

/** 44,675,560 parameters, statistics counted; 'tf' is its preprocessing. */
export async function ResNet101V2(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet101V2(options);
}

/** 60,380,648 parameters, statistics counted; 'tf' is its preprocessing. */
export async function ResNet152V2(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./resnet.ts')).ResNet152V2(options);
}

/** 138,357,544 parameters; 'caffe' is its preprocessing. */
export async function VGG16(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./vgg.ts')).VGG16(options);
}

/** 143,667,240 parameters; 'caffe' is its preprocessing. */
export async function VGG19(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./vgg.ts')).VGG19(options);
}

/** 4,253,864 parameters, statistics counted, at a width of 1; 'tf' is its preprocessing. */
export async function MobileNet(options: KerasMobileNetOptions = {}): Promise<KerasModel> {
  return (await import('./mobilenet.ts')).MobileNet(options);
}

/** 3,538,984 parameters, statistics counted, at a width of 1; 'tf' is its preprocessing. */
export async function MobileNetV2(options: KerasMobileNetV2Options = {}): Promise<KerasModel> {
  return (await import('./mobilenet.ts')).MobileNetV2(options);
}

/** 8,062,504 parameters, statistics counted; 'torch' is its preprocessing. */
export async function DenseNet121(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./densenet.ts')).DenseNet121(options);
}

/** 14,307,880 parameters, statistics counted; 'torch' is its preprocessing. */
export async function DenseNet169(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./densenet.ts')).DenseNet169(options);
}

/** 20,242,984 parameters, statistics counted; 'torch' is its preprocessing. */
export async function DenseNet201(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./densenet.ts')).DenseNet201(options);
}

/** 22,910,480 parameters, statistics counted, for 299 x 299; 'tf' is its preprocessing. */
export async function Xception(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./xception.ts')).Xception(options);
}

/** 23,851,784 parameters, statistics counted, for 299 x 299; 'tf' is its preprocessing. */
export async function InceptionV3(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./inception.ts')).InceptionV3(options);
}

const ALL = {
  ResNet50,
  ResNet101,
  ResNet152,
  ResNet50V2,
  ResNet101V2,
  ResNet152V2,
  VGG16,
  VGG19,
  MobileNet,
  MobileNetV2,
  DenseNet121,
  DenseNet169,
  DenseNet201,
  Xception,
  InceptionV3,
};

/** Keras's networks by the name that files and commands have for them: `keras.VGG16`. */
export const KERAS_NETWORKS: Readonly<Record<string, (options?: KerasNetworkOptions) => Promise<KerasModel>>> =
  Object.fromEntries(Object.entries(ALL).map(([name, build]) => [`keras.${name}`, build]));
