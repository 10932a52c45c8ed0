/** Keras's ResNets (v1) under torchvision's names, for RGB pictures: Keras's own take BGR. */
import { type StateDict, type TensorData, toFloat32 } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { ModelOptions } from '../create.ts';
import type { ImagePreset } from '../preset.ts';
import { type ResNet, resnet50, resnet101, resnet152 } from '../resnet.ts';
import { isPretrained } from '../weights.ts';
import { foldKerasResNet, isKerasResNet, RESNET_V1 } from './torchvision.ts';

/** Pixels less ImageNet's mean, undivided. Keras wants them as BGR: {@link rgbState} turns the first layer around instead. */
export const KERAS_RGB_PRESET: ImagePreset = {
  resize: 256,
  crop: 224,
  mean: [123.68 / 255, 116.779 / 255, 103.939 / 255],
  std: [1 / 255, 1 / 255, 1 / 255],
  interpolation: 'bilinear',
};

/** ResNet-50 v1; `weights` are a file that Keras saved. */
export function kerasResnet50(options: ModelOptions = {}): Promise<ResNet> {
  return rgbNetwork('kerasResnet50', (o) => resnet50({ ...o, strideIn1x1: true }), options);
}

/** ResNet-101 v1; `weights` are a file that Keras saved. */
export function kerasResnet101(options: ModelOptions = {}): Promise<ResNet> {
  return rgbNetwork('kerasResnet101', (o) => resnet101({ ...o, strideIn1x1: true }), options);
}

/** ResNet-152 v1; `weights` are a file that Keras saved. */
export function kerasResnet152(options: ModelOptions = {}): Promise<ResNet> {
  return rgbNetwork('kerasResnet152', (o) => resnet152({ ...o, strideIn1x1: true }), options);
}

/** Which of them a Keras ResNet's weights are of. */
export function kerasResNetOf(state: StateDict): string {
  const blocks = [...state.keys()].filter((key) => /^conv4_block\d+_1_conv\/kernel$/.test(key)).length;
  return blocks > 23 ? 'kerasResnet152' : blocks > 6 ? 'kerasResnet101' : 'kerasResnet50';
}

async function rgbNetwork(
  name: string,
  build: (options: ModelOptions) => Promise<ResNet>,
  { weights, download: _, ...options }: ModelOptions,
): Promise<ResNet> {
  if (weights == null) return build(options);
  if (isPretrained(weights))
    throw new ArgumentError(`${name}: has no published weights. Name a file that Keras saved.`);
  const { readWeights } = await import('../../io/index.ts');
  const read = await readWeights(weights);
  // Under other names nothing says which way round the channels are.
  if (!isKerasResNet(read))
    throw new ArgumentError(`${name}: expected weights that Keras saved. What regraft saved opens by its folder.`);
  const state = rgbState(read);
  const model = await build({ ...options, numClasses: options.numClasses ?? state.get('fc.weight')!.shape[0]! });
  model.loadStateDict(state, { copy: false });
  return model;
}

/**
 * Keras's weights under torchvision's names, for RGB pictures; without a head (`include_top=False`) it is zero.
 * @throws RegraftError where they are no ResNet v1's.
 */
export function rgbState(read: StateDict): StateDict {
  const { state } = foldKerasResNet(read, true);
  const rgb: [string, TensorData][] = [['conv1.weight', reversed(state.get('conv1.weight')!)]];
  const head: [string, TensorData][] = [
    ['fc.weight', zeros([1, 2048])],
    ['fc.bias', zeros([1])],
  ];
  const turned: StateDict = new Map([...state, ...rgb, ...(state.has('fc.weight') ? [] : head)]);
  turned.architecture = RESNET_V1;
  return turned;
}

function zeros(shape: readonly number[]): TensorData {
  return { shape, dtype: 'float32', data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

/** [out, 3, height, width] with the three in reverse. */
function reversed(weight: TensorData): TensorData {
  const { shape } = weight;
  const [, , height, width] = shape as [number, number, number, number];
  const values = toFloat32(weight);
  const plane = height * width;
  const data = values.map((_, i) => {
    const channel = Math.floor(i / plane) % 3;
    return values[i + (2 - 2 * channel) * plane]!;
  });
  return { shape, dtype: 'float32', data };
}
