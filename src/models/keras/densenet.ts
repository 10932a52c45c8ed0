/** Keras's DenseNets, epsilon 1.001e-5. Huang et al. 2016, https://arxiv.org/abs/1608.06993. */
import type { LayerGraph } from './graph.ts';
import { defineKerasNetwork } from './network.ts';

const BLOCKS = { 121: [6, 12, 24, 16], 169: [6, 12, 32, 32], 201: [6, 12, 48, 32] } as const;
/** Channels that a block adds. */
const GROWTH = 32;
const NORM = { epsilon: 1.001e-5 };

function denseNet(depth: keyof typeof BLOCKS, parameters: number, multiplyAdds: number) {
  return defineKerasNetwork({
    name: `DenseNet${depth}`,
    title: `Keras DenseNet-${depth}`,
    parameters,
    multiplyAdds,
    preprocessing: 'torch',
    stages: ['conv1_conv', ...BLOCKS[depth].map((_, i) => `conv${i + 2}_block1_0_bn`), 'predictions'],
    maps: 'relu',
    modelName: `densenet${depth}`,
    side: 224,
    minSide: 32,
    published: ({ includeTop = true }) =>
      `densenet${depth}_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5`,
    namedPooling: true,
    features(graph, input) {
      let x = graph.convolution(graph.pad(input, 3), 64, 7, { name: 'conv1_conv', strides: 2 });
      x = normed(graph, x, 'conv1_');
      x = graph.pool('Max', graph.pad(x, 1), 3, 2, 'pool1');
      let channels = 64;
      for (const [i, count] of BLOCKS[depth].entries()) {
        for (let n = 1; n <= count; n++) x = block(graph, x, `conv${i + 2}_block${n}`);
        channels += count * GROWTH;
        if (i === 3) break;
        channels = Math.floor(channels / 2);
        const name = `pool${i + 2}`;
        x = graph.convolution(normed(graph, x, `${name}_`), channels, 1, { name: `${name}_conv` });
        x = graph.pool('Average', x, 2, 2, `${name}_pool`);
      }
      return normed(graph, x, '');
    },
  });
}

export const DenseNet121 = denseNet(121, 7_978_856, 2.83);
export const DenseNet169 = denseNet(169, 14_149_480, 3.36);
export const DenseNet201 = denseNet(201, 20_013_928, 4.29);

function normed(graph: LayerGraph, from: string, prefix: string): string {
  return graph.activation(graph.norm(from, `${prefix}bn`, NORM), 'relu', `${prefix}relu`);
}

function block(graph: LayerGraph, input: string, name: string): string {
  let x = graph.convolution(normed(graph, input, `${name}_0_`), 4 * GROWTH, 1, { name: `${name}_1_conv` });
  x = graph.convolution(normed(graph, x, `${name}_1_`), GROWTH, 3, { name: `${name}_2_conv`, padding: 'same' });
  return graph.add('Concatenate', [input, x], { axis: -1 }, `${name}_concat`);
}
