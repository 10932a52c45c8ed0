/** Photos with boxes out of any format, by split: the classes in a sound order, and all that is left out by name and count. */
import { ArgumentError, DataError } from '../../core/errors.ts';
import { checkList, checkOneOf, checkOptions, type OptionNames } from '../../core/options.ts';
import { concurrently } from '../concurrently.ts';
import type { DataFiles } from '../folders/data-files.ts';
import { byReason, type LeftOut } from '../folders/left-out.ts';
import { byCodePoint } from '../folders/photo-tree.ts';
import type { Split } from '../folders/split-names.ts';
import { count, someOf } from '../some-of.ts';
import { type BoxFaults, BoxList, type BoxSample, type LeftOutBoxes } from './box-sample.ts';
import type { BoxFormat, FoundBox, FoundBoxes, FoundPhoto } from './found-boxes.ts';
import { type ImageSize, imageSize } from './image-size.ts';

/** Options of {@link readBoxes}. */
export interface ReadBoxesOptions {
  /** Default: the one that is there; of several COCO's before VOC's before YOLO's, and a note says so. */
  format?: BoxFormat;
  /** The class list to use, in this order (a trained model's). Default: as the files list them, else the names, sorted. */
  classes?: readonly string[];
  /** The COCO file, by its path from the folder, where there are several. */
  annotations?: string;
  /** Whether outlines are kept (COCO). Default false. */
  segmentations?: boolean;
}

export const READ_OPTIONS: OptionNames<ReadBoxesOptions> = {
  format: true,
  classes: true,
  annotations: true,
  segmentations: true,
};

