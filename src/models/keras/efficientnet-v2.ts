/**
 * Keras's EfficientNets V2, which scale their images themselves, unless told not to. Tan and Le 2021, https://arxiv.org/abs/2104.00298.
 */
import { excited, HEAD_INITIALIZER, INITIALIZER, shared } from './efficientnet-parts.ts';
import type { LayerGraph } from './graph.ts';
import { defineKerasNetwork, type KerasNetworkOptions, predictions } from './network.ts';

/** Options of `keras.EfficientNetV2B0` and its siblings. */
export interface KerasEfficientNetV2Options extends KerasNetworkOptions {
  /** Whether it scales its images, levels of 0..255, itself; true by default. */
  includePreprocessing?: boolean;
}

/** Repeats, channels out, expansion, the first stride; with a squeeze a stage's blocks have a depthwise convolution, else a whole one. */
type Stage = readonly [repeats: number, out: number, expansion: number, stride: number, squeezes: boolean];

const B: readonly Stage[] = [
  [1, 16, 1, 1, false],
  [2, 32, 4, 2, false],
  [2, 48, 4, 2, false],
  [3, 96, 4, 2, true],
  [5, 112, 6, 1, true],
  [8, 192, 6, 2, true],
];
const S: readonly Stage[] = [
  [2, 24, 1, 1, false],
  [4, 48, 4, 2, false],
  [4, 64, 4, 2, false],
  [6, 128, 4, 2, true],
  [9, 160, 6, 1, true],
  [15, 256, 6, 2, true],
];
const M: readonly Stage[] = [
  [3, 24, 1, 1, false],
  [5, 48, 4, 2, false],
  [5, 80, 4, 2, false],
  [7, 160, 4, 2, true],
  [14, 176, 6, 1, true],
  [18, 304, 6, 2, true],
  [5, 512, 6, 1, true],
];
const L: readonly Stage[] = [
  [4, 32, 1, 1, false],
  [7, 64, 4, 2, false],
  [7, 96, 4, 2, false],
  [10, 192, 4, 2, true],
  [19, 224, 6, 1, true],
  [25, 384, 6, 2, true],
  [7, 640, 6, 1, true],
];

const DROPOUT = 0.2;
/** What the last block's sum drops of the samples; those before it less, the first nothing. */
const DROP_CONNECT = 0.2;
const NORM = { momentum: 0.9 };

