/** All networks by name: the exports of their families that `defineModel` made. */
import { ArgumentError } from '../core/errors.ts';
import { editDistance } from '../core/options.ts';
import { isDefined, type ModelEntry } from './define.ts';
import * as families from './families.ts';
import * as kerasResnets from './keras/rgb.ts';

/** `resnet50` before `resnet101`. */
const { compare } = new Intl.Collator('en', { numeric: true });

/** Every network by its name, in the names' order. */
export const MODELS: Readonly<Record<string, ModelEntry>> = Object.fromEntries(
  [families, kerasResnets]
    .flatMap((family: object): unknown[] => Object.values(family))
    .filter(isDefined)
    .map((network) => [network.name, network] as const)
    .sort(([a], [b]) => compare(a, b)),
);

/** Names that networks had in earlier versions, which saved models and checkpoints still have. */
const FORMER: Readonly<Record<string, string>> = {
  kerasResnet50: 'keras.ResNet50',
  kerasResnet101: 'keras.ResNet101',
  kerasResnet152: 'keras.ResNet152',
};

/** The name that a network has now. */
export function networkName(name: string): string {
  return Object.hasOwn(FORMER, name) ? FORMER[name]! : name;
}

/** Whether {@link modelEntry} knows a name. */
export function isNetwork(name: string): boolean {
  return Object.hasOwn(MODELS, networkName(name));
}

/**
 * The entry of a network by name: one of {@link MODELS}, or a name that one had in an earlier version.
 * @param kind what the message says there is none of
 * @throws ArgumentError for an unknown one, with the names that come close.
 */
export function modelEntry(name: string, kind = 'network'): ModelEntry {
  if (isNetwork(name)) return MODELS[networkName(name)]!;
  const key = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const ranked = Object.keys(MODELS)
    .map((known) => ({ known, distance: distanceOf(key(name), key(known)) }))
    .sort((a, b) => a.distance - b.distance);
  const close = ranked.filter(({ distance }) => distance <= Math.max(2, ranked[0]!.distance)).slice(0, 3);
  const hint =
    ranked[0]!.distance <= 4
      ? `Close names: ${close.map(({ known }) => known).join(', ')}.`
      : `There are ${Object.keys(MODELS).join(', ')}.`;
  throw new ArgumentError(`model: there is no ${kind} '${name}'. ${hint}`);
}

/** How far a name is from a known one; not at all where it is a part of it, as resnet20 of cifarResnet20. */
function distanceOf(name: string, known: string): number {
  return name !== '' && known.includes(name) ? 0 : editDistance(name, known);
}
