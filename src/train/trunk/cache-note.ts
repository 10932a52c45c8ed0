/** The note of a run about the trunk cache. */

import { formatBytes, formatCount } from '../../core/format.ts';
import type { AnyModule } from '../../nn/module.ts';
import type { TrunkCache } from './trunk-cache.ts';

/** The caches of a run, null where there is none, after its first epoch. */
export interface Caches {
  readonly training: TrunkCache | null;
  readonly validation: TrunkCache | null;
  /** Every epoch shows images that none has shown before. */
  readonly newViews: boolean;
}

/**
 * The line that tells what is cached, or why nothing is; null where no cache was wanted or it has told so itself.
 * @param isCacheable whether the data set has keys and targets, which a cache needs
 */
export function cacheNote(
  model: AnyModule,
  isCacheable: boolean,
  { training, validation, newViews }: Caches,
): string | null {
  const caches = Object.entries({ training, validation });
  const held = caches.flatMap(([part, cache]) => {
    if (!cache?.contents) return [];
    const { images, bytes, place } = cache.contents;
    return `${formatCount(images)} ${part} images (${formatBytes(bytes)} in ${place})`;
  });
  const fresh = newViews ? ' Training images are new views in every epoch.' : '';
  if (held.length > 0)
    return `The part of the network that stays as it is has run once, and its results are kept: ${held.join(', ')}. From now on only the layers after it run.${fresh}`;
  const isWanted = caches.some(([, cache]) => cache) && !caches.some(([, cache]) => cache?.failed);
  if (!isWanted || model.parameters().every((p) => p.requires_grad)) return null;
  if (!isCacheable)
    return 'Every epoch runs the whole network: the data set has no methods key(index) and label(index).';
  return `Every epoch runs the whole network: nothing that stays as it is comes before the layers that are trained.${fresh}`;
}
