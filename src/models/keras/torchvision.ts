/**
 * Keras's ResNet v1 weights in torchvision's tree. The two networks have equal shapes and unequal results: Keras has the
 * stride on the first 1x1 (v1), torchvision on the 3x3 (v1.5), so the tree has to be built with `strideIn1x1`.
 */
import { type StateDict, type TensorData, toFloat32 } from '../../core/dtype.ts';
import { ArgumentError, StateDictError } from '../../core/errors.ts';
import { sizeOf } from '../../core/shape.ts';
import type { Adapted } from '../define.ts';
import { permuted } from './layout.ts';
import type { KerasModel } from './model.ts';

/** {@link StateDict.architecture} of a ResNet with each stage's stride on its first 1x1 convolution. */
export const RESNET_V1 = 'resnet v1 (stride on the first 1x1)';

/** Keras's epsilon less torchvision's; added to the variance it makes up for the difference. */
const EPSILON = 1.001e-5 - 1e-5;

/** Whether a state dict has the names of a ResNet that Keras saved. */
export function isKerasResNet(state: StateDict): boolean {
  for (const key of state.keys())
    if (/^conv1_conv\/kernel$/.test(key) || /^(_layer_checkpoint_dependencies|layers)\/.+\/vars\/\d+$/.test(key))
      return true;
  return false;
}