/** What {@link readBoxes} read. */
export interface BoxParts {
  readonly format: BoxFormat;
  readonly classes: readonly string[];
  /** Samples by the split that a folder, a list or a file's name tells; under null those of which nothing tells it. Each by path. */
  readonly parts: ReadonlyMap<Split | null, readonly BoxSample[]>;
  /** Files that are not used, by reason. */
  readonly leftOut: readonly LeftOut[];
  /** Boxes that are not used, by reason. */
  readonly leftOutBoxes: readonly LeftOutBoxes[];
  /** What was decided and may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
}

const FORMATS: readonly BoxFormat[] = ['coco', 'voc', 'yolo'];
const TITLES: Readonly<Record<BoxFormat, string>> = { coco: 'COCO', voc: 'Pascal VOC', yolo: 'YOLO' };

/**
 * Reads photos with boxes: COCO's JSON, Pascal VOC's XML, or YOLO's text, as their own data sets and the exports of CVAT, Roboflow, Label
 * Studio, labelImg and FiftyOne have them. An image without boxes is a sample without boxes. Boxes that no network can learn (without width
 * or height, outside of the image, not numbers, of no known class) are left out, counted and told.
 * @param files the data set's
 * @param options what is meant, where it cannot be told
 * @throws DataError where there are no boxes, a file of them is damaged, or a class is unknown.
 */
export async function readBoxes(files: DataFiles, options: ReadBoxesOptions = {}): Promise<BoxParts> {
  checkOptions('readBoxes', options, READ_OPTIONS);
  checkReadOptions('readBoxes', options);
  const { found, notes } = await findBoxes(files, options);
  return partsOfBoxes(files, found, options, notes);
}

/** Makes samples of what a format's files say. @param notes of how they were chosen */
export async function partsOfBoxes(
  files: DataFiles,
  found: FoundBoxes,
  options: ReadBoxesOptions = {},
  notes: readonly string[] = [],
): Promise<BoxParts> {
  const photos = found.photos.filter(({ split }) => split !== 'unlabelled');
  const classes = options.classes ?? classesOf(found, photos);
  if (classes.length === 0) throw new DataError(files.root, 'has no class: no image has a box. Draw some first.');
  const maker = new SampleMaker(files, found, classes, options);
  const samples = await maker.samples(photos);
  if (samples.every(({ boxes }) => boxes.length === 0))
    throw noBoxes(files.root, samples.length, maker.faults, [...maker.leftOut, ...found.leftOut]);
  const parts = new Map<Split | null, BoxSample[]>();
  for (const [i, sample] of samples.entries()) {
    const { split } = maker.kept[i]!;
    const part = parts.get(split);
    if (part) part.push(sample);
    else parts.set(split, [sample]);
  }
  for (const part of parts.values()) part.sort((a, b) => byCodePoint(a.path, b.path));
  const cut =
    maker.cut > 0
      ? [`${count(maker.cut, 'box')} reached past the image and ${maker.cut === 1 ? 'was' : 'were'} cut at its edge.`]
      : [];
  return {
    format: found.format,
    classes,
    parts,
    leftOut: mergedByReason([...found.leftOut, ...maker.leftOut, ...files.unusable]),
    leftOutBoxes: maker.faults.list,
    notes: [...notes, ...found.notes, ...cut, ...(await sizeNotes(files, maker.kept))],
  };
}

/** @throws ArgumentError for values that are of another kind. */
export function checkReadOptions(op: string, { format, classes }: ReadBoxesOptions): void {
  if (format !== undefined) checkOneOf(op, 'format', format, FORMATS);
  if (classes === undefined) return;
  checkList(op, 'classes', classes);
  if (classes.length === 0) throw new ArgumentError(`${op}: expected classes as one name or more, got none.`);
}

/** The boxes of the format that is meant. */
async function findBoxes(
  files: DataFiles,
  { format, ...choice }: ReadBoxesOptions,
): Promise<{ found: FoundBoxes; notes: string[] }> {
  const chosen = format ?? (choice.annotations === undefined ? undefined : 'coco');
  if (files.tree.count === 0)
    throw new DataError(
      files.root,
      `has no images. Name the folder of the photos. Read are ${files.tree.extensions.join(' ')}.`,
    );
  const all: FoundBoxes[] = [];
  for (const name of chosen === undefined ? FORMATS : [chosen]) {
    const found = await finders[name](files, choice);
    if (found) all.push(found);
  }
  const [found, ...others] = all;
  if (!found) {
    const what = chosen === undefined ? 'no boxes' : `no boxes in ${TITLES[chosen]}'s format`;
    throw new DataError(
      files.root,
      `has ${what}. Expected COCO's .json, Pascal VOC's .xml or YOLO's .txt files beside or below ${count(files.tree.count, 'image')}.`,
    );
  }
  const notes = others.map(
    (other) =>
      `There are boxes in ${TITLES[other.format]}'s format too; those in ${TITLES[found.format]}'s are used. { format: '${other.format}' } takes the others.`,
  );
  return { found, notes };
}

const finders: Readonly<Record<BoxFormat, (files: DataFiles, choice: ReadBoxesOptions) => Promise<FoundBoxes | null>>> =
  {
    coco: async (files, choice) => (await import('./find-coco.ts')).findCoco(files, choice),
    voc: async (files) => (await import('./find-voc.ts')).findVoc(files),
    yolo: async (files) => (await import('./find-yolo.ts')).findYolo(files),
  };

/** As the files that are trained on list them, else all names, sorted. */
function classesOf({ listed }: FoundBoxes, photos: readonly FoundPhoto[]): string[] {
  const isTraining = ({ split }: { readonly split: Split | null }) => split === 'train' || split === null;
  const lists = listed.some(isTraining) ? listed.filter(isTraining) : listed;
  if (lists.length > 0) return [...new Set(lists.flatMap(({ names }) => names))];
  const training = photos.some(isTraining) ? photos.filter(isTraining) : photos;
  const names = new Set<string>();
  for (const photo of training) for (const { name, fault } of photo.boxes()) if (fault === undefined) names.add(name);
  return [...names].sort(byCodePoint);
}

/** What no sample is made of, and why. */
function noBoxes(root: string, images: number, faults: BoxFaults, leftOut: readonly LeftOut[]): DataError {
  const [box] = faults.list;
  if (box)
    return new DataError(
      root,
      `has no box that can be used: ${count(faults.count, 'box')} left out, the first ${box.reason} (${box.examples[0]}).`,
    );
  if (images > 0) return new DataError(root, `has no box in ${count(images, 'image')}. Draw some first.`);
  const [first] = leftOut.filter(({ reason }) => !reason.endsWith('of another kind'));
  const why = first
    ? `: ${first.paths[0]} is ${first.reason === 'not readable' ? first.reason : `one ${first.reason}`}`
    : '';
  return new DataError(root, `has no image with boxes that can be used${why}.`);
}

/** How many images are looked at to see whether they have the size that their annotation says. */
const LOOKED_AT = 64;

/** Whether annotations say another size than their images have, as after these were made smaller, or where a camera was held upright. */
async function sizeNotes(files: DataFiles, photos: readonly FoundPhoto[]): Promise<string[]> {
  const told = photos.filter(({ width, height }) => width > 0 && height > 0);
  const step = Math.max(1, told.length / LOOKED_AT);
  const looked = Array.from({ length: Math.min(LOOKED_AT, told.length) }, (_, i) => told[Math.floor(i * step)]!);
  const wrong: string[] = [];
  await concurrently(8, looked, async ({ path, width, height }) => {
    // What cannot be read is told when it is decoded.
    const size = await imageSize(files, path).catch((error) => {
      if (error instanceof DataError) return null;
      throw error;
    });
    if (size && (size.width !== width || size.height !== height))
      wrong.push(`${path}: ${size.width} x ${size.height}, not ${width} x ${height}`);
  });
  if (wrong.length === 0) return [];
  return [
    `Of ${count(looked.length, 'image')} looked at, ${wrong.length} ${wrong.length === 1 ? 'has' : 'have'} another size than the annotation says (${wrong.sort(byCodePoint)[0]}): boxes may lie elsewhere.`,
  ];
}

function mergedByReason(leftOut: readonly LeftOut[]): LeftOut[] {
  return byReason(leftOut.flatMap(({ reason, paths }) => paths.map((path) => [reason, path] as const)));
}

/** The order in which splits keep an image that is in several. */
const RANK: readonly (Split | null)[] = ['train', null, 'validation', 'test'];

/** Makes samples of what was found. */
class SampleMaker {
  readonly faults: BoxFaults;
  /** The photos that became samples, in their order. */
  readonly kept: FoundPhoto[] = [];
  /** Boxes that were cut at the image's edge. */
  cut = 0;
  readonly #files: DataFiles;
  readonly #labels: ReadonlyMap<string, number>;
  readonly #options: ReadBoxesOptions;
  readonly #leftOut: [reason: string, path: string][] = [];

