/**
 * Keras's HDF5 files: weights (`.h5`, `.weights.h5`) and whole models with topology and optimizer state. Two layouts exist:
 * - by layer: attributes `layer_names` and `weight_names`, at the root or in `model_weights` (Keras 1 to 3, `.h5`);
 * - by path: `layers/conv2d/vars/0` (Keras 3, `.weights.h5`, and inside `.keras`).
 * The reader of HDF5 is loaded when a file needs it.
 */
import type { TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { plural, printable } from '../base/bytes.ts';
import type { ModelFormat, WeightFile } from '../base/format.ts';
import { headerFault, jsonCost } from '../base/json.ts';
import { MemoryBudget } from '../base/memory.ts';
import type { Hdf5File } from '../hdf5/h5.ts';
import { layersFor } from './description.ts';

const CONFIG_LIMIT = 64 << 20;
const CONFIG_DEPTH = 100;
const DEPTH = 24;

/** Whether a file starts as HDF5 does. */
function isHdf5(head: Uint8Array): boolean {
  return [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => head[i] === byte);
}

export const kerasH5: ModelFormat = {
  name: 'Keras (h5)',
  extensions: ['.h5', '.hdf5'],
  holds: 'layers',
  matches: isHdf5,
  async read(source) {
    return readKerasH5(await source.read(0, source.size), source, kerasH5.name);
  },
  async writeModel(model, context) {
    const { kerasH5Bytes } = await import('./h5-write.ts');
    const keras = layersFor(model, context);
    const config = JSON.stringify(keras.topology(2));
    return [{ name: context.name, chunks: [await kerasH5Bytes({ layers: await keras.layers(), config })] }];
  },
};

/** Keras 3's weights without the topology. They are told from no other HDF5 before they are read: {@link kerasH5} reads them. */
export const kerasWeightsH5: ModelFormat = {
  ...kerasH5,
  name: 'Keras (weights.h5)',
  extensions: ['.weights.h5'],
  holds: 'tensors',
  storesMetadata: false,
  async writeModel(model, context) {
    const { kerasWeightsH5Bytes } = await import('./h5-write.ts');
    const layers = await layersFor(model, context).numberedLayers();
    return [{ name: context.name, chunks: [await kerasWeightsH5Bytes(layers)] }];
  },
};

/**
 * The content of an HDF5 file that Keras wrote.
 * @param config The topology, where it lies beside the file. A file that comes with one may be of a model without weights.
 */
export async function readKerasH5(
  bytes: Uint8Array,
  source: ByteSource,
  format: string,
  config?: string,
): Promise<WeightFile> {
  const { withHdf5 } = await import('../hdf5/h5.ts');
  return withHdf5(bytes, source, (file) => {
    const notes: string[] = [];
    const root = file.kind('/model_weights') === 'group' ? '/model_weights' : '/';
    const layers = file.texts(root, 'layer_names');
    const found = layers ? byLayer(file, root, layers) : byPath(file);
    const metadata = { ...metadataOf(file), ...(config !== undefined && { model_config: config }) };
    if (found.size === 0 && metadata.model_config === undefined)
      throw file.error('holds no weights in a layout that Keras writes (layer_names, or layers/…/vars/…).');
    if (file.kind('/optimizer_weights') === 'group' || file.kind('/optimizer') === 'group')
      notes.push('The optimizer state was left out.');
    return {
      state: new Map([...found].map(([name, { data }]) => [name, data])),
      metadata,
      format,
      notes,
      namesInFile: new Map([...found].map(([name, { path }]) => [name, path])),
    };
  });
}

type Found = Map<string, { data: TensorData; path: string }>;

/** Names become `layer/weight`, whatever scopes and suffixes the weight's own name has. */
function byLayer(file: Hdf5File, root: string, layers: readonly string[]): Found {
  const found: Found = new Map();
  const prefix = root === '/' ? '' : root;
  for (const layer of layers) {
    const group = `${prefix}/${layer}`;
    if (file.kind(group) !== 'group')
      throw file.error(`lists the layer '${printable(layer)}', but has no group for it.`);
    for (const weight of file.texts(group, 'weight_names') ?? []) {
      const path = `${group}/${weight}`;
      if (file.kind(path) !== 'dataset')
        throw file.error(
          `lists the weight '${printable(weight)}' of layer '${printable(layer)}', but does not have it.`,
        );
      const plain = weight.replace(/:\d+$/, '');
      const own = plain.startsWith(`${layer}/`) ? plain : `${layer}/${plain}`;
      // A weight's name may repeat its layer's once more: conv1/conv1/kernel.
      const name = own.startsWith(`${layer}/${layer}/`) ? own.slice(layer.length + 1) : own;
      if (found.has(name)) throw file.error(`lists the weight '${printable(name)}' twice.`);
      found.set(name, { data: file.tensor(path), path: path.slice(1) });
    }
  }
  return found;
}

/** All data sets in groups named `vars`, under their paths; the optimizer's are left out. */
function byPath(file: Hdf5File): Found {
  const found: Found = new Map();
  const visit = (group: string, depth: number): void => {
    if (depth > DEPTH) throw file.error(`nests groups deeper than ${DEPTH} levels.`);
    for (const key of file.keys(group === '' ? '/' : group)) {
      const path = `${group}/${key}`;
      if (path === '/optimizer' || path === '/optimizer_weights' || key === 'top_level_model_weights') continue;
      const kind = file.kind(path);
      if (kind === 'group') visit(path, depth + 1);
      else if (kind === 'dataset' && group.endsWith('/vars'))
        found.set(path.slice(1), { data: file.tensor(path), path: path.slice(1) });
    }
  };
  visit('', 0);
  return found;
}

function metadataOf(file: Hdf5File): Record<string, string> {
  const metadata: Record<string, string> = {};
  const config = file.text('/', 'model_config');
  if (config !== undefined) metadata.model_config = checkedConfig(file, config);
  for (const root of ['/', '/model_weights'])
    if (file.kind(root) === 'group')
      for (const key of ['keras_version', 'backend']) {
        const value = metadata[key] ?? file.text(root, key);
        if (value !== undefined) metadata[key] = value;
      }
  return metadata;
}

/**
 * The text of a topology, once it is known to be sound JSON.
 * @throws WeightFileError otherwise.
 */
export function checkedConfig(source: { readonly name: string; readonly size: number }, text: string): string {
  const file = source.name;
  if (text.length > CONFIG_LIMIT)
    throw new WeightFileError(file, `its topology has ${plural(text.length, 'character')}.`);
  MemoryBudget.ofObjects(source).take(jsonCost(text), 'its topology');
  try {
    JSON.parse(text);
  } catch {
    throw new WeightFileError(file, 'its topology is no valid JSON. It is damaged: get it again.');
  }
  const fault = headerFault(text, CONFIG_DEPTH);
  if (fault)
    throw new WeightFileError(
      file,
      'tooDeep' in fault
        ? `its topology nests deeper than ${CONFIG_DEPTH} levels.`
        : `its topology has the key '${printable(fault.duplicate)}' twice in one object.`,
    );
  return text;
}
