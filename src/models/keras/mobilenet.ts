/**
 * Keras's MobileNets: version 1 (Howard et al. 2017, https://arxiv.org/abs/1704.04861), whose classes are made by a convolution,
 * and 2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381), whose batch norms have a momentum of 0.999.
 */
import { makeDivisible } from '../make-divisible.ts';
import { correctPad, half, type LayerGraph, type Sides } from './graph.ts';
import { defineKerasNetwork, type KerasNetworkOptions, predictions } from './network.ts';

/** Options of `keras.MobileNetV2`. */
export interface KerasMobileNetV2Options extends KerasNetworkOptions {
  /** Multiplies the channels of all layers; 1 by default. */
  alpha?: number;
}

/** Options of `keras.MobileNet`. */
export interface KerasMobileNetOptions extends KerasMobileNetV2Options {
  /** Outputs of a depthwise convolution for each of its inputs; 1 by default. */
  depthMultiplier?: number;
  /** Share of the features that training drops; 0.001 by default. */
  dropout?: number;
}

/** `1.00`, as Keras writes it into the model's name. */
const widthText = ({ alpha = 1 }: KerasMobileNetV2Options) => alpha.toFixed(2);
const sideText = (side: number | null) => side ?? 'None';

const relu6 = (graph: LayerGraph, from: string, name: string) => graph.add('ReLU', from, { max_value: 6 }, name);

/** Channels and strides of version 1's blocks. */
const BLOCKS_V1 = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

const FILE_WIDTHS: Readonly<Record<number, string>> = { 1: '1_0', 0.75: '7_5', 0.5: '5_0', 0.25: '2_5' };

export const MobileNet = defineKerasNetwork<KerasMobileNetOptions>({
  name: 'MobileNet',
  title: 'Keras MobileNet',
  parameters: 4_231_976,
  multiplyAdds: 0.57,
  preprocessing: 'tf',
  stages: ['conv1', 'conv_dw_2', 'conv_dw_4', 'conv_dw_6', 'conv_dw_12', 'conv_preds'],
  maps: 'conv_pw_13_relu',
  modelName: (own, side) => `mobilenet_${widthText(own)}_${sideText(side)}`,
  side: 224,
  minSide: 32,
  head: 'conv_preds',
  options: { alpha: true, depthMultiplier: true, dropout: true },
  published: ({ includeTop = true, alpha = 1, inputShape }) =>
    `mobilenet_${FILE_WIDTHS[alpha] ?? '1_0'}_${inputShape?.[0] ?? 224}_tf${includeTop ? '' : '_no_top'}.h5`,
  namedPooling: false,
  features(graph, input, { alpha = 1, depthMultiplier: multiplier = 1 }) {
    const conv = (from: string, filters: number, kernel: number, strides: number, name: string) => {
      const x = graph.convolution(from, Math.trunc(filters * alpha), kernel, { name, strides, padding: 'same' });
      return relu6(graph, graph.norm(x, `${name}_bn`), `${name}_relu`);
    };
    let x = conv(input, 32, 3, 2, 'conv1');
    for (const [i, [filters, strides]] of BLOCKS_V1.entries()) {
      const name = `conv_dw_${i + 1}`;
      // Below and on the right, whatever the size.
      if (strides === 2)
        x = graph.pad(
          x,
          [
            [0, 1],
            [0, 1],
          ],
          `conv_pad_${i + 1}`,
        );
      x = graph.depthwise(x, 3, { name, strides, padding: strides === 1 ? 'same' : 'valid', multiplier });
      x = relu6(graph, graph.norm(x, `${name}_bn`), `${name}_relu`);
      x = conv(x, filters, 1, 1, `conv_pw_${i + 1}`);
    }
    return x;
  },
  top(graph, features, { classes, classifierActivation, dropout = 1e-3 }) {
    let x = graph.add('GlobalAveragePooling2D', features, { keepdims: true });
    x = graph.add('Dropout', x, { rate: dropout }, 'dropout');
    x = graph.convolution(x, classes, 1, { name: 'conv_preds', padding: 'same', bias: true });
    x = graph.add('Reshape', x, { target_shape: [classes] }, 'reshape_2');
    return graph.activation(x, classifierActivation, 'predictions');
  },
});

