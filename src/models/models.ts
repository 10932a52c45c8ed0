/** All networks at once, for programs that choose one by name. */
import type { ModelEntry } from './define.ts';
import * as families from './families.ts';
import * as kerasResnets from './keras/rgb.ts';
import { inOrder, networkName, unknownNetwork } from './registry.ts';

/** Every network by its name, in the names' order. */
export const MODELS: Readonly<Record<string, ModelEntry>> = Object.fromEntries(
  inOrder([families, kerasResnets]).map((network) => [network.name, network]),
);

/**
 * The entry of a network by name: one of {@link MODELS}, or a name that one had in an earlier version.
 * @param kind what the message says there is none of
 * @throws ArgumentError for an unknown one, with the names that come close.
 */
export function modelEntry(name: string, kind?: string): ModelEntry {
  const known = networkName(name);
  if (!Object.hasOwn(MODELS, known)) throw unknownNetwork(name, kind);
  return MODELS[known]!;
}
