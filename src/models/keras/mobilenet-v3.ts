/**
 * Keras's MobileNet V3, small and large, which scale their images, levels of 0..255, themselves unless told not to. Howard et al. 2019,
 * https://arxiv.org/abs/1905.02244.
 */
import { makeDivisible } from '../make-divisible.ts';
import { correctPad, half, type LayerGraph, type Sides } from './graph.ts';
import { defineKerasNetwork, type KerasNetworkOptions } from './network.ts';

/** Options of `keras.MobileNetV3Small` and `keras.MobileNetV3Large`. */
export interface KerasMobileNetV3Options extends KerasNetworkOptions {
  /** Multiplies the channels of the blocks; 1 by default. */
  alpha?: number;
  /** Without excitation, hard swish and 5x5 kernels; false by default. */
  minimalistic?: boolean;
  /** Share of the features that training drops; 0.2 by default. */
  dropoutRate?: number;
  /** Whether it scales its images itself; true by default. */
  includePreprocessing?: boolean;
}

/** Expansion, channels, kernel and stride of a block, whether it has an excitation, and whether its activation is the hard swish. */
type Block = readonly [expansion: number, channels: number, kernel: 3 | 5, stride: number, se: boolean, swish: boolean];

const SMALL: readonly Block[] = [
  [1, 16, 3, 2, true, false],
  [72 / 16, 24, 3, 2, false, false],
  [88 / 24, 24, 3, 1, false, false],
  [4, 40, 5, 2, true, true],
  [6, 40, 5, 1, true, true],
  [6, 40, 5, 1, true, true],
  [3, 48, 5, 1, true, true],
  [3, 48, 5, 1, true, true],
  [6, 96, 5, 2, true, true],
  [6, 96, 5, 1, true, true],
  [6, 96, 5, 1, true, true],
];
const LARGE: readonly Block[] = [
  [1, 16, 3, 1, false, false],
  [4, 24, 3, 2, false, false],
  [3, 24, 3, 1, false, false],
  [3, 40, 5, 2, true, false],
  [3, 40, 5, 1, true, false],
  [3, 40, 5, 1, true, false],
  [6, 80, 3, 2, false, true],
  [2.5, 80, 3, 1, false, true],
  [2.3, 80, 3, 1, false, true],
  [2.3, 80, 3, 1, false, true],
  [6, 112, 3, 1, true, true],
  [6, 112, 3, 1, true, true],
  [6, 160, 5, 2, true, true],
  [6, 160, 5, 1, true, true],
  [6, 160, 5, 1, true, true],
];

/** The field of the layer `logits`: the model has a method of that name. */
const HEAD = 'logits_';

/** What one of them is built of and known by. */
interface Version {
  readonly blocks: readonly Block[];
  /** Channels of the layer before the one that makes the classes. */
  readonly last: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** Layers of one network, which may be the minimalistic one. */
class Layers {
  readonly graph: LayerGraph;
  readonly minimalistic: boolean;

  constructor(graph: LayerGraph, { minimalistic = false }: KerasMobileNetV3Options) {
    this.graph = graph;
    this.minimalistic = minimalistic;
  }

  convolution(from: string, filters: number, name: string, bias = false, kernel = 1, strides = 1): string {
    return this.graph.convolution(from, filters, kernel, { name, bias, strides, padding: 'same' });
  }

  norm(from: string, name: string): string {
    return this.graph.norm(from, name, { momentum: 0.999 });
  }

  active(from: string, swish = true): string {
    return swish && !this.minimalistic
      ? this.graph.activation(from, 'hard_silu')
      : this.graph.add('ReLU', from, { max_value: null });
  }