  constructor(files: DataFiles, found: FoundBoxes, classes: readonly string[], options: ReadBoxesOptions) {
    this.#files = files;
    this.faults = found.faults;
    this.#labels = new Map(classes.map((name, i) => [name, i]));
    this.#options = options;
  }

  get leftOut(): LeftOut[] {
    return byReason(this.#leftOut);
  }

  async samples(photos: readonly FoundPhoto[]): Promise<BoxSample[]> {
    const once = this.#once(photos);
    const sizes: (ImageSize | null)[] = [];
    await concurrently(8, once, async (photo, i) => {
      sizes[i] = await this.#sizeOf(photo);
    });
    return once.flatMap((photo, i): BoxSample[] => {
      const size = sizes[i];
      if (!size) return [];
      this.kept.push(photo);
      return [this.#sample(photo, size)];
    });
  }

  /** Each image once: in training, where it is in training and elsewhere. */
  #once(photos: readonly FoundPhoto[]): FoundPhoto[] {
    const first = new Map<string, FoundPhoto>();
    const ranked = [...photos].sort((a, b) => RANK.indexOf(a.split) - RANK.indexOf(b.split));
    for (const photo of ranked) {
      const before = first.get(photo.path);
      if (!before) first.set(photo.path, photo);
      else
        this.#leftOut.push([
          before.split === photo.split ? 'a second entry of the same image' : 'in another split too',
          photo.path,
        ]);
    }
    return [...first.values()];
  }

  async #sizeOf({ path, width, height }: FoundPhoto): Promise<ImageSize | null> {
    if (width > 0 && height > 0) return { width, height };
    try {
      return await imageSize(this.#files, path);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#leftOut.push(['not readable', path]);
      return null;
    }
  }

  #sample(photo: FoundPhoto, { width, height }: ImageSize): BoxSample {
    const list = new BoxList(width, height);
    const [w, h] = photo.shares ? [width, height] : [1, 1];
    for (const box of photo.boxes()) {
      const fault = box.fault ?? list.add(this.#labelOf(box, photo), box, w, h);
      if (fault !== null) this.faults.add(fault, () => `${photo.path} (${box.place()})`);
    }
    this.cut += list.cut;
    return list.sample(this.#files.nameOf(photo.path), this.#options.segmentations);
  }

  #labelOf({ name, place }: FoundBox, { path }: FoundPhoto): number {
    const label = this.#labels.get(name);
    if (label !== undefined) return label;
    const known = someOf([...this.#labels.keys()]);
    throw new DataError(
      this.#files.root,
      this.#options.classes
        ? `has a box of '${name}' in ${path} (${place()}), which is none of the classes ${known}.`
        : `has a box of '${name}' in ${path} (${place()}), a class that training has not: ${known}.`,
    );
  }
}
