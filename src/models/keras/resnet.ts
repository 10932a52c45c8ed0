/**
 * Keras's residual networks for ImageNet (v1: stride on the first 1x1, convolution biases, epsilon 1.001e-5, softmax inside),
 * with its layer names and order. He et al. 2015, https://arxiv.org/abs/1512.03385.
 */
import type { StateDict } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import type { SourceLike } from '../../device/byte-source.ts';
import { classesOf, create } from '../define.ts';
import type { ActivationName } from './activations.ts';
import { KerasModel, type KerasModelOptions } from './model.ts';
import { foldKerasResNet } from './torchvision.ts';

export interface KerasResNetOptions extends KerasModelOptions {
  /** A file that Keras saved (`.h5`, `.weights.h5`, `.keras`), or any with this tree's names. Without it: Glorot's random values. */
  weights?: SourceLike | null;
  /** Whether the pooling and the dense layer at the end are there; true by default. */
  includeTop?: boolean;
  /** Without the top: how the last images become vectors; null, the default, leaves them as they are. */
  pooling?: 'avg' | 'max' | null;
  /** [height, width, 3], as in Keras; [224, 224, 3] by default, open sizes without the top. The network takes other sizes too. */
  inputShape?: readonly [number | null, number | null, number];
  /** Outputs; as many as the weights have, else 1000. */
  classes?: number;
  /** 'softmax' by default; null gives logits. */
  classifierActivation?: ActivationName | null;
  /** Makes the random weights repeatable on their own. */
  seed?: number;
}

const OPTIONS: OptionNames<KerasResNetOptions> = {
  weights: true,
  includeTop: true,
  pooling: true,
  inputShape: true,
  classes: true,
  classifierActivation: true,
  seed: true,
  preprocessing: true,
};

type Layer = readonly [
  className: string,
  name: string,
  config: Readonly<Record<string, unknown>>,
  inbound: readonly string[],
];

const EPSILON = 1.001e-5;
/** The layer that makes the classes. */
const HEAD = 'predictions';

function convolution(
  name: string,
  filters: number,
  size: number,
  stride: number,
  padding: string,
  from: string,
): Layer {
  const config = { filters, kernel_size: [size, size], strides: [stride, stride], padding, use_bias: true };
  return ['Conv2D', name, config, [from]];
}

function normalization(name: string, from: string): Layer {
  return ['BatchNormalization', name, { axis: 3, momentum: 0.99, epsilon: EPSILON }, [from]];
}

function relu(name: string, from: string): Layer {
  return ['Activation', name, { activation: 'relu' }, [from]];
}

/** One block in Keras's order: by depth, which puts the shortcut's layers between those of the main branch. */
function block(n: string, filters: number, stride: number, shortcut: boolean, x: string): Layer[] {
  const last = convolution(`${n}_3_conv`, 4 * filters, 1, 1, 'valid', `${n}_2_relu`);
  return [
    convolution(`${n}_1_conv`, filters, 1, stride, 'valid', x),
    normalization(`${n}_1_bn`, `${n}_1_conv`),
    relu(`${n}_1_relu`, `${n}_1_bn`),
    convolution(`${n}_2_conv`, filters, 3, 1, 'same', `${n}_1_relu`),
    normalization(`${n}_2_bn`, `${n}_2_conv`),
    relu(`${n}_2_relu`, `${n}_2_bn`),
    ...(shortcut
      ? [
          convolution(`${n}_0_conv`, 4 * filters, 1, stride, 'valid', x),
          last,
          normalization(`${n}_0_bn`, `${n}_0_conv`),
        ]
      : [last]),
    normalization(`${n}_3_bn`, `${n}_3_conv`),
    ['Add', `${n}_add`, {}, [shortcut ? `${n}_0_bn` : x, `${n}_3_bn`]],
    relu(`${n}_out`, `${n}_add`),
  ];
}

