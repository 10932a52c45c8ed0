/** Photos with masks of classes: pairs of files, or COCO's outlines; to a training, a validation and a test part. */
import { DataError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import { readImageSets, setKey } from '../boxes/image-sets.ts';
import { imageSize } from '../boxes/image-size.ts';
import { concurrently } from '../concurrently.ts';
import { bytesOf, type DataFiles, textOf } from '../folders/data-files.ts';
import { byReason, checkLeftOut, type LeftOut } from '../folders/left-out.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import { othersOf } from '../folders/photo-tree.ts';
import type { Split } from '../folders/split-names.ts';
import { reasonOf } from '../images/image-dataset.ts';
import { MAX_PIXELS } from '../images/image-format.ts';
import { samplePartsOf } from '../sample-parts.ts';
import { count, someOf } from '../some-of.ts';
import { isClassFile, type MaskClass, readClassFile } from './class-file.ts';
import { codingOf, type FoundValues, IGNORED, type MaskCoding } from './coding.ts';
import type { MaskSample } from './mask-sample.ts';
import { inColours, type MaskValues, packed, readMaskValues, unpacked } from './mask-values.ts';
import { findOutlines } from './outline-samples.ts';
import { type MaskPair, pairMasks } from './pair-masks.ts';

/** Options of {@link openMasks}. */
export interface OpenMasksOptions {
  /** The file that names the classes, by its path from the folder. Default: the one that is called so (`classes.csv`, `class_dict.csv`, `label_colors.txt`, `labelmap.txt`, `codes.txt` …). */
  classFile?: string;
  /** The value of masks that is neither learned nor scored; null: none. Default 255, unless it is white beside black. */
  ignore?: number | null;
  /** Share of the masks that may be unusable (another size, an unknown colour); past it there is an error. Default 0.1. */
  maxLeftOut?: number;
  /** The part held out where nothing tells a validation part; 0: none. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
}

const OPTIONS: OptionNames<OpenMasksOptions> = {
  classFile: true,
  ignore: true,
  maxLeftOut: true,
  validation: true,
  seed: true,
};

/** What {@link openMasks} opened. */
export interface MaskFolders {
  readonly classes: readonly string[];
  /** How the masks' values become labels. */
  readonly coding: MaskCoding;
  readonly train: readonly MaskSample[];
  /** The validation part, else the test part, else what is held out; empty where `validation` is 0 and there is neither. */
  readonly validation: readonly MaskSample[];
  /** The test part, where there is one beside a validation part. */
  readonly test: readonly MaskSample[];
  readonly validationFrom: ValidationSource;
  /** Files that are not used, by reason. */
  readonly leftOut: readonly LeftOut[];
  /** What was decided and may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
  /** One line that says where they came from. */
  readonly how: string;
}

/** A pair whose mask was read. */
interface Looked extends MaskPair {
  readonly width: number;
  readonly height: number;
  readonly values: ReadonlySet<number>;
  readonly isColour: boolean;
}

/** More values than masks of classes have. */
const MOST_VALUES = 4096;

/**
 * As `openMasks`, of files in a folder, in an archive or dropped on a page.
 * @throws DataError where there are no masks, what they mean cannot be told, or more of them are unusable than `maxLeftOut`.
 */
export async function openMaskFiles(files: DataFiles, options: OpenMasksOptions = {}): Promise<MaskFolders> {
  checkOptions('openMasks', options, OPTIONS);
  const { maxLeftOut = 0.1, validation: share = 0.2, seed = 0 } = options;
  const found = pairMasks(files.tree);
  const { samples, coding, leftOut, notes, splits } =
    found.pairs.length > 0 ? await samplesOfPairs(files, found.pairs, options, maxLeftOut) : await drawn(files);
  const parts = new Map<Split | null, MaskSample[]>();
  for (const [i, sample] of samples.entries()) {
    const part = parts.get(splits[i]!);
    if (part) part.push(sample);
    else parts.set(splits[i]!, [sample]);
  }
  const { outside, ...folders } = samplePartsOf(
    files.root,
    parts,
    { share, seed },
    coding.classes.length,
    ({ labels }) => labels,
  );
  const { train, validation, validationFrom } = folders;
  const all: [reason: string, path: string][] = [
    ...leftOut,
    ...(found.pairs.length > 0 ? found.images.map((path) => ['without a mask', path] as [string, string]) : []),
    ...found.masks.map((path) => ['a mask without an image', path] as [string, string]),
    ...outside.map(({ path }) => ['in no split', path] as [string, string]),
  ];
  const told = validationFrom.kind === 'held out' ? `held out (seed ${seed})` : 'to validate';
  return {
    ...folders,
    classes: coding.classes,
    coding,
    leftOut: [...byReason(all), ...files.unusable],
    notes,
    how: `${files.root}: ${count(coding.classes.length, 'class')}, ${count(train.length, 'image')} to train on, ${validation.length} ${told}`,
  };
}

/** Samples, with the split of each. */
interface Samples {
  readonly samples: readonly MaskSample[];
  readonly splits: readonly (Split | null)[];
  readonly coding: MaskCoding;
  readonly leftOut: readonly (readonly [reason: string, path: string])[];
  readonly notes: readonly string[];
}

async function drawn(files: DataFiles): Promise<Samples & { leftOut: [string, string][] }> {
  const outlines = await findOutlines(files);
  if (outlines) return outlines;
  throw new DataError(
    files.root,
    "has no masks. Expected images and masks in two folders ('images', 'masks'), masks beside images as cat_mask.png, or a COCO .json with outlines.",
  );
}

async function samplesOfPairs(
  files: DataFiles,
  pairs: readonly MaskPair[],
  options: OpenMasksOptions,
  maxLeftOut: number,
): Promise<Samples & { leftOut: [string, string][] }> {
  const { classes, file } = await classesOf(files, options.classFile);
  const leftOut: [reason: string, path: string][] = [];
  const looked = await look(files, pairs, classes, leftOut);
  const { coding, notes } = codingOf(files.root, valuesOf(looked), { classes, file, ignore: options.ignore });
  const labels = new Map(coding.labels);
  const kept = looked.filter((one) => {
    const unknown = [...one.values].find((value) => !labels.has(keyOf(value, one.isColour, coding)));
    if (unknown === undefined) return true;
    const value = one.isColour ? unpacked(unknown).join(' ') : unknown;
    leftOut.push([`with a ${coding.isColour ? 'colour' : 'value'} that no class has`, `${one.mask} (${value})`]);
    return false;
  });
  checkLeftOut(files.root, count(pairs.length, 'mask'), pairs.length, byReason(leftOut), maxLeftOut);
  const lists = await readImageSets(files, 'Segmentation');
  return {
    samples: kept.map(({ image, mask, width, height, values, isColour }) => ({
      ...{ path: files.nameOf(image), width, height, mask: files.nameOf(mask) },
      labels: [...new Set([...values].map((value) => labels.get(keyOf(value, isColour, coding))!))]
        .filter((label) => label !== IGNORED)
        .sort((a, b) => a - b),
    })),
    splits: kept.map(({ image, split }) => (lists ? (lists.get(setKey(image)) ?? null) : split)),
    ...{ coding, leftOut, notes },
  };
}

/** A grey mask among colours has colours too. */
const keyOf = (value: number, isColour: boolean, coding: MaskCoding): number =>
  coding.isColour && !isColour ? packed([value, value, value]) : value;

/** All values of the masks: colours, where one has colours. */
function valuesOf(looked: readonly Looked[]): FoundValues {
  const isColour = looked.some((one) => one.isColour);
  const values = new Set<number>();
  for (const one of looked)
    for (const value of one.values) values.add(isColour && !one.isColour ? packed([value, value, value]) : value);
  return { values, isColour };
}

/** Reads every mask once: its size beside the photo's, and its values. */
async function look(
  files: DataFiles,
  pairs: readonly MaskPair[],
  classes: readonly MaskClass[] | null,
  leftOut: [reason: string, path: string][],
): Promise<Looked[]> {
  const found: (Looked | readonly [reason: string, path: string])[] = [];
  const colours = new Set(classes?.flatMap(({ colour }) => (colour ? [packed(colour)] : [])));
  await concurrently(4, pairs, async (pair, i) => {
    found[i] = await lookAt(files, pair, colours);
  });
  const isLooked = (one: (typeof found)[number]): one is Looked => 'image' in one;
  for (const one of found) if (!isLooked(one)) leftOut.push([...one]);
  return found.filter(isLooked);
}

async function lookAt(
  files: DataFiles,
  pair: MaskPair,
  colours: ReadonlySet<number>,
): Promise<Looked | readonly [reason: string, path: string]> {
  let at = pair.image;
  try {
    const { width, height } = await imageSize(files, pair.image);
    at = pair.mask;
    const bytes = await bytesOf(files, pair.mask, 4 * MAX_PIXELS);
    const mask = inColours(await readMaskValues(bytes, files.nameOf(at)), colours);
    if (mask.width !== width || mask.height !== height)
      return [
        'a mask of another size than its image',
        `${pair.mask} (${mask.width} x ${mask.height}, the image ${width} x ${height})`,
      ];
    const values = distinct(mask);
    if (values) return { ...pair, width, height, values, isColour: mask.isColour };
    return [`a mask of more than ${MOST_VALUES.toLocaleString('en')} values, which are no classes`, pair.mask];
  } catch (error) {
    return ['not readable', `${at} (${reasonOf(error, files.nameOf(at)).replace(/\.$/, '')})`];
  }
}

/** The values of a mask; null for too many. */
function distinct({ data }: MaskValues): Set<number> | null {
  const values = new Set<number>();
  let last = -1;
  for (const value of data) {
    if (value === last) continue;
    values.add((last = value));
    if (values.size > MOST_VALUES) return null;
  }
  return values;
}

/** The class file that is named, or the only one there is. */
async function classesOf(
  files: DataFiles,
  chosen: string | undefined,
): Promise<{ classes: readonly MaskClass[] | null; file: string }> {
  const others = othersOf(files.tree);
  if (chosen !== undefined && !others.includes(chosen))
    throw new DataError(files.root, `has no file '${chosen}'. Name it by its path from the folder.`);
  const found = chosen === undefined ? others.filter(isClassFile) : [chosen];
  if (found.length > 1)
    throw new DataError(
      files.root,
      `has ${count(found.length, 'file')} that may name the classes, ${someOf(found)}. Name one: { classFile: '${found[0]}' }.`,
    );
  const [file] = found;
  if (file === undefined) return { classes: null, file: '' };
  return { classes: readClassFile(await textOf(files, file, 1 << 20), files.nameOf(file)), file };
}
