/** YOLO's label files of a folder, their photos, and what names the classes and splits. */
import { DataError } from '../../core/errors.ts';
import { type DataFiles, textOf } from '../folders/data-files.ts';
import { byReason, type LeftOut } from '../folders/left-out.ts';
import { imagesOf, othersOf, type PhotoTree } from '../folders/photo-tree.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import { count, someOf } from '../some-of.ts';
import { FileNames } from '../tables/file-names.ts';
import { BoxFaults } from './box-sample.ts';
import { type FoundBox, type FoundBoxes, type FoundPhoto, folderOf, splitOfFolders } from './found-boxes.ts';
import { readDarknetData, readNames, readYoloLabels, readYoloYaml, type YoloConfig } from './yolo.ts';

const MAX_BYTES = 1 << 24;

/** Text files that are no labels. */
const NO_LABELS = /(?:^|\/)(?:classes|labels|labelmap|readme.*|notes|license|train|val|valid|test|requirements)\.txt$/i;

/**
 * Finds label files and their photos. A photo without one, or with an empty one, has no boxes.
 * @returns null where no image has a label file.
 * @throws DataError where two files name the classes differently, or one cannot be read.
 */
export async function findYolo(files: DataFiles): Promise<FoundBoxes | null> {
  const others = new Set(othersOf(files.tree));
  const images = imagesOf(files.tree);
  const labels = new Map(
    images.flatMap((image) => {
      const path = labelPaths(image).find((label) => others.has(label) && !NO_LABELS.test(label));
      return path === undefined ? [] : [[image, path] as const];
    }),
  );
  if (labels.size === 0) return null;
  const { config, splits, notes } = await readConfig(files, others);
  const leftOut: [reason: string, path: string][] = [];
  const photos: FoundPhoto[] = [];
  let highest = -1;
  let without = 0;
  const splitOfImage = (image: string) => (splits ? (splits.get(image) ?? null) : splitOfFolders(image));
  const labelled = new Set([...labels.keys()].map(splitOfImage));
  for (const image of images) {
    const split = splitOfImage(image);
    const label = labels.get(image);
    const outside = splits && split === null;
    if (outside || !labelled.has(split)) {
      leftOut.push([outside ? 'in no split' : 'in a part without any labels', image]);
      continue;
    }
    if (label === undefined) without++;
    const lines = label === undefined ? [] : readYoloLabels(await textOf(files, label, MAX_BYTES), config?.keyPoints);
    for (const line of lines) if ('label' in line) highest = Math.max(highest, line.label);
    const boxes = (): FoundBox[] => lines.map((line) => foundBox(line, () => `${label}:${line.line}`, names));
    photos.push({ path: image, split, width: 0, height: 0, shares: true, boxes });
  }
  const used = new Set(labels.values());
  const folders = new Set([...used].map(folderOf));
  for (const path of others)
    if (/\.txt$/i.test(path) && !used.has(path) && !NO_LABELS.test(path) && folders.has(folderOf(path)))
      leftOut.push(['labels without an image', path]);
  const names = config?.names ?? Array.from({ length: highest + 1 }, (_, i) => String(i));
  if (!config)
    notes.push('No file names the classes (data.yaml, classes.txt, obj.names): they are called by their numbers.');
  if (without > 0) notes.push(`${count(without, 'image')} without a label file: taken as images without boxes.`);
  const found: LeftOut[] = byReason(leftOut);
  return { format: 'yolo', photos, listed: [{ split: null, names }], leftOut: found, faults: new BoxFaults(), notes };
}

function foundBox(
  line: ReturnType<typeof readYoloLabels>[number],
  place: () => string,
  names: readonly string[],
): FoundBox {
  if ('fault' in line) return { place, fault: line.fault, name: '', x1: 0, y1: 0, x2: 0, y2: 0 };
  const [x1, y1, x2, y2] = line.corners;
  const name = names[line.label];
  const fault = name === undefined ? `of class ${line.label}, of which there is no name` : undefined;
  return { place, fault, name: name ?? '', x1, y1, x2, y2 };
}

