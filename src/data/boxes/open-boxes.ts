/** A folder of photos with boxes to a training, a validation and a test part. */
import { checkOptions, type OptionNames } from '../../core/options.ts';
import type { DataFiles } from '../folders/data-files.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import type { Split } from '../folders/split-names.ts';
import { samplePartsOf } from '../sample-parts.ts';
import { count } from '../some-of.ts';
import type { BoxSample } from './box-sample.ts';
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
  const held = { share, seed };
  const found = samplePartsOf(files.root, parts, held, rest.classes.length, ({ labels }) => labels);
  const { outside, ...folders } = found;
  const unused = outside.length > 0 ? [{ reason: 'in no split', paths: outside.map(({ path }) => path) }] : [];
  const { train, validation, validationFrom: from } = folders;
  const told = {
    folder: () => `${described(validation)} to validate`,
    'held out': () => `${validation.length} held out, by sets of classes (seed ${seed})`,
    none: () => 'none held out',
  };
  const how = `${files.root}: ${described(train)} to train on, ${told[from.kind as keyof typeof told]()}`;
  return { ...rest, ...folders, leftOut: [...rest.leftOut, ...unused], how };
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
