/** From the names that weights have in Keras's files to those of the tree. */
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { sameShape } from '../../core/shape.ts';
import type { KerasLayer } from './layer.ts';
import { fromKeras, type LayerWeight, layerWeights } from './weights.ts';

/** A weight of the tree: its place here, and the names that a file may have it under, the best first. */
interface Target {
  readonly name: string;
  readonly weight: LayerWeight;
  readonly candidates: readonly string[];
}

/** Keras 3 addresses weights by class and number: `layers/conv2d_1/vars/0`. */
const BY_PATH = /^(?:layers|_layer_checkpoint_dependencies)\/.+\/vars\/\d+$/;

/** Variables that a layer gave no name: `block_2_layer_scale/variable_1`. */
const NUMBERED_VARIABLE = /\/variable_\d+$/;

/**
 * A state dict under the tree's names, from one that Keras saved; one that has the tree's names already is given back.
 * What does not fit stays under its own name, so that loading reports it.
 * @param onNote is told where names were of no use
 */
export function bindWeights(
  layers: readonly KerasLayer[],
  state: StateDict,
  onNote?: (note: string) => void,
): StateDict {
  if (![...state.keys()].some((key) => key.includes('/'))) return state;
  const { found, byName } = placesOf(layers, state);
  if (!byName) onNote?.('Its layers have other names: their weights were taken in order, as Keras takes them.');
  const bound = new Map<string, TensorData>();
  for (const { name, weight, key } of found) {
    const data = state.get(key)!;
    bound.set(name, sameShape(data.shape, weight.shape) ? fromKeras(weight, data) : data);
  }
  const used = new Set(found.map(({ key }) => key));
  for (const [key, data] of state) if (!used.has(key) && !isBookkeeping(key)) bound.set(key, data);
  return bound;
}

/** Where a weight of the tree is in a state dict. */
export interface FoundWeight {
  /** In the tree: `conv1_conv.weight`. */
  readonly name: string;
  readonly weight: LayerWeight;
  /** In the state dict: `conv1_conv/kernel`. */
  readonly key: string;
}

/** The weights of the tree that a state dict has, under Keras's names or the tree's own, or in the order of the layers. */
export function findWeights(layers: readonly KerasLayer[], state: StateDict): readonly FoundWeight[] {
  return placesOf(layers, state).found;
}

function placesOf(layers: readonly KerasLayer[], state: StateDict) {
  const named = weightsByName(layers, state);
  const inOrder = named.length < keysOf(state).length ? weightsInOrder(layers, state) : undefined;
  return { found: inOrder ?? named, byName: !inOrder };
}

function weightsByName(layers: readonly KerasLayer[], state: StateDict): FoundWeight[] {
  const keys = [...state.keys()];
  const byPath = keys.some((key) => BY_PATH.test(key));
  const root = keys.some((key) => key.startsWith('_layer_checkpoint_dependencies/'))
    ? '_layer_checkpoint_dependencies'
    : 'layers';
  const targets = byPath ? targetsByPath(layers, root) : targetsByName(layers, '', []);
  const used = new Set<string>();
  const byName = new Map(keys.map((key) => [key.replace(NUMBERED_VARIABLE, '/variable'), key]));
  const byTail = byPath ? new Map<string, string[]>() : tails(keys);
  return targets.flatMap(({ name, weight, candidates }) => {
    const named = [...candidates, name].flatMap((candidate) => byName.get(candidate) ?? []);
    const key =
      named.find((candidate) => !used.has(candidate)) ?? (byPath ? undefined : soleKey(candidates, byTail, used));
    if (key === undefined) return [];
    used.add(key);
    return [{ name, weight, key }];
  });
}

const keysOf = (state: StateDict): string[] => [...state.keys()].filter((key) => !isBookkeeping(key));

/**
 * The weights of a file by layer, whose names are those of an earlier Keras, in the order of the layers, where every shape fits:
 * Keras reads such files so. A file without the layers at the end may lack them.
 */
function weightsInOrder(layers: readonly KerasLayer[], state: StateDict): FoundWeight[] | undefined {
  const keys = keysOf(state);
  if (keys.some((key) => BY_PATH.test(key))) return undefined;
  const targets = targetsByName(layers, '', []);
  if (keys.length > targets.length) return undefined;
  const found = keys.map((key, i) => ({ ...targets[i]!, key }));
  return found.every(({ weight, key }) => sameShape(state.get(key)!.shape, weight.shape)) ? found : undefined;
}

/** Counters that Keras saves beside weights and that nothing here needs. */
function isBookkeeping(key: string): boolean {
  return /(^|\/)(count|StateVar|seed_generator_state|seed_generator\/vars\/0|normalization(_\d+)?\/vars\/2)$/.test(key);
}

function targetsByName(layers: readonly KerasLayer[], fields: string, outer: readonly string[]): Target[] {
  return layers.flatMap((layer) => {
    const field = fields === '' ? layer.field : `${fields}.${layer.field}`;
    if (layer.layers) return targetsByName(layer.layers, field, [...outer, layer.name]);
    return layerWeights(layer.module).map((weight) => {
      // Full path first; TF.js and older files leave the outer models out.
      const candidates = [weight.name, ...(weight.aliases ?? [])].flatMap((name) =>
        [...outer.map((_, i) => outer.slice(i)), []].map((path) => [...path, layer.name, name].join('/')),
      );
      return { name: `${field}.${weight.field}`, weight, candidates };
    });
  });
}

/** Keys by layer and last component: `conv1/conv1_1/kernel` is `conv1/kernel` written by a model with renamed scopes. */
function tails(keys: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const key of keys) {
    const parts = key.split('/');
    if (parts.length < 3) continue;
    // `outer/inner/kernel` may be asked for as either.
    for (const layer of new Set([parts[0]!, parts.at(-2)!])) {
      const tail = `${layer}/${parts.at(-1)}`;
      found.set(tail, [...(found.get(tail) ?? []), key]);
    }
  }
  return found;
}

function soleKey(
  candidates: readonly string[],
  byTail: ReadonlyMap<string, string[]>,
  used: ReadonlySet<string>,
): string | undefined {
  const keys = candidates.flatMap((candidate) => byTail.get(candidate) ?? []).filter((key) => !used.has(key));
  return keys.length === 1 ? keys[0] : undefined;
}

/** Every layer that is no model, with the path that Keras 3 addresses it by: `layers/conv2d_1`. */
export function numbered(
  layers: readonly KerasLayer[],
  root = 'layers',
  fields = '',
  outer = '',
): { layer: KerasLayer; field: string; path: string }[] {
  const counts = new Map<string, number>();
  return layers.flatMap((layer) => {
    const base = snakeCase(layer.config.officialName);
    const n = counts.get(base) ?? 0;
    counts.set(base, n + 1);
    const path = `${outer}${root}/${n === 0 ? base : `${base}_${n}`}`;
    const field = fields === '' ? layer.field : `${fields}.${layer.field}`;
    return layer.layers ? numbered(layer.layers, root, field, `${path}/`) : [{ layer, field, path }];
  });
}

function targetsByPath(layers: readonly KerasLayer[], root: string): Target[] {
  return numbered(layers, root).flatMap(({ layer, field, path }) =>
    layerWeights(layer.module).map((weight, i) => ({
      name: `${field}.${weight.field}`,
      weight,
      candidates: [`${path}/vars/${i}`],
    })),
  );
}

/** `GlobalAveragePooling2D` to `global_average_pooling2d`, `ReLU` to `re_lu`: Keras's own rule. */
export function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
