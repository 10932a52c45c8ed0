/** Objects of a checkpoint that are only stood in for: which of them the weights need, and which are left out and said to be. */
import { WeightFileError } from '../../core/errors.ts';
import { shown } from '../base/bytes.ts';
import { TensorRef } from './objects.ts';
import { objectsIn, StandIn } from './pickle-stand-in.ts';

/** Stand-ins that are tensors of a kind that is not read: complex, quantised, sparse. */
const TENSOR = /^torch\.(\w+\.)*(_rebuild_\w+|\w*Storage)$/;

/**
 * Refuses weights that have a tensor among them that is not read.
 * @throws WeightFileError
 */
export function refuseNeeded(dict: ReadonlyMap<unknown, unknown>, file: string): void {
  for (const value of dict.values())
    if (value instanceof StandIn && TENSOR.test(value.name)) throw new WeightFileError(file, value.refusal);
}

/**
 * Refuses a file whose weights seem to lie under a stand-in of `value`: one that has more than `known` tensors.
 * @param known Tensors that can be read; without it any stand-in is refused, with tensors or not.
 * @throws WeightFileError
 */
export function refuseUnread(value: unknown, file: string, known = -1): void {
  // An inner one's tensors are the outer one's.
  const counted = new Set<unknown>();
  for (const object of objectsIn(value)) {
    if (!(object instanceof StandIn)) continue;
    let tensors = 0;
    for (const inside of objectsIn(object, counted)) if (inside instanceof TensorRef) tensors++;
    if (tensors > known) throw new WeightFileError(file, object.refusal);
  }
}

/** Entries of `root` beside the weights that hold a stand-in: `hyper_parameters (omegaconf.dictconfig.DictConfig)`. */
export function leftOutOf(root: unknown, weights: unknown): string[] {
  if (!(root instanceof Map) || root === weights) return [];
  // Weights have notes of their own, and shared objects are told of once.
  const seen = new Set<unknown>([weights]);
  return [...root].flatMap(([key, value]) => {
    for (const object of objectsIn(value, seen))
      if (object instanceof StandIn) return [`${shown(key)} (${object.name})`];
    return [];
  });
}

/** Weights that were put together from something else than a dictionary, with a note on each thing that this left out. */
export class MadeDict extends Map<unknown, unknown> {
  readonly notes: string[] = [];
}
