/**
 * Weights out as Keras's HDF5 files, in either layout that {@link import('./h5.ts')} reads. Made in memory through h5wasm,
 * so the whole file is held once.
 */
import type { TensorData } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { createHdf5, type Hdf5Writer } from '../hdf5/write.ts';
import type { NumberedLayer } from './description.ts';

/** A model's weights as Keras orders them. */
export interface KerasContent {
  /** All layers in the model's order, those without weights too; weights as `kernel`, in Keras's layouts, float32 or int64. */
  readonly layers: readonly (readonly [layer: string, weights: ReadonlyMap<string, TensorData>])[];
  /** `{ class_name, config }` as JSON text: the file is a whole model then. */
  readonly config?: string;
}

/** What the file says wrote it: the last version with this layout as its own. */
export const KERAS2_VERSION = '2.15.0';
/** Attributes must fit into an object's header; Keras cuts longer lists into numbered parts. */
const ATTRIBUTE_LIMIT = 64_512;

/**
 * The bytes of a `.h5` by layer (`layer_names`, `weight_names`), which Keras 2 and 3 and the TF.js converter read.
 * @throws ArgumentError for layer names that HDF5 cannot have.
 */
export function kerasH5Bytes({ layers, config }: KerasContent): Promise<Uint8Array<ArrayBuffer>> {
  for (const [layer] of layers)
    if (layer === '' || layer === '.' || layer.startsWith('/'))
      throw new ArgumentError(`keras: '${layer}' cannot be the name of a layer in an .h5 file.`);
  return createHdf5((file) => {
    let root = '/';
    if (config !== undefined) {
      root = '/model_weights';
      file.text('/', 'model_config', config);
      file.text('/', 'keras_version', KERAS2_VERSION);
      file.text('/', 'backend', 'tensorflow');
      file.group(root);
    }
    names(
      file,
      root,
      'layer_names',
      layers.map(([layer]) => layer),
    );
    file.text(root, 'backend', 'tensorflow');
    file.text(root, 'keras_version', KERAS2_VERSION);
    const prefix = root === '/' ? '' : root;
    // Keras sorts the groups, so that one whose name begins with another's comes after it.
    for (const [layer, weights] of [...layers].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
      const group = `${prefix}/${layer}`;
      file.group(group);
      const named = [...weights].map(([name, data]) => [`${layer}/${name}:0`, data] as const);
      names(
        file,
        group,
        'weight_names',
        named.map(([name]) => name),
      );
      for (const [name, data] of named) file.dataset(`${group}/${name}`, data);
    }
  });
}

/** The bytes of Keras 3's `.weights.h5`, by path: `layers/conv2d/vars/0`. Each layer has its group, the model's own is `vars`. */
export function kerasWeightsH5Bytes(layers: readonly NumberedLayer[]): Promise<Uint8Array<ArrayBuffer>> {
  return createHdf5((file) => {
    file.group('/vars');
    for (const { path, name, weights } of layers) {
      const group = `/${path}/vars`;
      file.group(group);
      file.text(group, 'name', name);
      for (const [i, data] of weights.entries()) file.dataset(`${group}/${i}`, data);
    }
  });
}

/** A list of names, in as many numbered attributes as its length takes. */
function names(file: Hdf5Writer, path: string, attribute: string, list: readonly string[]): void {
  const longest = Math.max(1, ...list.map((name) => new TextEncoder().encode(name).length));
  const perPart = Math.floor(ATTRIBUTE_LIMIT / longest);
  const parts = Math.max(1, Math.ceil(list.length / perPart));
  for (let i = 0; i < parts; i++) {
    const part = list.slice(i * perPart, (i + 1) * perPart);
    file.names(path, parts === 1 ? attribute : `${attribute}${i}`, part, longest);
  }
}
