/** Keras's VGG networks: no batch norms, ReLUs inside of the convolutions. Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556. */
import { defineKerasNetwork, predictions } from './network.ts';

/** Convolutions of each block, by depth. */
const BLOCKS = { 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const;

function vgg(depth: 16 | 19, parameters: number, multiplyAdds: number) {
  return defineKerasNetwork({
    name: `VGG${depth}`,
    title: `Keras VGG-${depth}`,
    parameters,
    multiplyAdds,
    preprocessing: 'caffe',
    stages: [...BLOCKS[depth].map((_, i) => `block${i + 1}_conv1`), 'fc1', 'predictions'],
    maps: 'block5_pool',
    fixedSize: true,
    modelName: `vgg${depth}`,
    side: 224,
    minSide: 32,
    published: ({ includeTop = true }) =>
      `vgg${depth}_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5`,
    namedPooling: false,
    features(graph, input) {
      let x = input;
      for (const [i, count] of BLOCKS[depth].entries()) {
        const block = `block${i + 1}`;
        for (let n = 1; n <= count; n++)
          x = graph.convolution(x, Math.min(64 << i, 512), 3, {
            name: `${block}_conv${n}`,
            padding: 'same',
            bias: true,
            activation: 'relu',
          });
        x = graph.pool('Max', x, 2, 2, `${block}_pool`);
      }
      return x;
    },
    top(graph, features, top) {
      let x = graph.add('Flatten', features, {}, 'flatten');
      for (const name of ['fc1', 'fc2']) x = graph.add('Dense', x, { units: 4096, activation: 'relu' }, name);
      return predictions(graph, x, top);
    },
  });
}

export const VGG16 = vgg(16, 138_357_544, 15.47);
export const VGG19 = vgg(19, 143_667_240, 19.63);
