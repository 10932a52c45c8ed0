/** COCO files of a folder, a file a split, and the photos that they name. */
import { DataError } from '../../core/errors.ts';
import { type DataFiles, opened } from '../folders/data-files.ts';
import { byReason } from '../folders/left-out.ts';
import { imagesOf, othersOf } from '../folders/photo-tree.ts';
import { type Split, splitOf, splitsAmong } from '../folders/split-names.ts';
import { count, someOf } from '../some-of.ts';
import { FileNames } from '../tables/file-names.ts';
import { BoxFaults } from './box-sample.ts';
import { type CocoFile, readCoco } from './coco.ts';
import {
  type FoundBox,
  type FoundBoxes,
  type FoundPhoto,
  foldersNear,
  MANY_IMAGES,
  NO_IMAGE,
  splitOfFolders,
  stemOf,
} from './found-boxes.ts';

/** What the user says of a COCO data set. */
export interface CocoChoice {
  /** The file, by its path from the folder. */
  readonly annotations?: string | undefined;
  readonly segmentations?: boolean | undefined;
}

interface Annotations {
  readonly path: string;
  readonly split: Split | null;
  readonly content: CocoFile;
}

const MOST_FILES = 50;

/**
 * Finds COCO files and their photos.
 * @returns null where there is no COCO file.
 * @throws DataError where one cannot be read, or two are of the same split.
 */
export async function findCoco(files: DataFiles, choice: CocoChoice = {}): Promise<FoundBoxes | null> {
  const { annotations, segmentations = false } = choice;
  const paths = annotations === undefined ? candidates(files) : [annotations];
  if (annotations !== undefined && !othersOf(files.tree).includes(annotations))
    throw new DataError(files.root, `has no file '${annotations}'. Name it by its path from the folder.`);
  const splits = splitsOf(paths);
  const read: Annotations[] = [];
  const unread: string[] = [];
  for (const path of paths) {
    const content = await opened(files, path, (file) => readCoco(file, files.nameOf(path), segmentations));
    if (content) read.push({ path, split: splits.get(path) ?? null, content });
    else unread.push(path);
  }
  if (annotations !== undefined && read.length === 0)
    throw new DataError(files.nameOf(annotations), "has no 'annotations'. Expected COCO's JSON.");
  if (read.length === 0) return null;
  checkSplits(files.root, read);
  const faults = new BoxFaults();
  const names = new FileNames(imagesOf(files.tree));
  const leftOut: [reason: string, path: string][] = unread.map((path) => ['JSON of another kind', path]);
  const photos = read.flatMap((found) => photosOf(files, found, names, leftOut, faults));
  const named = new Set(photos.map(({ path }) => path));
  const listing = read.map(({ path }) => path).join(' or ');
  for (const path of imagesOf(files.tree)) if (!named.has(path)) leftOut.push([`not listed in ${listing}`, path]);
  return {
    format: 'coco',
    photos,
    listed: read.map(({ split, content }) => ({ split, names: content.categories })),
    leftOut: byReason(leftOut),
    faults,
    notes: read.flatMap(({ content }) => content.notes),
  };
}

/** JSON files; of COCO's own set those of objects, not captions and key points. */
function candidates({ root, tree }: DataFiles): string[] {
  const all = othersOf(tree).filter((path) => /\.json$/i.test(path));
  const objects = all.filter((path) => /instances/i.test(stemOf(path)));
  const paths = objects.length > 0 ? objects : all;
  // A file for each image is another format.
  return paths.length > MOST_FILES && paths.length > tree.count / 10 ? [] : checkedCount(root, paths);
}

function checkedCount(root: string, paths: readonly string[]): string[] {
  if (paths.length <= MOST_FILES) return [...paths];
  throw new DataError(
    root,
    `has ${count(paths.length, 'JSON file')}. Name the one to use: { annotations: '${paths[0]}' }.`,
  );
}

/** Splits by the names of files (`instances_val2017`), else of their folders. */
function splitsOf(paths: readonly string[]): Map<string, Split> {
  const bare = (path: string) => stemOf(path).replace(/^_?(?:instances|annotations?|coco|labels?)(?=[_.-])/i, '');
  const among = splitsAmong(paths.map(bare));
  return new Map(
    paths.flatMap((path): [string, Split][] => {
      const split = among.get(bare(path)) ?? splitOf(bare(path)) ?? splitOfFolders(path);
      return split ? [[path, split]] : [];
    }),
  );
}

function checkSplits(root: string, read: readonly Annotations[]): void {
  for (const [i, { path, split }] of read.entries()) {
    const other = read.slice(0, i).find((before) => before.split === split);
    if (other)
      throw new DataError(
        root,
        `has two COCO files ${split === null ? 'of no split' : `to ${WORDS[split]}`}, ${someOf([other.path, path])}. Name the one to use: { annotations: '${other.path}' }.`,
      );
  }
}

const WORDS: Readonly<Record<Split, string>> = {
  train: 'train on',
  validation: 'validate with',
  test: 'test with',
  unlabelled: 'predict',
};

function photosOf(
  files: DataFiles,
  { path: file, split, content }: Annotations,
  names: FileNames,
  leftOut: [reason: string, path: string][],
  faults: BoxFaults,
): FoundPhoto[] {
  const { strays } = content;
  for (let i = 0; i < strays.count; i++) faults.add('of an image that is not listed', () => strays.names[i]!);
  const near = foldersNear(files.tree, file, split);
  return content.images.flatMap(({ fileName, width, height, start, end }): FoundPhoto[] => {
    const found = names.find(fileName, near);
    if (found.length !== 1) {
      leftOut.push([found.length === 0 ? NO_IMAGE : MANY_IMAGES, `${file}: ${fileName}`]);
      return [];
    }
    const boxes = function* (): Generator<FoundBox> {
      for (let i = start; i < end; i++) {
        const { category, x1, y1, x2, y2, area, crowd, segmentation } = content.annotation(i);
        const fault = category < 0 ? 'of a category that is not listed' : undefined;
        const name = content.categories[category] ?? '';
        const place = () => `${file}, ${content.nameOf(i)}`;
        yield { place, fault, name, x1, y1, x2, y2, area, crowd, segmentation };
      }
    };
    return [{ path: found[0]!, split, width, height, shares: false, boxes }];
  });
}