/** The network that a Keras ResNet's weights are of, undefined for other weights. */
export function kerasResNetOf(state: StateDict): string | undefined {
  const keys = [...state.keys()];
  // A DenseNet has the first two convolutions of each block under the same names.
  const [isV1, isV2] = [/^conv\d_block\d+_3_bn\//, /_preact_bn\//].map((name) => keys.some((key) => name.test(key)));
  const byName = keys.filter((key) => /^conv4_block\d+_1_conv\/kernel$/.test(key)).length;
  const blocks = isV1 || isV2 ? byName : BLOCKS[numberedV1(state)]?.[2];
  if (blocks === undefined) return undefined;
  return `keras.ResNet${blocks > 23 ? 152 : blocks > 6 ? 101 : 50}${isV2 ? 'V2' : ''}`;
}

/** How many convolutions Keras 3 numbered, each with a batch norm behind as in version 1; 0 where they are not as many. */
function numberedV1(state: StateDict): number {
  const convolutions = countNumbered(state, 'conv2d', 0);
  return countNumbered(state, 'batch_normalization', 0) === convolutions ? convolutions : 0;
}

const NOTE =
  'Biases of convolutions are folded into the running means behind them, the difference of the epsilons (1.001e-5, 1e-5) into the running variances.';

/** Why a v1.5 network does not take v1 weights. */
export function notV15(): ArgumentError {
  return new ArgumentError(
    'ResNet: these are Keras ResNet v1 weights (stride on the first 1x1 convolution), and this is torchvision’s v1.5 (stride on the 3x3): ' +
      'every shape would fit and every result would be wrong. Build it with { strideIn1x1: true }, or use keras.ResNet50.',
  );
}

/**
 * Keras's ResNet-50, 101 or 152 (v1) under torchvision's names and in PyTorch's layouts. A convolution's bias moves into the
 * running mean behind it, and the epsilons' difference into the running variance: exact in evaluation, and in training, where
 * the batch's own mean removes any bias.
 * @param strideIn1x1 Whether the tree that takes them is v1.
 * @throws ArgumentError if it is not, for pre-activation (V2) weights, and for numbered weights of another network;
 * StateDictError for layers that are missing.
 */
export function foldKerasResNet(state: StateDict, strideIn1x1: boolean): Adapted {
  const keys = state.has('conv1_conv/kernel') ? undefined : keysByNumber(state);
  if ([...state.keys()].some((key) => key.includes('_preact_bn/')))
    throw new ArgumentError(
      'ResNet: these are weights of Keras’s ResNet V2 (pre-activation), which torchvision does not have.',
    );
  if (!strideIn1x1) throw notV15();
  const out: StateDict = new Map();
  out.architecture = RESNET_V1;
  const origins = new Map<string, string>();
  const folded = new Set<string>();
  const used = new Set<string>();
  const missing: string[] = [];
  const keyOf = (name: string): string => keys?.get(name) ?? name;
  const take = (name: string): TensorData | undefined => {
    const data = state.get(keyOf(name));
    if (data) used.add(keyOf(name));
    return data;
  };
  const unit = (from: string, conv: string, norm: string): void => {
    const names = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((key) => `${from}_bn/${key}`);
    const kernel = take(`${from}_conv/kernel`);
    const [gamma, beta, mean, variance] = names.map(take);
    if (!kernel || !gamma || !beta || !mean || !variance) {
      missing.push(...[`${from}_conv/kernel`, ...names].filter((name) => !state.has(keyOf(name))));
      return;
    }
    const bias = take(`${from}_conv/bias`);
    if (bias) folded.add(keyOf(`${from}_conv/bias`));
    origins.set(`${conv}.weight`, keyOf(`${from}_conv/kernel`));
    for (const [i, field] of ['weight', 'bias', 'running_mean', 'running_var'].entries())
      origins.set(`${norm}.${field}`, keyOf(names[i]!));
    out.set(`${conv}.weight`, transposed(kernel, [3, 2, 0, 1]));
    out.set(`${norm}.weight`, gamma);
    out.set(`${norm}.bias`, beta);
    out.set(`${norm}.running_mean`, bias ? combined(mean, (m, i) => m - (toFloat32(bias)[i] ?? 0)) : mean);
    out.set(
      `${norm}.running_var`,
      combined(variance, (v) => v + EPSILON),
    );
  };
  unit('conv1', 'conv1', 'bn1');
  for (let stage = 2; stage <= 5; stage++) {
    for (let block = 1; block === 1 || state.has(keyOf(`conv${stage}_block${block}_1_conv/kernel`)); block++) {
      const [from, to] = [`conv${stage}_block${block}`, `layer${stage - 1}.${block - 1}`];
      for (let k = 1; k <= 3; k++) unit(`${from}_${k}`, `${to}.conv${k}`, `${to}.bn${k}`);
      if (block === 1) unit(`${from}_0`, `${to}.downsample.0`, `${to}.downsample.1`);
    }
  }
  const [kernel, bias] = [take('predictions/kernel'), take('predictions/bias')];
  if (kernel) out.set('fc.weight', transposed(kernel, [1, 0]));
  if (bias) out.set('fc.bias', bias);
  origins.set('fc.weight', keyOf('predictions/kernel')).set('fc.bias', keyOf('predictions/bias'));
  if (missing.length > 0)
    throw new StateDictError(
      `ResNet: ${missing.length} weights missing in the Keras file (${missing.slice(0, 5).join(', ')}).`,
      { missing, unexpected: [], wrongShapes: [] },
    );
  for (const [key, data] of state) if (!used.has(key)) out.set(key, data);
  return { state: out, origins, folded, note: NOTE };
}

/** Blocks of the stages by the number of convolutions: of ResNet-50, 101 and 152. */
const BLOCKS: Readonly<Record<number, readonly number[]>> = {
  53: [3, 4, 6, 3],
  104: [3, 4, 23, 3],
  155: [3, 8, 36, 3],
};

/** Where Keras 3 has the weights of the layer of a class with this number. */
function numbered(state: StateDict, layer: string, i: number): string {
  const root = state.has('layers/conv2d/vars/0') ? 'layers' : '_layer_checkpoint_dependencies';
  return `${root}/${i === 0 ? layer : `${layer}_${i}`}/vars`;
}

/** How many layers of a class have a weight of this number. */
function countNumbered(state: StateDict, layer: string, weight: number): number {
  let n = 0;
  while (state.has(`${numbered(state, layer, n)}/${weight}`)) n++;
  return n;
}

/**
 * The names of weights that Keras 3 addresses by class and number, in the order of Keras's layers, to their keys:
 * `conv2_block1_1_conv/kernel` to `layers/conv2d_1/vars/0`.
 * @throws ArgumentError if they are not as many as a ResNet v1 has.
 */
function keysByNumber(state: StateDict): Map<string, string> {
  const path = (layer: string, i: number) => numbered(state, layer, i);
  const convolutions = countNumbered(state, 'conv2d', 0);
  const blocks = BLOCKS[convolutions];
  if (!blocks || countNumbered(state, 'batch_normalization', 3) !== convolutions)
    throw new ArgumentError(
      'ResNet: these are Keras 3 weights without layer names (layers/…/vars/…), and not those of a ResNet-50, 101 or 152 (v1).',
    );
  const ofBlock = (i: number) => (i === 0 ? [1, 2, 0, 3] : [1, 2, 3]);
  const units = blocks.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i) => ofBlock(i).map((k) => `conv${stage + 2}_block${i + 1}_${k}`)).flat(),
  );
  const keys = new Map<string, string>();
  const add = (name: string, at: string, weights: readonly string[]): void => {
    for (const [i, weight] of weights.entries()) keys.set(`${name}/${weight}`, `${at}/${i}`);
  };
  for (const [i, unit] of ['conv1', ...units].entries()) {
    add(`${unit}_conv`, path('conv2d', i), ['kernel', 'bias']);
    add(`${unit}_bn`, path('batch_normalization', i), ['gamma', 'beta', 'moving_mean', 'moving_variance']);
  }
  add('predictions', path('dense', 0), ['kernel', 'bias']);
  return keys;
}

function transposed(data: TensorData, axes: readonly number[]): TensorData {
  if (data.shape.length !== axes.length) return data;
  return {
    shape: axes.map((a) => data.shape[a]!),
    dtype: 'float32',
    data: permuted(toFloat32(data), data.shape, axes),
  };
}

function combined(data: TensorData, f: (value: number, i: number) => number): TensorData {
  const values = toFloat32(data);
  return {
    shape: data.shape,
    dtype: 'float32',
    data: Float32Array.from({ length: sizeOf(data.shape) }, (_, i) => f(values[i]!, i)),
  };
}

/**
 * The weights of a Keras ResNet v1 under torchvision's names, for `resnet50({ strideIn1x1: true })` and nothing else: a v1.5
 * network has the same shapes and gives wrong results.
 */
export async function toTorchvision(model: KerasModel): Promise<StateDict> {
  return foldKerasResNet(await model.kerasStateDict(), true).state;
}