  /** Each channel scaled by what two 1x1 convolutions make of all channels' means. */
  excited(x: string, prefix: string, channels: number): string {
    const { graph } = this;
    const name = `${prefix}squeeze_excite_`;
    let se = graph.add('GlobalAveragePooling2D', x, { keepdims: true }, `${name}avg_pool`);
    se = this.convolution(se, makeDivisible(channels * 0.25), `${name}conv`, true);
    se = graph.add('ReLU', se, { max_value: null }, `${name}relu`);
    se = this.convolution(se, channels, `${name}conv_1`, true);
    // Keras writes the hard sigmoid as arithmetic.
    se = graph.add('Rescaling', se, { scale: 1, offset: 3 }, graph.nameFor('Add'));
    se = graph.add('ReLU', se, { max_value: 6 });
    se = graph.add('Rescaling', se, { scale: 1 / 6, offset: 0 }, graph.nameFor('Multiply'));
    return graph.add('Multiply', [x, se], {}, `${name}mul`);
  }
}

function mobileNetV3(size: 'Small' | 'Large', { blocks, last, ...known }: Version) {
  return defineKerasNetwork<KerasMobileNetV3Options>({
    ...known,
    name: `MobileNetV3${size}`,
    title: `Keras MobileNet V3 ${size.toLowerCase()}`,
    preprocessing: 'levels',
    stages: ['conv', ...stagesOf(blocks), 'conv_1', HEAD],
    maps: 'conv_1_bn',
    modelName: `MobileNetV3${size}`,
    side: 224,
    openSides: true,
    minSide: 32,
    head: HEAD,
    options: { alpha: true, minimalistic: true, dropoutRate: true, includePreprocessing: true },
    published: ({ includeTop = true, minimalistic, alpha = 1 }) =>
      `weights_mobilenet_v3_${size.toLowerCase()}${minimalistic ? '_minimalistic' : ''}_224_${alpha.toFixed(alpha === 0.75 ? 2 : 1)}_float${includeTop ? '' : '_no_top_v2'}.h5`,
    namedPooling: true,
    features(graph, input, options, sides) {
      const { alpha = 1, includePreprocessing = true } = options;
      const layers = new Layers(graph, options);
      let x = includePreprocessing ? graph.add('Rescaling', input, { scale: 1 / 127.5, offset: -1 }) : input;
      let channels = 16;
      x = layers.active(layers.norm(layers.convolution(x, channels, 'conv', false, 3, 2), 'conv_bn'));
      let at = half(sides);
      for (const [id, block] of blocks.entries()) {
        const out = makeDivisible(block[1] * alpha);
        x = invertedResidual(layers, x, block, { id, channels, out, sides: at });
        if (block[3] === 2) at = half(at);
        channels = out;
      }
      return layers.active(layers.norm(layers.convolution(x, makeDivisible(channels * 6), 'conv_1'), 'conv_1_bn'));
    },
    top(graph, features, { classes, classifierActivation, alpha = 1, dropoutRate = 0.2, ...options }) {
      const layers = new Layers(graph, options);
      let x = graph.add('GlobalAveragePooling2D', features, { keepdims: true });
      x = layers.active(layers.convolution(x, alpha > 1 ? makeDivisible(last * alpha) : last, 'conv_2', true));
      if (dropoutRate > 0) x = graph.add('Dropout', x, { rate: dropoutRate });
      x = graph.add('Flatten', layers.convolution(x, classes, 'logits', true), {});
      return graph.activation(x, classifierActivation, 'predictions');
    },
  });
}

const prefixOf = (id: number) => (id === 0 ? 'expanded_conv_' : `expanded_conv_${id}_`);

/** The first layers of the blocks that halve the image. */
const stagesOf = (blocks: readonly Block[]): string[] =>
  blocks.flatMap(([, , , stride], id) => (stride === 2 ? [`${prefixOf(id)}${id === 0 ? 'depthwise' : 'expand'}`] : []));

interface Place {
  readonly id: number;
  readonly channels: number;
  readonly out: number;
  readonly sides: Sides;
}

function invertedResidual(
  layers: Layers,
  input: string,
  [expansion, , kernel, strides, se, swish]: Block,
  { id, channels, out, sides }: Place,
): string {
  const { graph, minimalistic } = layers;
  const prefix = prefixOf(id);
  const wide = makeDivisible(channels * expansion);
  const side = minimalistic ? 3 : kernel;
  let x = input;
  if (id > 0)
    x = layers.active(layers.norm(layers.convolution(x, wide, `${prefix}expand`), `${prefix}expand_bn`), swish);
  if (strides === 2) x = graph.pad(x, correctPad(sides, side), `${prefix}depthwise_pad`);
  const padding = strides === 1 ? 'same' : 'valid';
  x = layers.norm(graph.depthwise(x, side, { name: `${prefix}depthwise`, strides, padding }), `${prefix}depthwise_bn`);
  x = layers.active(x, swish);
  if (se && !minimalistic) x = layers.excited(x, prefix, wide);
  x = layers.norm(layers.convolution(x, out, `${prefix}project`), `${prefix}project_bn`);
  return strides === 1 && channels === out ? graph.add('Add', [input, x], {}, `${prefix}add`) : x;
}

export const MobileNetV3Small = mobileNetV3('Small', {
  ...{ blocks: SMALL, last: 1024 },
  ...{ parameters: 2_542_856, multiplyAdds: 0.06 },
});
export const MobileNetV3Large = mobileNetV3('Large', {
  ...{ blocks: LARGE, last: 1280 },
  ...{ parameters: 5_483_032, multiplyAdds: 0.22 },
});
