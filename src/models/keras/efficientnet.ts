/**
 * Keras's EfficientNets B0 to B7, which scale their images themselves: levels of 0..255 come in. Tan and Le 2019,
 * https://arxiv.org/abs/1905.11946.
 */
import { type StateDict, toFloat32 } from '../../core/dtype.ts';
import { makeDivisible } from '../make-divisible.ts';
import { excited, HEAD_INITIALIZER, INITIALIZER, shared } from './efficientnet-parts.ts';
import { correctPad, half, type LayerGraph, type Sides } from './graph.ts';
import { defineKerasNetwork, predictions } from './network.ts';

/** Kernel, repeats, channels out, expansion and the first stride of B0's stages. */
const STAGES = [
  [3, 1, 16, 1, 1],
  [3, 2, 24, 6, 2],
  [5, 2, 40, 6, 2],
  [3, 3, 80, 6, 2],
  [5, 3, 112, 6, 1],
  [5, 4, 192, 6, 2],
  [3, 1, 320, 6, 1],
] as const;

/** What the last block's sum drops of the samples; those before it less, the first nothing. */
const DROP_CONNECT = 0.2;

interface Block {
  readonly name: string;
  readonly kernel: number;
  readonly strides: number;
  readonly expansion: number;
  readonly channels: number;
  readonly out: number;
  readonly drop: number;
  readonly sides: Sides;
}

