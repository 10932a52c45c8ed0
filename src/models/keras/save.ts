/** Keras models out, in the files that Keras and TF.js read. */
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { ModelFormat, OutputFile } from '../../io/base/format.ts';
import type { KerasDescription, NumberedLayer } from '../../io/keras/description.ts';
import { numbered } from './bind.ts';
import type { KerasLayer } from './layer.ts';
import type { KerasModel } from './model.ts';
import { Normalization } from './normalization.ts';
import { modelJson } from './serialize.ts';
import { type LayerWeight, toKeras } from './weights.ts';

/** One file of a model, by its name in the folder. */
export interface NamedFile {
  /** Without a folder. */
  readonly name: string;
  /** All of it. */
  readonly bytes: Uint8Array;
}

const ZERO: TensorData = { shape: [], dtype: 'int64', data: BigInt64Array.of(0n) };

/** A model's layers as the writers of its files need them. */
export function describeKeras(model: KerasModel): KerasDescription {
  return {
    topology: (generation) => modelJson(model, generation),
    layers: () => namedLayers(model),
    numberedLayers: () => numberedLayers(model),
    tfjsState: () => tfjsState(model),
  };
}

/**
 * The files that {@link saveModel} writes, for pages that offer downloads: one, or the shards of a TF.js model before its
 * `model.json`.
 * @param name Of the file, without a folder; its extension tells the format.
 */
export async function modelFiles(model: KerasModel, name: string): Promise<NamedFile[]> {
  const { joined } = await import('../../io/base/bytes.ts');
  return (await outputFiles(model, name)).map((file) => ({ name: file.name, bytes: joined(file.chunks) }));
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
  const { writeFiles } = await import('../../io/write.ts');
  return writeFiles(path, await outputFiles(model, String(path).replace(/^.*[/\\]/s, '')));
}

/** The formats are loaded when they are needed. */
async function outputFiles(model: KerasModel, name: string): Promise<readonly OutputFile[]> {
  const { formatNamed, WRITTEN } = await import('../../io/formats.ts');
  const isKeras = (format: ModelFormat | undefined) => format?.writeModel !== undefined && format.holds !== 'graph';
  const format = formatNamed(name);
  if (isKeras(format)) return format!.writeModel!(model, { name, inputs: [], keras: describeKeras(model) });
  const existing = WRITTEN.filter(isKeras).flatMap(({ extensions }) => extensions);
  throw new ArgumentError(`saveModel: '${name}' is named like no Keras or TF.js file. Use ${existing.join(', ')}.`);
}

async function namedLayers(model: KerasModel) {
  return Promise.all(
    model.layers.map(async (layer) => {
      const weights = await weightsOf(layer);
      return [layer.name, new Map(weights.map(([key, data]) => [key.slice(layer.name.length + 1), data]))] as const;
    }),
  );
}

async function numberedLayers(model: KerasModel): Promise<NumberedLayer[]> {
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
