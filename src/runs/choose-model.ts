/** The network of a run that names none. */
import { existsSync } from 'node:fs';
import { ArgumentError } from '../core/errors.ts';
import { init } from '../graph/init.ts';
import { formatOf } from '../io/formats.ts';
import { readWeightFile } from '../io/index.ts';
import { requireOurs } from '../io/read.ts';
import { guessNetwork } from '../models/guess-network.ts';
import { isNetwork, networkName } from '../models/registry.ts';
import type { Progress } from '../train/progress.ts';
import { defaultModel } from './default-model.ts';
import type { FinetuneOptions } from './finetune.ts';

/**
 * The network that a weight file's tensors are of, undefined for a file that describes its own; without a file, one that suits the
 * adapter. `progress` tells which, and why.
 * @param weights as they were named: a file, a URL, the name of published ones; null for random ones
 * @throws ArgumentError where the file's network cannot be told.
 */
export async function chooseModel(
  weights: string | null | undefined,
  progress: Progress,
  { key, stripPrefix }: Pick<FinetuneOptions, 'key' | 'stripPrefix'> = {},
): Promise<string | undefined> {
  if (typeof weights === 'string' && (existsSync(weights) || /[./\\]/.test(weights))) {
    const names = { ...(key && { key }), ...(stripPrefix && { stripPrefix }) };
    const file = await readWeightFile(weights, names);
    requireOurs(weights, file);
    const { state, metadata } = file;
    const named = metadata.model !== undefined && isNetwork(metadata.model);
    const guess = named ? networkName(metadata.model!) : await guessNetwork(state);
    const isGraph = metadata.onnx_graph !== undefined || metadata.format === 'graph-model';
    const isWhole = metadata.model_config !== undefined || isGraph;
    if (guess === undefined && (isWhole || formatOf(file).holds === 'graph')) return undefined;
    if (guess === undefined)
      throw new ArgumentError(`${weights}: is of no network that regraft knows by its tensors. Name one with --model.`);
    progress.note(`Network: ${guess}, which the weights in ${weights} are of.`);
    return guess;
  }
  const { software, description } = await init();
  const name = defaultModel({ software });
  const why = software ? `a small one, since the CPU computes (${description})` : `which suits ${description}`;
  progress.note(`Network: ${name}, ${why}. --model takes another; regraft models lists them.`);
  return name;
}