/** Expansion, channels, repeats and the first stride of version 2's stages. */
const STAGES_V2 = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

const NORM_V2 = { momentum: 0.999 };

export const MobileNetV2 = defineKerasNetwork<KerasMobileNetV2Options>({
  name: 'MobileNetV2',
  title: 'Keras MobileNet V2',
  parameters: 3_504_872,
  multiplyAdds: 0.3,
  preprocessing: 'tf',
  stages: [
    'Conv1',
    'block_1_expand',
    'block_3_expand',
    'block_6_expand',
    'block_10_expand',
    'block_13_expand',
    'Conv_1',
    'predictions',
  ],
  maps: 'out_relu',
  modelName: (own, side) => `mobilenetv2_${widthText(own)}_${sideText(side)}`,
  side: 224,
  minSide: 32,
  options: { alpha: true },
  published: ({ includeTop = true, alpha = 1, inputShape }) =>
    `mobilenet_v2_weights_tf_dim_ordering_tf_kernels_${Number.isInteger(alpha) ? alpha.toFixed(1) : alpha}_${inputShape?.[0] ?? 224}${includeTop ? '' : '_no_top'}.h5`,
  namedPooling: false,
  features(graph, input, { alpha = 1 }, sides) {
    let channels = makeDivisible(32 * alpha);
    let x = graph.convolution(input, channels, 3, { name: 'Conv1', strides: 2, padding: 'same' });
    x = relu6(graph, graph.norm(x, 'bn_Conv1', NORM_V2), 'Conv1_relu');
    let at = half(sides);
    let id = 0;
    for (const [expansion, filters, repeats, stride] of STAGES_V2)
      for (let i = 0; i < repeats; i++) {
        const strides = i === 0 ? stride : 1;
        const out = makeDivisible(Math.trunc(filters * alpha));
        x = invertedResidual(graph, x, { id, channels, expansion, out, strides, sides: at });
        if (strides === 2) at = half(at);
        channels = out;
        id++;
      }
    // A narrower network keeps the width of its last convolution.
    x = graph.convolution(x, alpha > 1 ? makeDivisible(1280 * alpha) : 1280, 1, { name: 'Conv_1' });
    return relu6(graph, graph.norm(x, 'Conv_1_bn', NORM_V2), 'out_relu');
  },
  top: (graph, features, top) => predictions(graph, graph.globalPool('Average', features), top),
});

interface InvertedResidual {
  readonly id: number;
  readonly channels: number;
  readonly expansion: number;
  readonly out: number;
  readonly strides: number;
  readonly sides: Sides;
}

function invertedResidual(graph: LayerGraph, input: string, block: InvertedResidual): string {
  const { id, channels, expansion, out, strides, sides } = block;
  const prefix = id === 0 ? 'expanded_conv_' : `block_${id}_`;
  const norm = (from: string, name: string) => graph.norm(from, `${prefix}${name}_BN`, NORM_V2);
  let x = input;
  if (id > 0) {
    x = graph.convolution(x, expansion * channels, 1, { name: `${prefix}expand`, padding: 'same' });
    x = relu6(graph, norm(x, 'expand'), `${prefix}expand_relu`);
  }
  if (strides === 2) x = graph.pad(x, correctPad(sides, 3), `${prefix}pad`);
  const padding = strides === 1 ? 'same' : 'valid';
  x = graph.depthwise(x, 3, { name: `${prefix}depthwise`, strides, padding });
  x = relu6(graph, norm(x, 'depthwise'), `${prefix}depthwise_relu`);
  x = norm(graph.convolution(x, out, 1, { name: `${prefix}project`, padding: 'same' }), 'project');
  return channels === out && strides === 1 ? graph.add('Add', [input, x], {}, `${prefix}add`) : x;
}
