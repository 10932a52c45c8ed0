/** Weights that need no network: what a message can offer where a download fails. */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { cacheFolder, exists, joinPath } from '#files';
import { someOf } from '../data/some-of.ts';
import { FORMATS } from '../io/formats.ts';
import type { PretrainedWeights } from '../models/published.ts';
import { networkEntries } from '../models/registry.ts';

/**
 * Sentences on the published weights in the cache but for `model`'s, which have just failed, and on the weight files in `folder`, the
 * current one; '' where there are none.
 */
export async function weightsOnDisk(model: string, folder = '.'): Promise<string> {
  const cached = new Set(await namesIn(await cacheFolder('weights').catch(() => undefined)));
  const networks = (await networkEntries())
    .filter(
      ({ name, weights }) =>
        name !== model && Object.values(weights ?? {}).some(({ url }) => cached.has(basename(url))),
    )
    .map(({ name }) => name);
  const endings = FORMATS.flatMap(({ extensions }) => extensions).filter((ending) => ending !== '.json');
  const files = (await namesIn(folder)).filter((name) => endings.some((ending) => name.endsWith(ending)));
  return [
    ...(networks.length > 0 ? [`In the cache are the weights of ${someOf(networks, '')}: name that network.`] : []),
    ...(files.length > 0
      ? [`This folder has ${someOf(files, '')}: name ${files.length > 1 ? 'one' : 'it'} as weights.`]
      : []),
  ].join(' ');
}

/** Whether published weights are in the cache. */
export async function isCached({ url }: PretrainedWeights): Promise<boolean> {
  return exists(joinPath(await cacheFolder('weights'), basename(url)));
}

async function namesIn(folder: string | undefined): Promise<string[]> {
  return folder === undefined ? [] : (await readdir(folder).catch(() => [])).sort();
}
