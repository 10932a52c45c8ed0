/** Finds the state dict in a checkpoint: nested dictionaries, prefixes of wrappers, things that are no tensors. */
import type { StateDict } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { count, listed, printable, shown } from '../base/bytes.ts';
import { fitNames } from '../base/fit-names.ts';
import type { ReadOptions, WeightFile } from '../base/format.ts';
import { leftOutOf, MadeDict, refuseNeeded, refuseUnread } from './left-out.ts';
import { TensorRef } from './objects.ts';
import { objectsIn, StandIn } from './pickle-stand-in.ts';
import { readTensors, type StorageReader } from './tensors.ts';

type Dict = Map<unknown, unknown>;

/** Keys under which training scripts put the weights. The first of two is taken: published weights are averages. */
const USUAL_KEYS = [
  'state_dict',
  'model_state_dict',
  'params_ema',
  'params',
  'model',
  'net',
  'network',
  'weights',
  'module',
  'ema',
];
/** Wrappers that put their name before every key: DataParallel and torch.compile. */
const PREFIXES = ['module.', '_orig_mod.'];
/** The counter that PyTorch's AveragedModel puts before its module. */
const AVERAGED = 'n_averaged';
const DEPTH_LIMIT = 8;

/**
 * The weights of an unpickled checkpoint, read.
 * @throws WeightFileError if there are none, or if several dictionaries could be meant.
 */
export async function readState(
  unpickled: unknown,
  storages: StorageReader,
  source: { readonly name: string; readonly size: number },
  format: string,
  options: ReadOptions,
): Promise<WeightFile> {
  const isList = Array.isArray(unpickled);
  const root =
    isList || hasObjects(unpickled) ? (await import('./modules.ts')).withStateDicts(unpickled, source) : unpickled;
  const notes: string[] = [];
  const tally = new Tally();
  const { dict, path } =
    options.key !== undefined
      ? dictAt(root, options.key, tally, source.name)
      : (fittingDict(root, tally, options.expected) ?? findDict(root, isList, tally, source.name));
  refuseNeeded(dict, source.name);
  if (path.length > 0) notes.push(`The weights are those under '${printable(path.join('.'))}'.`);
  if (path.length > 0 && options.key === undefined) {
    const others = [...(root as Dict)].filter(([key, value]) => key !== path[0] && tally.holds(value));
    if (others.length > 0) notes.push(`Tensors are also under ${listed(others.map(([key]) => `'${shown(key)}'`))}.`);
  }
  if (dict instanceof MadeDict) notes.push(...dict.notes);

  const entries: [string, TensorRef][] = [];
  const skipped: string[] = [];
  for (const [key, value] of dict) {
    if (typeof key === 'string' && value instanceof TensorRef) entries.push([key, value]);
    else skipped.push(value instanceof StandIn ? `${shown(key)} (${value.name})` : shown(key));
  }
  if (skipped.length > 0) notes.push(`Left out, being no tensors: ${listed(skipped)}.`);
  const leftOut = leftOutOf(root, dict);
  if (leftOut.length > 0) notes.push(`Left out, being more than plain data: ${listed(leftOut)}.`);

  if (isAveraged(entries)) {
    entries.splice(0, 1);
    notes.push(`Left out: ${AVERAGED}, how many models an AveragedModel has in it.`);
  }

  let cut = 0;
  for (let prefix = commonPrefix(entries, 0); prefix; prefix = commonPrefix(entries, cut)) {
    cut += prefix.length;
    notes.push(`The prefix '${prefix}' is taken off every name.`);
  }
  const tensors = await readTensors(
    entries.map(([, tensor]) => tensor),
    storages,
    source,
  );
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  for (const [i, [key]] of entries.entries()) {
    state.set(key.slice(cut), tensors[i]!);
    namesInFile.set(key.slice(cut), key);
  }
  return { state, metadata: scalarsOf(root), format, notes, namesInFile };
}

function hasObjects(root: unknown): boolean {
  for (const object of objectsIn(root)) if (object instanceof StandIn) return true;
  return false;
}

/** Whether the weights are those of torch.optim.swa_utils.AveragedModel: a counter, then a module. */
function isAveraged([first, ...others]: readonly [string, TensorRef][]): boolean {
  const isUnder = ([key]: readonly [string, unknown]) => key.startsWith('module.');
  return first?.[0] === AVERAGED && others.length > 0 && others.every(isUnder);
}

function commonPrefix(entries: readonly [string, TensorRef][], from: number): string | undefined {
  return PREFIXES.find((prefix) =>
    entries.every(([key]) => key.startsWith(prefix, from) && key.length > from + prefix.length),
  );
}

/**
 * Goes down by the usual names, and by the only dictionary with tensors where there are none beside it.
 * @param isList Whether `root` was a list, in which a dictionary of dictionaries (an optimizer's) is no state dict.
 */
