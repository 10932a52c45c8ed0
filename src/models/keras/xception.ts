/** Keras's Xception. Chollet 2016, https://arxiv.org/abs/1610.02357. */
import type { LayerGraph } from './graph.ts';
import { defineKerasNetwork } from './network.ts';

export const Xception = defineKerasNetwork({
  name: 'Xception',
  title: 'Keras Xception',
  parameters: 22_855_952,
  multiplyAdds: 8.36,
  preprocessing: 'tf',
  stages: [
    'block1_conv1',
    'block2_sepconv1',
    'block3_sepconv1',
    'block4_sepconv1',
    'block5_sepconv1',
    'block9_sepconv1',
    'block13_sepconv1',
    'block14_sepconv1',
    'predictions',
  ],
  maps: 'block14_sepconv2_act',
  modelName: 'xception',
  side: 299,
  minSide: 71,
  published: ({ includeTop = true }) => `xception_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5`,
  namedPooling: false,
  features(graph, input) {
    const relu = (from: string, name: string) => graph.activation(from, 'relu', `${name}_act`);
    const separable = (from: string, filters: number, name: string) =>
      graph.norm(graph.separable(from, filters, name), `${name}_bn`);
    let x = graph.convolution(input, 32, 3, { name: 'block1_conv1', strides: 2 });
    x = relu(graph.norm(x, 'block1_conv1_bn'), 'block1_conv1');
    x = graph.convolution(x, 64, 3, { name: 'block1_conv2' });
    x = relu(graph.norm(x, 'block1_conv2_bn'), 'block1_conv2');
    for (const [block, first, filters] of [
      [2, 128, 128],
      [3, 256, 256],
      [4, 728, 728],
    ] as const)
      x = halving(graph, x, block, first, filters);
    for (let block = 5; block <= 12; block++) {
      const input = x;
      for (let i = 1; i <= 3; i++) {
        const name = `block${block}_sepconv${i}`;
        x = separable(relu(x, name), 728, name);
      }
      x = graph.add('Add', [x, input]);
    }
    x = halving(graph, x, 13, 728, 1024);
    for (const [i, filters] of [1536, 2048].entries()) {
      const name = `block14_sepconv${i + 1}`;
      x = relu(separable(x, filters, name), name);
    }
    return x;
  },
});

/** A block that halves the image: two separable convolutions and a pooling, beside a 1x1 convolution of stride 2. */
function halving(graph: LayerGraph, input: string, block: number, first: number, filters: number): string {
  const residual = graph.norm(graph.convolution(input, filters, 1, { strides: 2, padding: 'same' }));
  let x = input;
  for (const [i, channels] of [first, filters].entries()) {
    const name = `block${block}_sepconv${i + 1}`;
    // The first block's input has been through a ReLU.
    if (block > 2 || i > 0) x = graph.activation(x, 'relu', `${name}_act`);
    x = graph.norm(graph.separable(x, channels, name), `${name}_bn`);
  }
  x = graph.pool('Max', x, 3, 2, `block${block}_pool`, 'same');
  return graph.add('Add', [x, residual]);
}