/** How one of them differs from B0, and what it is known by. */
interface Version {
  readonly width: number;
  readonly depth: number;
  readonly side: number;
  readonly dropout: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

function efficientNet(version: string, { width, depth, side, dropout, parameters, multiplyAdds }: Version) {
  const channelsOf = (channels: number) => makeDivisible(channels * width);
  const modelName = `efficientnet${version.toLowerCase()}`;
  const blocks = STAGES.flatMap(([kernel, repeats, filters, expansion, stride], stage) =>
    Array.from({ length: Math.ceil(depth * repeats) }, (_, i) => ({
      name: `block${stage + 1}${String.fromCharCode(97 + i)}_`,
      ...{ kernel, expansion, out: channelsOf(filters), strides: i === 0 ? stride : 1 },
    })),
  );
  return defineKerasNetwork({
    name: `EfficientNet${version}`,
    title: `Keras EfficientNet-${version}`,
    parameters,
    multiplyAdds,
    preprocessing: 'levels',
    stages: ['stem_conv', ...STAGES.map(([, , , expansion], i) => firstOf(i, expansion)), 'top_conv', 'predictions'],
    maps: 'top_activation',
    modelName,
    side,
    minSide: 32,
    published: ({ includeTop = true }) => `${modelName}${includeTop ? '' : '_notop'}.h5`,
    namedPooling: true,
    adapt: withDeviations,
    features(graph, input, _, sides) {
      let x = graph.add('Normalization', graph.add('Rescaling', input, { scale: 1 / 255, offset: 0 }), { axis: [-1] });
      let channels = channelsOf(32);
      x = graph.pad(x, correctPad(sides, 3), 'stem_conv_pad');
      x = graph.convolution(x, channels, 3, { name: 'stem_conv', strides: 2, initializer: INITIALIZER });
      x = graph.activation(graph.norm(x, 'stem_bn'), 'silu', 'stem_activation');
      let at = half(sides);
      for (const [b, block] of blocks.entries()) {
        const drop = (DROP_CONNECT * b) / blocks.length;
        x = invertedResidual(graph, x, { ...block, channels, drop, sides: at });
        if (block.strides === 2) at = half(at);
        channels = block.out;
      }
      x = graph.convolution(x, channelsOf(1280), 1, { name: 'top_conv', padding: 'same', initializer: INITIALIZER });
      return graph.activation(graph.norm(x, 'top_bn'), 'silu', 'top_activation');
    },
    top(graph, features, top) {
      const pooled = graph.globalPool('Average', features, 'avg_pool');
      const dropped = graph.add('Dropout', pooled, { rate: dropout }, 'top_dropout');
      return predictions(graph, dropped, { ...top, initializer: HEAD_INITIALIZER });
    },
  });
}

/** ImageNet's deviations, which published weights have for the variances of the first normalization. */
const DEVIATIONS = [0.229, 0.224, 0.225];

/** Published weights with true variances: Keras adds a layer to their network that divides by the deviations' roots once more. */
function withDeviations(state: StateDict, onNote?: (note: string) => void): StateDict {
  const variance = state.get('normalization.variance');
  const values = variance && toFloat32(variance);
  if (!values || !DEVIATIONS.every((v, i) => Math.abs(values[i]! - v) < 1e-6)) return state;
  onNote?.("The variances of its normalization are ImageNet's deviations, as published: their squares are taken.");
  const data = values.map((v) => v * v);
  return new Map([...state, ['normalization.variance', { ...variance, dtype: 'float32', data }]]);
}

/** The first layer of a stage that has weights. */
const firstOf = (stage: number, expansion: number) =>
  `block${stage + 1}a_${expansion === 1 ? 'dwconv' : 'expand_conv'}`;

function invertedResidual(graph: LayerGraph, input: string, block: Block): string {
  const { name, kernel, strides, expansion, channels, out, sides } = block;
  const conv = (from: string, filters: number, part: string) =>
    graph.convolution(from, filters, 1, { name: `${name}${part}_conv`, padding: 'same', initializer: INITIALIZER });
  const active = (from: string, part = '') =>
    graph.activation(graph.norm(from, `${name}${part}bn`), 'silu', `${name}${part}activation`);
  let x = expansion === 1 ? input : active(conv(input, channels * expansion, 'expand'), 'expand_');
  if (strides === 2) x = graph.pad(x, correctPad(sides, kernel), `${name}dwconv_pad`);
  const padding = strides === 2 ? 'valid' : 'same';
  x = active(graph.depthwise(x, kernel, { name: `${name}dwconv`, strides, padding, initializer: INITIALIZER }));
  x = excited(graph, x, name, Math.max(1, Math.floor(channels * 0.25)), channels * expansion);
  x = graph.norm(conv(x, out, 'project'), `${name}project_bn`);
  return strides === 1 && channels === out ? shared(graph, x, input, block) : x;
}

export const EfficientNetB0 = efficientNet('B0', {
  ...{ width: 1, depth: 1, side: 224, dropout: 0.2 },
  ...{ parameters: 5_288_548, multiplyAdds: 0.39 },
});
export const EfficientNetB1 = efficientNet('B1', {
  ...{ width: 1, depth: 1.1, side: 240, dropout: 0.2 },
  ...{ parameters: 7_794_184, multiplyAdds: 0.69 },
});
export const EfficientNetB2 = efficientNet('B2', {
  ...{ width: 1.1, depth: 1.2, side: 260, dropout: 0.3 },
  ...{ parameters: 9_109_994, multiplyAdds: 0.99 },
});
export const EfficientNetB3 = efficientNet('B3', {
  ...{ width: 1.2, depth: 1.4, side: 300, dropout: 0.3 },
  ...{ parameters: 12_233_232, multiplyAdds: 1.83 },
});
export const EfficientNetB4 = efficientNet('B4', {
  ...{ width: 1.4, depth: 1.8, side: 380, dropout: 0.4 },
  ...{ parameters: 19_341_616, multiplyAdds: 4.39 },
});
export const EfficientNetB5 = efficientNet('B5', {
  ...{ width: 1.6, depth: 2.2, side: 456, dropout: 0.4 },
  ...{ parameters: 30_389_784, multiplyAdds: 10.27 },
});
export const EfficientNetB6 = efficientNet('B6', {
  ...{ width: 1.8, depth: 2.6, side: 528, dropout: 0.5 },
  ...{ parameters: 43_040_704, multiplyAdds: 19.07 },
});
export const EfficientNetB7 = efficientNet('B7', {
  ...{ width: 2, depth: 3.1, side: 600, dropout: 0.5 },
  ...{ parameters: 66_347_960, multiplyAdds: 37.75 },
});
