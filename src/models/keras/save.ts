/** Keras models out, in a file that Keras reads. */
import { writeFileAtomic } from '#files';
import type { KerasLayer } from './layer.ts';
import type { KerasModel } from './model.ts';
import { toKeras } from './weights.ts';

/** The bytes of {@link saveModel}'s file, for pages that offer a download. */
export async function modelBytes(model: KerasModel, options: { topology?: boolean } = {}): Promise<Uint8Array> {
  const layers = await Promise.all(model.layers.map(async (layer) => [layer.name, await weightsOf(layer)] as const));
  const { kerasH5Bytes } = await import('../../io/keras-h5-write.ts');
  return kerasH5Bytes({ layers, ...((options.topology ?? true) && { config: JSON.stringify(model.config) }) });
}

/**
 * Writes a model as Keras's whole-model `.h5`: topology, names, order and layouts of Keras. The path gets the whole file or
 * stays as it was.
 * @param options.topology false leaves the topology out: `model.load_weights` in Keras takes such a file.
 */
export async function saveModel(
  path: string | URL,
  model: KerasModel,
  options: { topology?: boolean } = {},
): Promise<void> {
  await writeFileAtomic(path, [await modelBytes(model, options)]);
}

/** Of a model inside the model: trainable weights, then statistics, as Keras lists them. */
async function weightsOf(layer: KerasLayer) {
  const own = layer.ownWeights().map(([name, weight]) => [name.slice(layer.name.length + 1), weight] as const);
  const isStatistic = (name: string) => /(^|\/)(moving_mean|moving_variance|mean|variance)$/.test(name);
  const ordered = layer.layers
    ? [...own.filter(([name]) => !isStatistic(name)), ...own.filter(([name]) => isStatistic(name))]
    : own;
  const values = await Promise.all(ordered.map(([, { tensor }]) => tensor.data()));
  return new Map(ordered.map(([name, weight], i) => [name, toKeras(weight, values[i]!)] as const));
}