/** What one of them is built of and known by. */
interface Version {
  readonly stages: readonly Stage[];
  readonly stem: number;
  readonly side: number;
  readonly width?: number;
  readonly depth?: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

interface Block {
  readonly name: string;
  readonly strides: number;
  readonly expansion: number;
  readonly channels: number;
  readonly out: number;
  readonly squeezes: boolean;
  readonly drop: number;
}

function efficientNetV2(version: string, { stages, stem, side, width = 1, depth = 1, ...known }: Version) {
  const channelsOf = (channels: number) => Math.max(8, Math.floor((channels * width + 4) / 8) * 8);
  const modelName = `efficientnetv2-${version.toLowerCase()}`;
  const repeatsInAll = stages.reduce((sum, [repeats]) => sum + repeats, 0);
  const blocks = stages.flatMap(([repeats, out, expansion, stride, squeezes], stage) =>
    Array.from({ length: Math.ceil(depth * repeats) }, (_, i) => ({
      name: `block${stage + 1}${String.fromCharCode(97 + i)}_`,
      ...{ expansion, out: channelsOf(out), strides: i === 0 ? stride : 1, squeezes },
    })),
  );
  return defineKerasNetwork<KerasEfficientNetV2Options>({
    ...known,
    name: `EfficientNetV2${version}`,
    title: `Keras EfficientNet V2-${version}`,
    preprocessing: 'levels',
    stages: ['stem_conv', ...stages.map(([, , expansion], i) => firstOf(i, expansion)), 'top_conv', 'predictions'],
    maps: 'top_activation',
    modelName,
    side,
    minSide: 32,
    options: { includePreprocessing: true },
    published: ({ includeTop = true }) => `${modelName}${includeTop ? '' : '_notop'}.h5`,
    namedPooling: true,
    features(graph, input, { includePreprocessing = true }) {
      let channels = channelsOf(stem);
      let x = includePreprocessing ? scaled(graph, input, version) : input;
      x = graph.convolution(x, channels, 3, {
        name: 'stem_conv',
        strides: 2,
        padding: 'same',
        initializer: INITIALIZER,
      });
      x = graph.activation(graph.norm(x, 'stem_bn', NORM), 'silu', 'stem_activation');
      for (const [b, block] of blocks.entries()) {
        // As Keras counts them: by the repeats of the version that is not deeper.
        x = residual(graph, x, { ...block, channels, drop: (DROP_CONNECT * b) / repeatsInAll });
        channels = block.out;
      }
      x = graph.convolution(x, channelsOf(1280), 1, { name: 'top_conv', padding: 'same', initializer: INITIALIZER });
      return graph.activation(graph.norm(x, 'top_bn', NORM), 'silu', 'top_activation');
    },
    top(graph, features, top) {
      const pooled = graph.globalPool('Average', features, 'avg_pool');
      const dropped = graph.add('Dropout', pooled, { rate: DROPOUT }, 'top_dropout');
      return predictions(graph, dropped, { ...top, initializer: HEAD_INITIALIZER });
    },
  });
}

/** The first layer of a stage that has weights. */
const firstOf = (stage: number, expansion: number) =>
  `block${stage + 1}a_${expansion === 1 ? 'project' : 'expand'}_conv`;

/** Levels of 0..255 as the weights want them: the B's less ImageNet's mean and over its deviation, the others -1..1. */
function scaled(graph: LayerGraph, input: string, version: string): string {
  if (!version.startsWith('B')) return graph.add('Rescaling', input, { scale: 1 / 128, offset: -1 });
  const known = { mean: [0.485, 0.456, 0.406], variance: [0.229 ** 2, 0.224 ** 2, 0.225 ** 2] };
  return graph.add('Normalization', graph.add('Rescaling', input, { scale: 1 / 255, offset: 0 }), {
    axis: [-1],
    ...known,
  });
}

function residual(graph: LayerGraph, input: string, block: Block): string {
  const { name, strides, expansion, channels, out, squeezes } = block;
  const wide = channels * expansion;
  const normed = (from: string, part: string) => graph.norm(from, `${name}${part}bn`, NORM);
  const active = (from: string, part: string) => graph.activation(from, 'silu', `${name}${part}activation`);
  const conv = (from: string, filters: number, kernel: number, stride: number, part: string) =>
    graph.convolution(from, filters, kernel, {
      ...{ name: `${name}${part}conv`, strides: stride, padding: 'same', initializer: INITIALIZER },
    });
  let x = input;
  if (squeezes) {
    if (expansion !== 1) x = active(normed(conv(x, wide, 1, 1, 'expand_'), 'expand_'), 'expand_');
    const own = { name: `${name}dwconv2`, strides, padding: 'same', initializer: INITIALIZER } as const;
    x = active(normed(graph.depthwise(x, 3, own), ''), '');
    x = excited(graph, x, name, Math.max(1, Math.floor(channels * 0.25)), wide);
  } else if (expansion !== 1) x = active(normed(conv(x, wide, 3, strides, 'expand_'), 'expand_'), 'expand_');
  const isWhole = !squeezes && expansion === 1;
  x = normed(conv(x, out, isWhole ? 3 : 1, isWhole ? strides : 1, 'project_'), 'project_');
  if (isWhole) x = active(x, 'project_');
  return strides === 1 && channels === out ? shared(graph, x, input, block) : x;
}

export const EfficientNetV2B0 = efficientNetV2('B0', {
  ...{ stages: B, stem: 32, side: 224 },
  ...{ parameters: 7_139_704, multiplyAdds: 0.72 },
});
export const EfficientNetV2B1 = efficientNetV2('B1', {
  ...{ stages: B, stem: 32, side: 240, depth: 1.1 },
  ...{ parameters: 8_141_052, multiplyAdds: 1.2 },
});
export const EfficientNetV2B2 = efficientNetV2('B2', {
  ...{ stages: B, stem: 32, side: 260, width: 1.1, depth: 1.2 },
  ...{ parameters: 10_096_086, multiplyAdds: 1.7 },
});
export const EfficientNetV2B3 = efficientNetV2('B3', {
  ...{ stages: B, stem: 32, side: 300, width: 1.2, depth: 1.4 },
  ...{ parameters: 14_358_406, multiplyAdds: 3.01 },
});
export const EfficientNetV2S = efficientNetV2('S', {
  ...{ stages: S, stem: 24, side: 384 },
  ...{ parameters: 21_458_488, multiplyAdds: 8.37 },
});
export const EfficientNetV2M = efficientNetV2('M', {
  ...{ stages: M, stem: 24, side: 480 },
  ...{ parameters: 54_139_356, multiplyAdds: 24.58 },
});
export const EfficientNetV2L = efficientNetV2('L', {
  ...{ stages: L, stem: 32, side: 480 },
  ...{ parameters: 118_515_272, multiplyAdds: 56.08 },
});
