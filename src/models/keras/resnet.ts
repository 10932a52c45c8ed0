/**
 * Keras's residual networks for ImageNet. Version 1: stride on the first 1x1, convolution biases, epsilon 1.001e-5, softmax inside;
 * He et al. 2015, https://arxiv.org/abs/1512.03385. Version 2: batch norm and ReLU first, stride on the 3x3 of a stage's last
 * block; He et al. 2016, https://arxiv.org/abs/1603.05027.
 */
import type { LayerGraph } from './graph.ts';
import { defineKerasNetwork, type KerasNetwork, type KerasNetworkOptions, kerasNetwork } from './network.ts';

const BLOCKS = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3] } as const;
type Depth = keyof typeof BLOCKS;
const NORM = { epsilon: 1.001e-5 };

/** What one block is. */
interface Block {
  readonly name: string;
  readonly filters: number;
  readonly strides: number;
  /** Whether a convolution widens the shortcut. */
  readonly widens: boolean;
}

function resnet(depth: Depth) {
  return kerasNetwork(
    network(depth, '', (graph, input) => {
      let x = stem(graph, input);
      x = graph.activation(graph.norm(x, 'conv1_bn', NORM), 'relu', 'conv1_relu');
      x = stemPool(graph, x);
      for (const [stage, count] of BLOCKS[depth].entries())
        for (let i = 1; i <= count; i++) {
          const strides = i === 1 && stage > 0 ? 2 : 1;
          x = block(graph, x, { name: `conv${stage + 2}_block${i}`, filters: 64 << stage, strides, widens: i === 1 });
        }
      return x;
    }),
  );
}

function resnetV2(depth: Depth, parameters: number, multiplyAdds: number) {
  const built = network(depth, 'V2', (graph, input) => {
    let x = stemPool(graph, stem(graph, input));
    for (const [stage, count] of BLOCKS[depth].entries())
      for (let i = 1; i <= count; i++) {
        const strides = i === count && stage < 3 ? 2 : 1;
        x = blockV2(graph, x, { name: `conv${stage + 2}_block${i}`, filters: 64 << stage, strides, widens: i === 1 });
      }
    return graph.activation(graph.norm(x, 'post_bn', NORM), 'relu', 'post_relu');
  });
  return defineKerasNetwork({
    ...built,
    title: `Keras ResNet-${depth} v2`,
    parameters,
    multiplyAdds,
    preprocessing: 'tf',
    stages: ['conv1_conv', ...BLOCKS[depth].map((_, i) => `conv${i + 2}_block1_preact_bn`), 'predictions'],
    maps: 'post_relu',
  });
}

export const ResNet50 = resnet(50);
export const ResNet101 = resnet(101);
export const ResNet152 = resnet(152);
export const ResNet50V2 = resnetV2(50, 25_568_360, 3.48);
export const ResNet101V2 = resnetV2(101, 44_577_896, 7.19);
export const ResNet152V2 = resnetV2(152, 60_236_904, 10.91);

function network(
  depth: Depth,
  version: '' | 'V2',
  features: (graph: LayerGraph, input: string) => string,
): KerasNetwork<KerasNetworkOptions> {
  const modelName = `resnet${depth}${version.toLowerCase()}`;
  return {
    name: `ResNet${depth}${version}`,
    modelName,
    side: 224,
    minSide: 32,
    published: ({ includeTop = true }) =>
      `${modelName}_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5`,
    namedPooling: true,
    features,
  };
}

function stem(graph: LayerGraph, input: string): string {
  const padded = graph.pad(input, 3, 'conv1_pad');
  return graph.convolution(padded, 64, 7, { name: 'conv1_conv', strides: 2, bias: true });
}

function stemPool(graph: LayerGraph, from: string): string {
  return graph.pool('Max', graph.pad(from, 1, 'pool1_pad'), 3, 2, 'pool1_pool');
}

function block(graph: LayerGraph, input: string, { name, filters, strides, widens }: Block): string {
  const conv = (from: string, part: number, channels: number, kernel: number, stride: number) => {
    const own = {
      name: `${name}_${part}_conv`,
      strides: stride,
      padding: kernel > 1 ? 'same' : 'valid',
      bias: true,
    } as const;
    return graph.norm(graph.convolution(from, channels, kernel, own), `${name}_${part}_bn`, NORM);
  };
  const relu = (from: string, part: string) => graph.activation(from, 'relu', `${name}_${part}`);
  const shortcut = widens ? conv(input, 0, 4 * filters, 1, strides) : input;
  let x = relu(conv(input, 1, filters, 1, strides), '1_relu');
  x = relu(conv(x, 2, filters, 3, 1), '2_relu');
  x = conv(x, 3, 4 * filters, 1, 1);
  return relu(graph.add('Add', [shortcut, x], {}, `${name}_add`), 'out');
}

function blockV2(graph: LayerGraph, input: string, { name, filters, strides, widens }: Block): string {
  const normed = (from: string, part: string) =>
    graph.activation(graph.norm(from, `${name}_${part}_bn`, NORM), 'relu', `${name}_${part}_relu`);
  const wide = (from: string, part: number) =>
    graph.convolution(from, 4 * filters, 1, { name: `${name}_${part}_conv`, bias: true });
  const first = normed(input, 'preact');
  // A block that widens is a stage's first, and has no stride.
  const thinned = strides > 1 ? graph.pool('Max', input, 1, strides) : input;
  const shortcut = widens ? wide(first, 0) : thinned;
  let x = normed(graph.convolution(first, filters, 1, { name: `${name}_1_conv` }), '1');
  x = graph.pad(x, 1, `${name}_2_pad`);
  x = normed(graph.convolution(x, filters, 3, { name: `${name}_2_conv`, strides }), '2');
  return graph.add('Add', [shortcut, wide(x, 3)], {}, `${name}_out`);
}
