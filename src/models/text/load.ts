/** Weights into a network of texts, whichever of Hugging Face's names they have. */
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { sameShape } from '../../core/shape.ts';
import type { Parameter } from '../../nn/index.ts';
import type { AnyPretrainedModel } from './pretrained-model.ts';

/** What became of the tensors. */
export interface LoadedWeights {
  /** Parameters that the weights do not have: they start from random numbers. */
  readonly newWeights: readonly string[];
  /** Tensors that belong to no layer of the network. */
  readonly leftOut: readonly string[];
}

export interface LoadOptions {
  /** What the weights are called in messages. */
  readonly path: string;
  /** The field that the encoder is in, where the network has a head. */
  readonly prefix: string;
  /** The layer that starts anew, whatever the weights have for it; null for none. */
  readonly newHead: string | null;
  /** The network was told to have its tensors apart. */
  readonly untied?: boolean;
}

/** Tables and masks that older files have and that are computed. */
const COMPUTED =
  /(^|\.)(position_ids|h\.\d+\.attn\.(bias|masked_bias)|EncDecAttention\.relative_attention_bias\.weight)$/;

/** Names of TensorFlow's that older files kept. */
const current = (name: string): string =>
  name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');

/** Every name of each parameter: more than one where layers share it. */
export function namesOf(model: AnyPretrainedModel): Map<Parameter, string[]> {
  const names = new Map<Parameter, string[]>();
  for (const [path, module] of model.namedModules())
    for (const [field, parameter] of module.ownParameters()) {
      const name = path === '' ? field : `${path}.${field}`;
      names.set(parameter, [...(names.get(parameter) ?? []), name]);
    }
  return names;
}

/**
 * Loads `state`, whose arrays become the network's own. The encoder must be whole; a head and a pooler may be missing.
 * @throws WeightFileError for tensors that are to be one and differ; StateDictError with everything that does not fit.
 */
export function loadPretrained(model: AnyPretrainedModel, state: StateDict, options: LoadOptions): LoadedWeights {
  const { path, prefix, newHead } = options;
  const groups = namesOf(model);
  const expected = new Map(
    [...groups].flatMap(([parameter, names]) => names.map((name) => [name, parameter] as const)),
  );
  const under = `${prefix}.`;
  const hasHead = [...expected.keys()].some((name) => name.startsWith(under));
  const placeOf = (given: string): string | undefined => {
    const name = current(given);
    if (prefix === '') return expected.has(name) ? name : undefined;
    const inside = name.startsWith(under) ? name.slice(under.length) : name;
    return [name, under + name, inside].find((one) => expected.has(one));
  };
  const found = new Map<string, TensorData>();
  const leftOut: string[] = [];
  for (const [name, tensor] of state) {
    const place = placeOf(name);
    if (place === undefined && !COMPUTED.test(name)) leftOut.push(name);
    if (place === undefined || (newHead !== null && place.startsWith(`${newHead}.`))) continue;
    found.set(place, tensor);
  }
  const kept: StateDict = new Map();
  const newWeights: string[] = [];
  const lost: string[] = [];
  for (const [parameter, names] of groups) {
    const tensors = names.flatMap((name) => found.get(name) ?? []);
    const [first] = tensors;
    if (!first) {
      const isHead = hasHead ? !names.some((name) => name.startsWith(under)) : false;
      const isPooler = names.some((name) => /(^|\.)pooler\.dense\./.test(name));
      (isHead || isPooler ? newWeights : lost).push(names[0]!);
      continue;
    }
    if (tensors.some((other) => !isSame(first, other))) {
      if (model.untie && !options.untied) {
        model.untie();
        return loadPretrained(model, state, { ...options, untied: true });
      }
      throw new WeightFileError(
        path,
        `has ${names.join(' and ')}, which config.json says are one tensor, with different values. Set tie_word_embeddings to false there.`,
      );
    }
    if (!sameShape(first.shape, parameter.shape)) lost.push(names[0]!);
    for (const name of names) kept.set(name, first);
  }
  if (lost.length > 0) {
    const isOfHead = hasHead && lost.every((name) => !name.startsWith(under));
    model.loadStateDict(kept, {
      fix: isOfHead
        ? 'Pass the labels that are to be learned: the head then starts anew.'
        : `They are not of the network that ${path} tells of.`,
    });
  }
  model.loadStateDict(kept, { strict: false, copy: false });
  return { newWeights, leftOut };
}

/** Whether two tensors have the same elements. */
function isSame(a: TensorData, b: TensorData): boolean {
  if (a === b) return true;
  if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) return false;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}