/** The topology that Keras saves for it: `{ class_name, config }`. */
function topology(name: string, depth: number, blocks: readonly number[], options: KerasResNetOptions): unknown {
  const { includeTop = true, pooling = null, classes = 1000, classifierActivation = 'softmax' } = options;
  const [height, width, channels] = options.inputShape ?? (includeTop ? [224, 224, 3] : [null, null, 3]);
  if (channels !== 3) throw new ArgumentError(`${name}: inputShape must end in 3 channels, got ${channels}.`);
  for (const side of [height, width])
    if (side !== null && !(Number.isInteger(side) && side >= 32))
      throw new ArgumentError(`${name}: inputShape must be 32 or more on each side, got ${height} x ${width}.`);
  const layers: Layer[] = [
    ['InputLayer', 'input_layer', { batch_input_shape: [null, height, width, channels], dtype: 'float32' }, []],
    [
      'ZeroPadding2D',
      'conv1_pad',
      {
        padding: [
          [3, 3],
          [3, 3],
        ],
      },
      ['input_layer'],
    ],
    convolution('conv1_conv', 64, 7, 2, 'valid', 'conv1_pad'),
    normalization('conv1_bn', 'conv1_conv'),
    relu('conv1_relu', 'conv1_bn'),
    [
      'ZeroPadding2D',
      'pool1_pad',
      {
        padding: [
          [1, 1],
          [1, 1],
        ],
      },
      ['conv1_relu'],
    ],
    ['MaxPooling2D', 'pool1_pool', { pool_size: [3, 3], strides: [2, 2], padding: 'valid' }, ['pool1_pad']],
  ];
  const last = () => layers.at(-1)![1];
  for (const [stage, count] of blocks.entries())
    for (let i = 1; i <= count; i++)
      layers.push(...block(`conv${stage + 2}_block${i}`, 64 << stage, i === 1 && stage > 0 ? 2 : 1, i === 1, last()));
  if (includeTop) {
    layers.push(['GlobalAveragePooling2D', 'avg_pool', {}, [last()]]);
    layers.push(['Dense', 'predictions', { units: classes, activation: classifierActivation ?? 'linear' }, [last()]]);
  } else if (pooling === 'avg') layers.push(['GlobalAveragePooling2D', 'avg_pool', {}, [last()]]);
  else if (pooling === 'max') layers.push(['GlobalMaxPooling2D', 'max_pool', {}, [last()]]);
  return {
    class_name: 'Functional',
    config: {
      name: `resnet${depth}`,
      layers: layers.map(([className, layer, config, inbound]) => ({
        class_name: className,
        config: { name: layer, trainable: true, ...config },
        name: layer,
        inbound_nodes: inbound.length === 0 ? [] : [inbound.map((from) => [from, 0, 0, {}])],
      })),
      input_layers: [['input_layer', 0, 0]],
      output_layers: [[last(), 0, 0]],
    },
  };
}

async function resnet(depth: number, blocks: readonly number[], options: KerasResNetOptions): Promise<KerasModel> {
  const name = `keras.ResNet${depth}`;
  checkOptions(name, options, OPTIONS);
  const { weights, seed, classes, includeTop = true } = options;
  if (weights === 'imagenet')
    throw new ArgumentError(
      `${name}: expected a weight file, got 'imagenet'. Download Keras's resnet${depth}_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5 and pass its path.`,
    );
  const own = {
    weights: weights ?? null,
    ...(seed !== undefined && { seed }),
    ...(classes && { numClasses: classes }),
  };
  return create({ name, heads: [HEAD], own: {}, classesIn }, own, ({ numClasses }) => {
    const config = topology(
      name,
      depth,
      blocks,
      numClasses === undefined ? options : { ...options, classes: numClasses },
    );
    return new KerasModel(config, { preprocessing: options.preprocessing ?? null });
  });
}

/** Outputs of weights under Keras's names, or the model's own. */
export function classesIn(state: StateDict): number | undefined {
  const names = ['predictions/kernel', 'layers/dense/vars/0', '_layer_checkpoint_dependencies/dense/vars/0'];
  const kernel = names.map((name) => state.get(name)).find((found) => found !== undefined);
  return classesOf(state, HEAD) ?? kernel?.shape[1];
}

/** 25,636,712 parameters, statistics counted, in 177 layers. */
export function ResNet50(options: KerasResNetOptions = {}): Promise<KerasModel> {
  return resnet(50, [3, 4, 6, 3], options);
}

/** 44,707,176 parameters, statistics counted. */
export function ResNet101(options: KerasResNetOptions = {}): Promise<KerasModel> {
  return resnet(101, [3, 4, 23, 3], options);
}

/** 60,419,944 parameters, statistics counted. */
export function ResNet152(options: KerasResNetOptions = {}): Promise<KerasModel> {
  return resnet(152, [3, 8, 36, 3], options);
}

/** Keras's networks that can be asked for by name. */
export const KERAS_NETWORKS: Readonly<Record<string, (options?: KerasResNetOptions) => Promise<KerasModel>>> = {
  'keras.ResNet50': ResNet50,
  'keras.ResNet101': ResNet101,
  'keras.ResNet152': ResNet152,
};

/**
 * The weights of a Keras ResNet v1 under torchvision's names, for `resnet50({ strideIn1x1: true })` and nothing else: a v1.5
 * network has the same shapes and gives wrong results.
 */
export async function toTorchvision(model: KerasModel): Promise<StateDict> {
  return foldKerasResNet(await model.kerasStateDict(), true).state;
}
