/** Weights into a model that was built for them: what does not fit is one error, what belongs to the head may be left out. */
import type { StateDict } from '../core/dtype.ts';
import { type Shape, sameShape } from '../core/shape.ts';
import { listed } from '../io/base/bytes.ts';
import type { Module } from '../nn/index.ts';

/** Whether a tensor is of one of the heads: of a layer there, or of several. */
export function isOfHeads(name: string, heads: readonly string[]): boolean {
  return heads.some((head) => name.startsWith(`${head}.`));
}

/** Names and shapes that a reader matches a file's tensors to, with any number of classes at `heads`. */
export function openedAt(expected: ReadonlyMap<string, Shape>, heads: readonly string[]): Map<string, Shape> {
  return new Map(
    [...expected].map(([name, shape]): [string, Shape] => {
      return [name, isOfHeads(name, heads) ? [-1, ...shape.slice(1)] : shape];
    }),
  );
}

/** What becomes of the layers that make the classes. */
export interface HeadOptions {
  /** Their paths. */
  readonly heads: readonly string[];
  /** Whether they start anew, whatever the weights have there. */
  readonly isNew: boolean;
}

/**
 * Loads `state`, whose arrays become the model's own. Where the head starts anew, tensors of it and of no layer at all are left out.
 * @param expected the model's names and shapes.
 * @returns what is worth a note.
 * @throws StateDictError with everything that does not fit.
 */
export function loadWeights(
  model: Module,
  state: StateDict,
  expected: ReadonlyMap<string, Shape>,
  { heads, isNew }: HeadOptions,
): string[] {
  const isOfHead = (name: string): boolean => isOfHeads(name, heads);
  const isFitting = (name: string, shape: Shape): boolean =>
    state.has(name) ? sameShape(state.get(name)!.shape, shape) : name.endsWith('num_batches_tracked');
  const trunkFits = [...expected].every(([name, shape]) => isOfHead(name) || isFitting(name, shape));
  if (!isNew || !trunkFits) {
    const isHeadAmiss = [...expected].some(([name, shape]) => isOfHead(name) && !isFitting(name, shape));
    model.loadStateDict(state, { copy: false, fix: FIXES[trunkFits ? (isHeadAmiss ? 'head' : 'more') : 'network'] });
    return [];
  }
  const [kept, left] = [true, false].map((keep) =>
    [...state].filter(([name]) => (expected.has(name) && !isOfHead(name)) === keep),
  );
  model.loadStateDict(new Map(kept), { copy: false, strict: false });
  const further = left!.map(([name]) => name).filter((name) => !expected.has(name));
  return [
    ...(left!.some(([name]) => isOfHead(name))
      ? []
      : [`The weights have no '${heads[0]}': it starts from random numbers.`]),
    ...(further.length > 0 ? [`Left out, being of no layer of the model: ${listed(further)}.`] : []),
  ];
}

/** How to go on, by what is amiss. */
const FIXES = {
  head: 'Pass { newHead: true } to load the rest: the last layer then starts anew.',
  more: 'Load what fits: model.loadStateDict(await readWeights(file), { strict: false }).',
  network: 'They are weights of another network: name the one they are of.',
} as const;
