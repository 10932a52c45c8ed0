/**
 * Keras's own networks under its names, with its layers, their names, their order and its defaults. Each family is loaded when one of
 * its networks is built.
 */
import type { KerasEfficientNetV2Options } from './efficientnet-v2.ts';
import type { KerasMobileNetOptions, KerasMobileNetV2Options } from './mobilenet.ts';
import type { KerasMobileNetV3Options } from './mobilenet-v3.ts';
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

/** 5,330,571 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB0(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB0(options);
}

/** 7,856,239 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB1(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB1(options);
}

/** 9,177,569 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB2(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB2(options);
}

/** 12,320,535 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB3(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB3(options);
}

/** 19,466,823 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB4(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB4(options);
}

/** 30,562,527 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB5(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB5(options);
}

/** 43,265,143 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB6(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB6(options);
}

/** 66,658,687 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetB7(options: KerasNetworkOptions = {}): Promise<KerasModel> {
  return (await import('./efficientnet.ts')).EfficientNetB7(options);
}

/** 7,200,312 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2B0(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2B0(options);
}

/** 8,212,124 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2B1(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2B1(options);
}

/** 10,178,374 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2B2(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2B2(options);
}

/** 14,467,622 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2B3(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2B3(options);
}

/** 21,612,360 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2S(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2S(options);
}

/** 54,431,388 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2M(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2M(options);
}

/** 119,027,848 parameters, statistics counted; it scales its images, 0..255, itself. */
export async function EfficientNetV2L(options: KerasEfficientNetV2Options = {}): Promise<KerasModel> {
  return (await import('./efficientnet-v2.ts')).EfficientNetV2L(options);
}

/** 2,554,968 parameters, statistics counted, at a width of 1; it scales its images, 0..255, itself. */
export async function MobileNetV3Small(options: KerasMobileNetV3Options = {}): Promise<KerasModel> {
  return (await import('./mobilenet-v3.ts')).MobileNetV3Small(options);
}

/** 5,507,432 parameters, statistics counted, at a width of 1; it scales its images, 0..255, itself. */
export async function MobileNetV3Large(options: KerasMobileNetV3Options = {}): Promise<KerasModel> {
  return (await import('./mobilenet-v3.ts')).MobileNetV3Large(options);
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
  MobileNetV3Small,
  MobileNetV3Large,
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
  EfficientNetV2S,
  EfficientNetV2M,
  EfficientNetV2L,
};

/** Keras's networks by the name that files and commands have for them: `keras.VGG16`. */
export const KERAS_NETWORKS: Readonly<Record<string, (options?: KerasNetworkOptions) => Promise<KerasModel>>> =
  Object.fromEntries(Object.entries(ALL).map(([name, build]) => [`keras.${name}`, build]));
