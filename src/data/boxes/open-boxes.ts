/** A folder of photos with boxes to a training, a validation and a test part. */
import { DataError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import { splitIndices } from '../dataset.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import type { Split } from '../folders/split-names.ts';
import { strataOf } from '../labels.ts';
import { count } from '../some-of.ts';
import type { BoxSample } from './box-sample.ts';
import type { DataFiles } from './data-files.ts';
import { type BoxParts, checkReadOptions, READ_OPTIONS, type ReadBoxesOptions, readBoxes } from './read-boxes.ts';

/** Options of `openBoxes`. */
export interface OpenBoxesOptions extends ReadBoxesOptions {
  /** The part held out where nothing tells a validation part; 0: none. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
}

const OPTIONS: OptionNames<OpenBoxesOptions> = { ...READ_OPTIONS, validation: true, seed: true };

/** What `openBoxes` opened. */
export interface BoxFolders extends Omit<BoxParts, 'parts'> {
  readonly train: readonly BoxSample[];
  /** The validation part, else the test part, else what is held out; empty where `validation` is 0 and there is neither. */
  readonly validation: readonly BoxSample[];
  /** The test part, where there is one beside a validation part. */
  readonly test: readonly BoxSample[];
  readonly validationFrom: ValidationSource;
  /** One line that says where they came from. */
  readonly how: string;
}

/**
 * Opens photos with boxes and tells the parts, as `openImageFolders` does: by folders, lists or names of files that are named as splits,
 * else a share of the images is held out, by their sets of classes.
 * @throws DataError as `readBoxes`, and where there are splits, but none to train on.
 */
export async function openBoxFiles(files: DataFiles, options: OpenBoxesOptions = {}): Promise<BoxFolders> {
  checkOptions('openBoxes', options, OPTIONS);
  checkReadOptions('openBoxes', options);
  const { validation: share = 0.2, seed = 0, ...choice } = options;
  const { parts, ...rest } = await readBoxes(files, choice);
  const part = (split: Split | null) => parts.get(split) ?? [];
  const [all, outside] = parts.has('train') ? [part('train'), part(null)] : [part(null), []];
  if (all.length === 0) throw noTraining(files.root, [...parts.keys()] as Split[]);
  const leftOut =
    outside.length > 0
      ? [...rest.leftOut, { reason: 'in no split', paths: outside.map(({ path }) => path) }]
      : rest.leftOut;
  const told = (['validation', 'test'] as const).find((split) => part(split).length > 0);
  const test = told === 'validation' ? part('test') : [];
  const opened = { ...rest, leftOut, test };
  if (told) {
    const validation = part(told);
    const how = `${files.root}: ${described(all)} to train on, ${described(validation)} to validate (its ${told} part)`;
    return { ...opened, train: all, validation, validationFrom: { kind: 'folder', folder: told }, how };
  }
  if (share === 0) {
    const how = `${files.root}: ${described(all)} to train on, none held out`;
    return { ...opened, train: all, validation: [], validationFrom: { kind: 'none' }, how };
  }
  const [train, validation] = heldOut(files.root, all, rest.classes.length, share, seed);
  const how = `${files.root}: ${described(train)} to train on, ${validation.length} held out, by sets of classes (seed ${seed})`;
  return { ...opened, train, validation, validationFrom: { kind: 'held out', seed }, how };
}

/** The images to score a model on: the validation part, else the test part, else those of no split, else the training part. */
export async function labelledBoxFiles(
  files: DataFiles,
  options: ReadBoxesOptions & { classes: readonly string[] },
): Promise<Omit<BoxParts, 'parts'> & { readonly samples: readonly BoxSample[] }> {
  const { parts, ...rest } = await readBoxes(files, options);
  const order: readonly (Split | null)[] = ['validation', 'test', null, 'train'];
  return { ...rest, samples: order.map((split) => parts.get(split)).find((part) => part !== undefined) ?? [] };
}

const described = (samples: readonly BoxSample[]) =>
  `${count(samples.length, 'image')} with ${count(
    samples.reduce((n, { labels }) => n + labels.length, 0),
    'box',
  )}`;

function heldOut(
  root: string,
  samples: readonly BoxSample[],
  classes: number,
  share: number,
  seed: number,
): [train: BoxSample[], validation: BoxSample[]] {
  const sets = samples.map(({ labels }) => {
    const row = new Float32Array(classes);
    for (const label of labels) row[label] = 1;
    return row;
  });
  const parts = splitIndices(root, strataOf(sets, classes, share), share, { seed });
  return parts.map((indices) => indices.map((i) => samples[i]!)) as [BoxSample[], BoxSample[]];
}

function noTraining(root: string, splits: readonly Split[]): DataError {
  const named = splits.filter((split) => split !== null).map((split) => `a ${split} part`);
  return new DataError(
    root,
    `has ${named.join(' and ')}, but nothing to train on. Name the training images' folder 'train', or name one part itself.`,
  );
}
