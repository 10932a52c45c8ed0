/** Keras's DenseNets, epsilon 1.001e-5. Huang et al. 2016, https://arxiv.org/abs/1608.06993. */
import type { LayerGraph } from './graph.ts';
import { buildKerasNetwork, type KerasNetworkOptions } from './network.ts';

export type DenseNetDepth = 121 | 169 | 201;

const BLOCKS = { 121: [6, 12, 24, 16], 169: [6, 12, 32, 32], 201: [6, 12, 48, 32] } as const;
/** Channels that a block adds. */
const GROWTH = 32;
const NORM = { epsilon: 1.001e-5 };

export function denseNet(depth: DenseNetDepth, options: KerasNetworkOptions) {
  return buildKerasNetwork<KerasNetworkOptions>(
    {
      name: `DenseNet${depth}`,
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
    },
    options,
  );
}

function normed(graph: LayerGraph, from: string, prefix: string): string {
  return graph.activation(graph.norm(from, `${prefix}bn`, NORM), 'relu', `${prefix}relu`);
}

function block(graph: LayerGraph, input: string, name: string): string {
  let x = graph.convolution(normed(graph, input, `${name}_0_`), 4 * GROWTH, 1, { name: `${name}_1_conv` });
  x = graph.convolution(normed(graph, x, `${name}_1_`), GROWTH, 3, { name: `${name}_2_conv`, padding: 'same' });
  return graph.add('Concatenate', [input, x], { axis: -1 }, `${name}_concat`);
}
