/** What a run is begun with, photo by photo: it goes on only with the same, and tells what is not. */
import { sha256 } from '../core/digest.ts';
import { plural } from '../core/format.ts';

/** A path below the photos' folder, the class's index or the float targets, the beginning of the digest of the file's bytes. */
export type ListedPhoto = readonly [path: string, label: number | readonly number[], digest: string];

/** The weights, the settings that last and the photos of a run. JSON-able. */
export interface RunInputs {
  /** SHA-256 of the weights' file; null for random ones. */
  readonly weights: string | null;
  readonly settings: readonly (readonly [name: string, value: unknown])[];
  readonly train: readonly ListedPhoto[];
  readonly validation: readonly ListedPhoto[];
}

/** Hexadecimal digits of a digest that are listed and shown. */
export const DIGITS = 16;

/** One digest of all of it. */
export const digestOf = (inputs: RunInputs): Promise<string> => sha256(JSON.stringify(inputs));

/** Inputs out of a checkpoint; null where it has none, or they are damaged. */
export function parseInputs(bytes: Uint8Array | undefined): RunInputs | null {
  try {
    const inputs: RunInputs = JSON.parse(new TextDecoder().decode(bytes));
    const text = (value: unknown) => typeof value === 'string';
    const photos = [...inputs.train, ...inputs.validation].every(([path, , digest]) => text(path) && text(digest));
    const weights = inputs.weights === null || text(inputs.weights);
    return photos && weights && inputs.settings.every(([name]) => text(name)) ? inputs : null;
  } catch {
    return null;
  }
}

/** What is other now than it was, as a list in words. */
export function differences(then: RunInputs, now: RunInputs): string {
  const [before, after] = [then, now].map(({ train, validation }) =>
    [...train, ...validation].reduce((all, [path, , digest]) => all.set(path, digest), new Map<string, string>()),
  ) as [Map<string, string>, Map<string, string>];
  const added = [...after.keys()].filter((path) => !before.has(path));
  const gone = [...before.keys()].filter((path) => !after.has(path));
  const changed = [...after].filter(([path, digest]) => before.has(path) && before.get(path) !== digest);
  const photos = [
    ...told(added, 'was added', 'were added'),
    ...told(gone, 'is gone or can no longer be read', 'are gone or can no longer be read'),
    ...told(
      changed.map(([path]) => path),
      'has other content',
      'have other content',
    ),
  ];
  const parts = ({ train, validation }: RunInputs) => JSON.stringify([train, validation]);
  const [had, has] = [new Map(then.settings), new Map(now.settings)];
  return [
    ...photos,
    ...(photos.length === 0 && parts(then) !== parts(now) ? ['photos went to another class or part'] : []),
    ...(then.weights === now.weights ? [] : [`the weights are ${named(now.weights)}, not ${named(then.weights)}`]),
    ...[...new Map([...had, ...has]).keys()].flatMap((name) => {
      const [before, after] = [had.get(name), has.get(name)];
      const isSame = JSON.stringify(before) === JSON.stringify(after);
      return isSame ? [] : [`${name} is ${shown(after)}, not ${shown(before)}`];
    }),
  ].join('; ');
}

/** So many photos are named. */
const NAMED = 3;

function told(paths: readonly string[], one: string, more: string): string[] {
  if (paths.length === 0) return [];
  const rest = paths.length > NAMED ? ', …' : '';
  return [
    `${plural(paths.length, 'photo')} ${paths.length === 1 ? one : more} (${paths.slice(0, NAMED).join(', ')}${rest})`,
  ];
}

const named = (sha256: string | null) =>
  sha256 === null ? 'random' : `a file with sha256 ${sha256.slice(0, DIGITS)}…`;

const shown = (value: unknown) => (value == null ? 'none' : String(value));