function findDict(root: unknown, isList: boolean, tally: Tally, name: string): { dict: Dict; path: string[] } {
  const path: string[] = [];
  const passed: unknown[] = [];
  let dict = root;
  for (let depth = 0; depth < DEPTH_LIMIT && dict instanceof Map; depth++) {
    const here: Dict = dict;
    const own = tally.tensors(here);
    const candidates = [...here].flatMap(([key, value]) =>
      typeof key === 'string' && (isList && here === root ? tally.tensors(value) > 0 : tally.holds(value))
        ? [[key, value] as const]
        : [],
    );
    const usual = USUAL_KEYS.find((key) => tally.holds(here.get(key)));
    const next = usual ?? (own === 0 && candidates.length === 1 ? candidates[0]![0] : undefined);
    if (next !== undefined) {
      if (usual === undefined) passed.push(usualIn(here));
      path.push(next);
      dict = here.get(next);
      continue;
    }
    if (candidates.some(([, value]) => tally.tensors(value) > own))
      throw new WeightFileError(
        name,
        `holds several dictionaries of tensors (${listed(candidates.map(([key]) => key))}). ` +
          `Choose one: { key: '${printable([...path, candidates[0]![0]].join('.'))}' }.`,
      );
    if (own > 0) {
      refuseUnread([...passed, usualIn(here)], name, own);
      return { dict: here, path };
    }
    break;
  }
  refuseUnread(root, name);
  throw new WeightFileError(name, `holds no named tensors: expected a state dict, got ${described(root)}.`);
}

/** The dictionary whose names and shapes fit a model best, if one has half of it. Of equals, the first of the usual names. */
function fittingDict(
  root: unknown,
  tally: Tally,
  expected: ReadOptions['expected'],
): { dict: Dict; path: string[] } | undefined {
  if (!expected || !(root instanceof Map)) return undefined;
  let best: { dict: Dict; path: string[]; found: number } | undefined;
  const look = (dict: Dict, path: string[]): void => {
    const shapes = [...dict].flatMap(([name, value]): [string, readonly number[]][] =>
      typeof name === 'string' && value instanceof TensorRef ? [[name, value.shape]] : [],
    );
    const { found } = shapes.length > 0 ? fitNames(new Map(shapes), expected) : { found: 0 };
    if (2 * found >= expected.size && found > (best?.found ?? 0)) best = { dict, path, found };
    if (path.length >= DEPTH_LIMIT) return;
    const rank = (key: unknown): number => USUAL_KEYS.indexOf(key as string) + 1 || USUAL_KEYS.length + 1;
    const inside = [...dict].filter(([key, value]) => typeof key === 'string' && tally.unseen(value));
    for (const [key, value] of inside.sort(([a], [b]) => rank(a) - rank(b)))
      look(value as Dict, [...path, key as string]);
  };
  look(root, []);
  return best;
}

/** The dictionaries under the keys that weights usually have. */
function usualIn(dict: Dict): unknown[] {
  return USUAL_KEYS.map((key) => dict.get(key));
}

/** Follows a dotted key. A name may itself contain dots, so the longest one that fits is taken at each step. */
function dictAt(root: unknown, key: string, tally: Tally, name: string): { dict: Dict; path: string[] } {
  const path: string[] = [];
  let dict = root;
  for (let rest = key; rest !== ''; ) {
    let fits: string | undefined;
    if (dict instanceof Map) {
      for (const k of dict.keys()) {
        const leads = typeof k === 'string' && k !== '' && (rest === k || rest.startsWith(`${k}.`));
        if (leads && k.length > (fits?.length ?? 0)) fits = k;
      }
    }
    if (fits === undefined)
      throw new WeightFileError(name, `has nothing under '${printable(key)}': it holds ${described(root)}.`);
    path.push(fits);
    dict = (dict as Dict).get(fits);
    rest = rest.slice(fits.length + 1);
  }
  if (!(dict instanceof Map) || tally.tensors(dict) === 0)
    throw new WeightFileError(name, `holds no named tensors under '${printable(key)}', but ${described(dict)}.`);
  return { dict, path };
}

/** Number of tensors in a dictionary. Each is looked at once, however often it is referred to, so that cycles end too. */
class Tally {
  readonly #tensors = new Map<Dict, number>();
  readonly #holds = new Map<Dict, boolean>();
  readonly #asked = new Set<unknown>();

  /** Directly, under a text key. */
  tensors(value: unknown): number {
    if (!(value instanceof Map)) return 0;
    let n = this.#tensors.get(value);
    if (n === undefined) {
      n = 0;
      for (const [key, entry] of value) if (typeof key === 'string' && entry instanceof TensorRef) n++;
      this.#tensors.set(value, n);
    }
    return n;
  }

  /** True if a value holds tensors and is asked for the first time. */
  unseen(value: unknown): boolean {
    if (!this.holds(value) || this.#asked.has(value)) return false;
    this.#asked.add(value);
    return true;
  }

  /** Directly, or in dictionaries below. */
  holds(value: unknown, depth = 0): boolean {
    if (!(value instanceof Map) || depth > DEPTH_LIMIT) return false;
    let found = this.#holds.get(value);
    if (found === undefined) {
      this.#holds.set(value, false);
      found = this.tensors(value) > 0;
      if (!found) for (const entry of value.values()) if ((found = this.holds(entry, depth + 1))) break;
      this.#holds.set(value, found);
    }
    return found;
  }
}

/** The plain numbers and words beside the weights: epoch, accuracy, architecture. */
function scalarsOf(root: unknown): Record<string, string> {
  const scalars: [string, string][] = [];
  if (root instanceof Map) {
    for (const [key, value] of root) {
      const plain = ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
      if (typeof key === 'string' && plain && String(value).length <= 200) scalars.push([key, String(value)]);
    }
  }
  return Object.fromEntries(scalars);
}

function described(value: unknown): string {
  if (value instanceof TensorRef) return 'a single tensor';
  if (!(value instanceof Map)) return typeof value === 'string' ? 'text' : shown(value);
  if (value.size === 0) return 'an empty dictionary';
  const names = [...value.keys()].slice(0, 6).map(shown);
  return `a dictionary of ${count(value.size)} (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''})`;
}
