/** Keras's ResNets (v1) under torchvision's names, for RGB pictures: Keras's own take BGR. */
import { type StateDict, type TensorData, toFloat32 } from '../../core/dtype.ts';
import type { ImagePreset } from '../../data/transforms/compose.ts';
import { type Adapted, defineModel } from '../define.ts';
import { Bottleneck, RESNET, ResNet } from '../resnet.ts';
import { foldKerasResNet, kerasResNetOf, RESNET_V1 } from './torchvision.ts';

/** Pixels less ImageNet's mean, undivided. Keras wants them as BGR: {@link adapt} turns the first layer around instead. */
const INPUT: ImagePreset = {
  resize: 256,
  crop: 224,
  mean: [123.68 / 255, 116.779 / 255, 103.939 / 255],
  std: [1 / 255, 1 / 255, 1 / 255],
  interpolation: 'bilinear',
};

/**
 * Keras's weights under torchvision's names, for RGB pictures; without a head (`include_top=False`) it is zero.
 * @throws RegraftError where they are no ResNet v1's.
 */
function adapt(read: StateDict): Adapted {
  const { state, ...adapted } = foldKerasResNet(read, true);
  const rgb: [string, TensorData][] = [['conv1.weight', reversed(state.get('conv1.weight')!)]];
  const head: [string, TensorData][] = [
    ['fc.weight', zeros([1, 2048])],
    ['fc.bias', zeros([1])],
  ];
  const turned: StateDict = new Map([...state, ...rgb, ...(state.has('fc.weight') ? [] : head)]);
  turned.architecture = RESNET_V1;
  return { ...adapted, state: turned };
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

function network(
  depth: number,
  layers: readonly [number, number, number, number],
  parameters: number,
  multiplyAdds: number,
) {
  return defineModel({
    ...RESNET,
    name: `keras.ResNet${depth}`,
    title: `Keras ResNet-${depth}`,
    input: INPUT,
    parameters,
    multiplyAdds,
    weightNames: {
      networkOf: kerasResNetOf,
      adapt,
      // Under other names nothing says which way round the channels are.
      refusal: 'expected weights that Keras saved. What regraft saved opens by its folder.',
    },
    build: (options) => new ResNet(Bottleneck, layers, { ...options, strideIn1x1: true }),
  });
}

/** ResNet-50 v1; `weights` are a file that Keras saved. */
export const kerasResnet50 = network(50, [3, 4, 6, 3], 25_557_032, 3.86);
/** ResNet-101 v1; `weights` are a file that Keras saved. */
export const kerasResnet101 = network(101, [3, 4, 23, 3], 44_549_160, 7.58);
/** ResNet-152 v1; `weights` are a file that Keras saved. */
export const kerasResnet152 = network(152, [3, 8, 36, 3], 60_192_808, 11.29);
