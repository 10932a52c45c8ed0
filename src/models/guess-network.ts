/** Which network weights are of, told from the names and shapes of the tensors. */
import type { SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { StateDictError, WeightFileError } from '../core/errors.ts';
import { type Shape, sameShape } from '../core/shape.ts';
import { fitNames, shapesOf } from '../io/base/fit-names.ts';
import { type ReadOptions, readWeightFile, targetOf } from '../io/index.ts';
import type { Module } from '../nn/index.ts';
import type { ModelEntry } from './define.ts';
import { isOfHeads, openedAt } from './load.ts';
import { networkEntries, networkEntry } from './registry.ts';

/**
 * The name of the network that tensors are of, whatever the number of classes and what a wrapper put before their names; undefined
 * if they are of none. Of several that fit, the one with the most of the tensors, then of the names; then `preferred`.
 * @param state Tensors by name, as {@link regraft/io!readWeights | readWeights} gives them.
 * @param preferred Taken where it fits as well as any other.
 * @example await guessNetwork(await readWeights('checkpoint.pth')); // 'resnet50'
 */
export async function guessNetwork(state: StateDict, preferred?: string): Promise<string | undefined> {
  const entries = await networkEntries();
  for (const { weightNames } of entries) {
    const name = weightNames?.networkOf(state);
    if (name !== undefined) return name;
  }
  const told = entries.filter(({ weightNames }) => weightNames?.refusal === undefined).map(({ name }) => name);
  const names = new Set([...(preferred === undefined ? [] : [preferred]), ...told]);
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const name of names) {
    const score = await likeness(name, state);
    if (score > (best?.score ?? 0)) best = { name, score };
  }
  return best?.name;
}

/** What weights of a network must have. */
interface Wanted {
  readonly entry: ModelEntry;
  readonly model: Module;
  /** Names and shapes, the sizes of heads left open. */
  readonly opened: ReadonlyMap<string, Shape>;
  /** How often a shape is there that no head may change. */
  readonly shapes: ReadonlyMap<string, number>;
  readonly isOptional: (own: string) => boolean;
}

/** Networks are built for their shapes once: their weights are not made before they are needed. */
const known = new Map<string, Promise<Wanted>>();

async function wantedBy(name: string): Promise<Wanted> {
  const entry = await networkEntry(name);
  // A seed of its own: the numbers that a program draws stay what they are.
  const model = await entry.create({ seed: 0 });
  const opened = openedAt(targetOf(model).expected, entry.heads);
  const isOptional = (own: string): boolean => isOfHeads(own, entry.heads) || own.endsWith('num_batches_tracked');
  return { entry, model, opened, isOptional, shapes: shapeCounts([...opened].filter(([own]) => !isOptional(own))) };
}

function shapeCounts(tensors: Iterable<readonly [string, Shape]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, shape] of tensors) counts.set(String(shape), (counts.get(String(shape)) ?? 0) + 1);
  return counts;
}

/**
 * How many of the tensors `read` are the network's, and of those that have its names the half of a tensor more, in all; 0 where any but the
 * head's are missing, or half of the file is something else.
 */
async function likeness(name: string, read: StateDict): Promise<number> {
  if (!known.has(name)) known.set(name, wantedBy(name));
  const { entry, model, opened, isOptional, shapes } = await known.get(name)!;
  if (!entry.toOwnNames) {
    // Whatever the names are, the shapes must be there, and be most of the file.
    const there = shapeCounts(shapesOf(read));
    const isThere = [...shapes].every(([shape, count]) => (there.get(shape) ?? 0) >= count);
    if (!isThere || 2 * opened.size <= read.size) return 0;
  }
  const state = entry.toOwnNames?.(model, read) ?? read;
  // Of Keras's networks and torchvision's some have the same shapes in the same order: the names tell.
  const names = entry.toOwnNames ? [...state.keys()].map((key) => [key, key]) : fitNames(shapesOf(state), opened).names;
  const from = new Map([...names].map(([file, own]) => [own!, file!]));
  const isFitting = (own: string): boolean => {
    const shape = state.get(from.get(own) ?? '')?.shape;
    const wanted = opened.get(own)!;
    return shape !== undefined && sameShape(shape, wanted[0] === -1 ? [shape[0]!, ...wanted.slice(1)] : wanted);
  };
  if (![...opened.keys()].every((own) => isOptional(own) || isFitting(own))) return 0;
  const found = [...opened.keys()].filter(isFitting).length;
  const named = [...from].filter(([own, file]) => own === file).length;
  return 2 * found > state.size ? found + named / (2 * from.size) : 0;
}

/**
 * Runs `load`, which puts a file's weights into the network that was named.
 * @throws WeightFileError that names the network they are of, if it is another; StateDictError as `load`, with advice for people.
 */
export async function namingNetwork<T>(
  file: SourceLike,
  named: string,
  load: () => Promise<T>,
  options: Pick<ReadOptions, 'key' | 'stripPrefix'> = {},
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    const path = typeof file === 'object' && 'name' in file ? String(file.name) : String(file);
    const guess = await guessNetwork((await readWeightFile(file, options)).state, named);
    if (guess !== undefined && guess !== named)
      throw new WeightFileError(path, `these are the weights of ${guess}, not of ${named}. Name ${guess} instead.`);
    const advice = `The weights in ${path} are of another network: regraft inspect lists them.`;
    const { missing, unexpected, wrongShapes } = error;
    const faults = { missing: [...missing], unexpected: [...unexpected], wrongShapes: [...wrongShapes] };
    throw new StateDictError(error.summary, faults, advice);
  }
}
