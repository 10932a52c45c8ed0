/** A run's phases in words that need no knowledge of networks. */
import type { ModelEntry } from '../models/define.ts';
import { type FinetuneSettings, isHead } from './options.ts';
import type { PlannedPhase } from './recipe.ts';

/** 'Training: the last layer for 3 epochs, then everything from layer4 on for 7. The rest of the network stays as it is.' */
export function describeTraining(
  phases: readonly PlannedPhase[],
  { weights }: Pick<FinetuneSettings, 'weights'>,
  entry: ModelEntry,
): string {
  const parts = phases.map(({ epochs, frozenUntil }) => {
    const part =
      frozenUntil === null
        ? 'the whole network'
        : isHead(frozenUntil, entry)
          ? 'the last layer'
          : `everything from ${frozenUntil} on`;
    return `${part} for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
  });
  const begin = weights === null ? ', from random weights' : '';
  const rest = phases.at(-1)!.frozenUntil === null ? '' : ' The rest of the network stays as it is.';
  return `Training: ${parts.join(', then ')}${begin}.${rest}`;
}