/** Where an image's labels may be: in `labels` for `images`, or beside it. */
function labelPaths(image: string): string[] {
  const plain = image.replace(/\.[^./]*$/, '.txt');
  const moved = plain.replace(/(^|.*\/)(?:images|JPEGImages|imgs)\//i, '$1labels/');
  return moved === plain ? [plain] : [moved, plain];
}

interface Found {
  readonly config: YoloConfig | null;
  /** By image; null where folders tell. */
  readonly splits: ReadonlyMap<string, Split> | null;
  readonly notes: string[];
}

async function readConfig(files: DataFiles, others: ReadonlySet<string>): Promise<Found> {
  const found: { path: string; config: YoloConfig }[] = [];
  for (const path of others) {
    if (!/\.ya?ml$/i.test(path)) continue;
    const config = await readYoloYaml(await textOf(files, path, MAX_BYTES), files.nameOf(path));
    if (config) found.push({ path, config });
  }
  for (const path of found.length > 0 ? [] : others) {
    if (!/(?:^|\/)(?:classes\.txt|[^/]*\.names)$/i.test(path)) continue;
    const names = readNames(await textOf(files, path, MAX_BYTES));
    if (names.length > 0) found.push({ path, config: { names, splits: new Map(), keyPoints: false } });
  }
  const [first, ...rest] = found;
  const other = rest.find(({ config }) => config.names.join('\n') !== first!.config.names.join('\n'));
  if (other)
    throw new DataError(
      files.root,
      `has two files that name classes differently, ${someOf([first!.path, other.path])}. Remove one.`,
    );
  const notes: string[] = [];
  let told = first?.config.splits ?? new Map<Split, readonly string[]>();
  for (const path of told.size > 0 ? [] : others)
    if (/(?:^|\/)obj\.data$/i.test(path)) told = readDarknetData(await textOf(files, path, MAX_BYTES));
  const splits = await splitsOf(files, told, others, notes);
  return { config: first?.config ?? null, splits, notes };
}

/** The split of each image, as folders and lists tell; null where none of them is here. */
async function splitsOf(
  files: DataFiles,
  told: ReadonlyMap<Split, readonly string[]>,
  others: ReadonlySet<string>,
  notes: string[],
): Promise<Map<string, Split> | null> {
  const splits = new Map<string, Split>();
  const images = imagesOf(files.tree);
  const names = new FileNames(images);
  for (const [split, paths] of told)
    for (const path of paths) {
      const list = /\.txt$/i.test(path) ? endingIn([...others], path) : undefined;
      const found = list ? await listed(files, list, names) : (folderNamed(files.tree, path) ?? []);
      if (found.length === 0) notes.push(`'${path}', where the ${split} images should be, is not here.`);
      // What is trained on comes first, and stays there.
      for (const image of found) if (!splits.has(image)) splits.set(image, split);
    }
  return splits.size > 0 ? splits : null;
}

async function listed(files: DataFiles, list: string, names: FileNames): Promise<string[]> {
  const lines = (await textOf(files, list, MAX_BYTES)).split('\n').map((line) => line.trim());
  const near = [folderOf(list)].filter((folder) => folder !== '');
  return lines.flatMap((line) => {
    const found = line === '' ? [] : names.find(line, near);
    return found.length === 1 ? found : [];
  });
}

/** Parts of a path without what leads elsewhere. */
const partsOf = (path: string) => path.split(/[\\/]+/).filter((part) => !/^(?:\.{0,2}|[a-z]:)$/i.test(part));

/** The path that ends as another does, by as many parts as they share, names of splits among them. */
function endingIn(paths: readonly string[], path: string): string | undefined {
  const wanted = partsOf(path);
  for (let from = 0; from < wanted.length && !(from > 0 && splitOf(wanted[from - 1]!)); from++) {
    const tail = wanted.slice(from).join('/');
    const found = paths.filter((p) => p === tail || p.endsWith(`/${tail}`));
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
  }
  return undefined;
}

/** All images of the folder that a path means: `../train/images` is `train/images` of this data set. */
function folderNamed(tree: PhotoTree, path: string): string[] | undefined {
  if (partsOf(path).length === 0) return imagesOf(tree);
  const all: PhotoTree[] = [];
  const visit = (folder: PhotoTree): void => {
    all.push(folder);
    for (const inner of folder.folders.values()) visit(inner);
  };
  visit(tree);
  const found = endingIn(
    all.map((folder) => folder.path).filter((p) => p !== ''),
    path,
  );
  const folder = all.find((f) => f.path === found);
  return found === undefined || !folder ? undefined : imagesOf(folder);
}
