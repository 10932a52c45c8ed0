/** Keras's ResNets (v1) as networks of the page: their weights come as `.h5` files. */
import { type StateDict, type TensorData, toFloat32 } from '../../src/core/dtype.ts';
import type { ImagePreset } from '../../src/models/preset.ts';
import { MODELS, type ModelEntry } from '../../src/models/registry.ts';
import { resnet50, resnet101, resnet152 } from '../../src/models/resnet.ts';

/** Pixels less ImageNet's mean, undivided. Keras wants them as BGR: {@link rgbState} turns the first layer around instead. */
const KERAS_PRESET: ImagePreset = {
  resize: 256,
  crop: 224,
  mean: [123.68 / 255, 116.779 / 255, 103.939 / 255],
  std: [1 / 255, 1 / 255, 1 / 255],
  interpolation: 'bilinear',
};

export const KERAS_RESNETS: Readonly<Record<string, ModelEntry>> = {
  kerasResnet50: entry('resnet50', (options) => resnet50({ ...options, strideIn1x1: true })),
  kerasResnet101: entry('resnet101', (options) => resnet101({ ...options, strideIn1x1: true })),
  kerasResnet152: entry('resnet152', (options) => resnet152({ ...options, strideIn1x1: true })),
};

function entry(like: string, create: ModelEntry['create']): ModelEntry {
  const { weights: _, ...rest } = MODELS[like]!;
  return { ...rest, create, transforms: KERAS_PRESET };
}

/** Which of them a Keras ResNet's weights are of. */
export function kerasResNetOf(state: StateDict): string {
  const blocks = [...state.keys()].filter((key) => /^conv4_block\d+_1_conv\/kernel$/.test(key)).length;
  return blocks > 23 ? 'kerasResnet152' : blocks > 6 ? 'kerasResnet101' : 'kerasResnet50';
}

/**
 * Keras's weights under torchvision's names, for RGB pictures; without a head (`include_top=False`) it is zero.
 * @throws RegraftError where they are no ResNet v1's.
 */
export async function rgbState(name: string, state: StateDict): Promise<StateDict> {
  const classes = state.get('predictions/kernel')?.shape[1];
  const model = await KERAS_RESNETS[name]!.create({ numClasses: classes ?? 1 });
  const head: StateDict = classes
    ? new Map()
    : new Map(['weight', 'bias'].map((key) => [`fc.${key}`, zeros(key === 'weight' ? [1, 2048] : [1])]));
  model.loadStateDict(new Map([...state, ...head]));
  const out = await model.stateDict();
  return new Map(out).set('conv1.weight', reversed(out.get('conv1.weight')!));
}

function zeros(shape: readonly number[]): TensorData {
  return { shape, dtype: 'float32', data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

/** [out, 3, height, width] with the three in reverse. */
function reversed(weight: TensorData): TensorData {
  const [, , height, width] = weight.shape as [number, number, number, number];
  const values = toFloat32(weight);
  const plane = height * width;
  const data = values.map((_, i) => {
    const channel = Math.floor(i / plane) % 3;
    return values[i + (2 - 2 * channel) * plane]!;
  });
  return { shape: weight.shape, dtype: 'float32', data };
}
