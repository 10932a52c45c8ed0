/** Keras models out, in the files that Keras and TF.js read. */
import { writeFileAtomic } from '#files';
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { NamedFile } from '../../io/keras/tfjs-write.ts';
import { numbered } from './bind.ts';
import type { KerasLayer } from './layer.ts';
import type { KerasModel } from './model.ts';
import { Normalization } from './normalization.ts';
import { modelJson } from './serialize.ts';
import { type LayerWeight, toKeras } from './weights.ts';

type Writer = (model: KerasModel, name: string) => Promise<NamedFile[]>;

/** By extension, the longest first. */
const WRITERS: Readonly<Record<string, Writer>> = {
  '.weights.h5': async (model, name) => {
    const { kerasWeightsH5Bytes } = await import('../../io/keras/h5-write.ts');
    return [{ name, bytes: await kerasWeightsH5Bytes(await numberedLayers(model)) }];
  },
  '.h5': h5,
  '.hdf5': h5,
  '.keras': async (model, name) => {
    const { kerasZipBytes } = await import('../../io/keras/archive-write.ts');
    const config = JSON.stringify(modelJson(model, 3));
    return [{ name, bytes: await kerasZipBytes(config, await numberedLayers(model)) }];
  },
  '.json': async (model, name) => {
    const { tfjsFiles } = await import('../../io/keras/tfjs-write.ts');
    return tfjsFiles(name, modelJson(model, 2), await tfjsState(model));
  },
};

const ZERO: TensorData = { shape: [], dtype: 'int64', data: BigInt64Array.of(0n) };

/** What {@link saveModel} takes. */
export const KERAS_EXTENSIONS: readonly string[] = Object.keys(WRITERS);

/** The extension of a Keras file that a name ends in, undefined if none. */
export function kerasExtension(name: string): string | undefined {
  return KERAS_EXTENSIONS.find((extension) => name.toLowerCase().endsWith(extension));
}

/**
 * The files that {@link saveModel} writes, for pages that offer downloads: one, or the shards of a TF.js model before its
 * `model.json`.
 * @param name Of the file, without a folder; its extension tells the format.
 */
export async function modelFiles(model: KerasModel, name: string): Promise<NamedFile[]> {
  const extension = kerasExtension(name);
  if (extension !== undefined) return WRITERS[extension]!(model, name);
  throw new ArgumentError(
    `saveModel: '${name}' is named like no Keras or TF.js file. Use ${KERAS_EXTENSIONS.join(', ')}.`,
  );
}

/**
 * Writes a model with the names, order and layouts of Keras. The extension tells the format: `.h5` (whole model, Keras 2 and 3),
 * `.keras` (Keras 3), `.json` (TF.js Layers: shards beside it), `.weights.h5` (Keras 3's, without the topology). Each path gets a
 * whole file or stays as it was; a `model.json` comes after its shards.
 * @param model As {@link loadModel} gives it, trained or not.
 * @param path Where to, with the extension of the format.
 * @returns what was written.
 * @throws ArgumentError for another extension, or layers that were replaced by what their class cannot describe.
 * @example
 * await keras.saveModel(model, 'flowers.keras');
 */
export async function saveModel(model: KerasModel, path: string | URL): Promise<(string | URL)[]> {
  const text = String(path);
  const cut = text.search(/[^/\\]*$/);
  const written: (string | URL)[] = [];
  for (const { name, bytes } of await modelFiles(model, text.slice(cut))) {
    const target = `${text.slice(0, cut)}${name}`;
    written.push(path instanceof URL ? new URL(target) : target);
    await writeFileAtomic(written.at(-1)!, [bytes]);
  }
  return written;
}

async function h5(model: KerasModel, name: string): Promise<NamedFile[]> {
  const { kerasH5Bytes } = await import('../../io/keras/h5-write.ts');
  const config = JSON.stringify(modelJson(model, 2));
  const layers = await Promise.all(
    model.layers.map(async (layer) => {
      const weights = await weightsOf(layer);
      return [layer.name, new Map(weights.map(([key, data]) => [key.slice(layer.name.length + 1), data]))] as const;
    }),
  );
  return [{ name, bytes: await kerasH5Bytes({ layers, config }) }];
}

async function numberedLayers(model: KerasModel) {
  return Promise.all(
    numbered(model.layers).map(async ({ layer, path }) => {
      const weights = await weightsOf(layer);
      return { path, name: layer.name, weights: weights.map(([, data]) => data) };
    }),
  );
}

/** TF.js knows the weights of a model inside the model by the inner layer alone. */
async function tfjsState(model: KerasModel): Promise<StateDict> {
  const state: StateDict = new Map();
  for (const { layer } of numbered(model.layers))
    for (const [name, data] of await weightsOf(layer)) {
      if (state.has(name))
        throw new ArgumentError(
          `saveModel: TF.js tells weights apart by layer, and two layers have '${name}'. Save it as .h5 or .keras.`,
        );
      state.set(name, data);
    }
  return state;
}

/** A layer's weights in Keras's order; of a model inside the model trainable ones come first, then statistics. */
async function weightsOf(layer: KerasLayer): Promise<[string, TensorData][]> {
  const own = entriesOf(layer);
  const isStatistic = ([name]: Entry) => /(^|\/)(moving_mean|moving_variance|mean|variance|count)$/.test(name);
  const ordered = layer.layers ? [...own.filter((w) => !isStatistic(w)), ...own.filter(isStatistic)] : own;
  return Promise.all(
    ordered.map(async ([name, weight]): Promise<[string, TensorData]> => {
      return [name, 'tensor' in weight ? toKeras(weight, await weight.tensor.data()) : weight];
    }),
  );
}

type Entry = readonly [name: string, weight: LayerWeight | TensorData];

function entriesOf(layer: KerasLayer): Entry[] {
  if (layer.layers)
    return layer.layers.flatMap(entriesOf).map(([name, weight]) => [`${layer.name}/${name}`, weight] as const);
  // Keras counts what a normalization has seen: a number that it wants back, and no longer uses.
  const counted = layer.module instanceof Normalization && layer.module.mean !== null;
  return [...layer.ownWeights(), ...(counted ? [[`${layer.name}/count`, ZERO] as const] : [])];
}
