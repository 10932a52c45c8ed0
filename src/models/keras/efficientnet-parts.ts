/** What Keras's two versions of the EfficientNets have in common. */
import type { Json } from './config.ts';
import type { LayerGraph } from './graph.ts';

const initializer = (scale: number, distribution: string): Json => ({
  class_name: 'VarianceScaling',
  config: { scale, mode: 'fan_out', distribution },
});

/** Of every convolution. */
export const INITIALIZER = initializer(2, 'truncated_normal');
/** Of the layer that makes the classes. */
export const HEAD_INITIALIZER = initializer(1 / 3, 'uniform');

/** Squeeze and excitation: each channel is scaled by what two 1x1 convolutions make of all channels' means. */
export function excited(graph: LayerGraph, x: string, name: string, squeezed: number, channels: number): string {
  const conv = (from: string, filters: number, part: string, activation: string) => {
    const own = { name: `${name}${part}`, padding: 'same', bias: true, activation, initializer: INITIALIZER } as const;
    return graph.convolution(from, filters, 1, own);
  };
  let se = graph.globalPool('Average', x, `${name}se_squeeze`);
  se = graph.add('Reshape', se, { target_shape: [1, 1, channels] }, `${name}se_reshape`);
  se = conv(conv(se, squeezed, 'se_reduce', 'silu'), channels, 'se_expand', 'sigmoid');
  return graph.add('Multiply', [x, se], {}, `${name}se_excite`);
}

/** The sum of a block's result, of which training drops whole samples, and its input. */
export function shared(
  graph: LayerGraph,
  x: string,
  input: string,
  { name, drop }: { readonly name: string; readonly drop: number },
): string {
  const noise = { rate: drop, noise_shape: [null, 1, 1, 1] };
  const kept = drop > 0 ? graph.add('Dropout', x, noise, `${name}drop`) : x;
  return graph.add('Add', [kept, input], {}, `${name}add`);
}
