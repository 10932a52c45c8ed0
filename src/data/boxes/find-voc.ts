/** VOC files of a folder, the photos that they are of, and the lists that tell splits and classes. */
import { DataError } from '../../core/errors.ts';
import { type DataFiles, textOf } from '../folders/data-files.ts';
import { byReason } from '../folders/left-out.ts';
import { imagesOf, othersOf } from '../folders/photo-tree.ts';
import type { Split } from '../folders/split-names.ts';
import { count } from '../some-of.ts';
import { FileNames } from '../tables/file-names.ts';
import { BoxFaults } from './box-sample.ts';
import {
  type FoundBoxes,
  type FoundPhoto,
  foldersNear,
  MANY_IMAGES,
  NO_IMAGE,
  splitOfFolders,
  stemOf,
} from './found-boxes.ts';
import { readImageSets, setKey } from './image-sets.ts';
import { readVoc, type VocFile } from './voc.ts';

const MAX_BYTES = 1 << 24;

interface Annotation {
  readonly path: string;
  readonly content: VocFile;
}

/**
 * Finds VOC files and their photos.
 * @returns null where there is none.
 * @throws DataError where one is no XML.
 */
export async function findVoc(files: DataFiles): Promise<FoundBoxes | null> {
  const paths = othersOf(files.tree).filter((path) => /\.xml$/i.test(path));
  const read: Annotation[] = [];
  const leftOut: [reason: string, path: string][] = [];
  for (const path of paths) {
    const content = await readVoc(await textOf(files, path, MAX_BYTES), files.nameOf(path));
    if (content) read.push({ path, content });
    else leftOut.push(['XML of another kind', path]);
  }
  if (read.length === 0) return null;
  const splits = await readImageSets(files, 'Main');
  const names = new FileNames(imagesOf(files.tree));
  const origin = originOf(read);
  let misnamed = 0;
  const photos = read.flatMap(({ path, content }): FoundPhoto[] => {
    const near = foldersNear(files.tree, path, null);
    const own = names.find(stemOf(path), near);
    const told = content.fileName === '' ? [] : names.find(content.fileName, near);
    const found = own.length === 1 ? own : told;
    if (own.length === 1 && told.length === 1 && own[0] !== told[0]) misnamed++;
    if (found.length !== 1) {
      leftOut.push([own.length + told.length === 0 ? NO_IMAGE : MANY_IMAGES, path]);
      return [];
    }
    return [
      photoOf(path, found[0]!, content, splits ? (splits.get(setKey(path)) ?? null) : splitOfFolders(path), origin),
    ];
  });
  const named = new Set(photos.map(({ path }) => path));
  for (const path of imagesOf(files.tree)) if (!named.has(path)) leftOut.push(['without a VOC file', path]);
  const listed = await readLabelMap(files);
  return {
    format: 'voc',
    photos,
    listed: listed ? [{ split: null, names: listed }] : [],
    leftOut: byReason(leftOut),
    faults: new BoxFaults(),
    notes: [
      ...(origin === 0
        ? ['Corners in these VOC files are counted from 0, as fractions or zeros among them tell.']
        : []),
      ...(misnamed > 0
        ? [
            `${count(misnamed, 'VOC file')} named as one image, with another in <filename>: the names of the files count.`,
          ]
        : []),
    ],
  };
}

function photoOf(file: string, path: string, content: VocFile, split: Split | null, origin: 0 | 1): FoundPhoto {
  const { width, height, objects } = content;
  const boxes = function* () {
    for (const [i, { name, xmin, ymin, xmax, ymax, difficult }] of objects.entries()) {
      const place = () => `${file}, object ${i + 1}`;
      const corners = { x1: xmin - origin, y1: ymin - origin, x2: xmax, y2: ymax };
      // Counted with both ends, they are a pixel wide; nobody means that.
      const flat = xmin === xmax || ymin === ymax;
      const fault = name === '' ? 'without a name' : flat ? 'of no width or height' : undefined;
      yield { place, fault, name, ...corners, difficult };
    }
  };
  return { path, split, width, height, shares: false, boxes };
}

/** The number of the first pixel: VOC counts from 1, both ends included. Zeros and fractions are of programs that count from 0. */
function originOf(read: readonly Annotation[]): 0 | 1 {
  const isOfZero = (value: number) => (value >= 0 && value < 1) || (Number.isFinite(value) && !Number.isInteger(value));
  const some = read.some(({ content }) =>
    content.objects.some(
      ({ xmin, ymin, xmax, ymax }) => [xmin, ymin].some(isOfZero) || [xmax, ymax].some((v) => v % 1 > 0),
    ),
  );
  return some ? 0 : 1;
}

/** CVAT's `labelmap.txt`, `name:r,g,b:parts:actions` a line; null where there is none. */
async function readLabelMap(files: DataFiles): Promise<string[] | null> {
  const path = othersOf(files.tree).find((other) => /(?:^|\/)labelmap\.txt$/i.test(other));
  if (path === undefined) return null;
  const lines = (await textOf(files, path, MAX_BYTES)).split('\n').map((line) => line.trim());
  const names = lines.flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(':')[0]!]));
  const classes = names.filter((name) => name !== 'background');
  if (classes.length === 0)
    throw new DataError(files.nameOf(path), 'names no class. Remove it, or name a class a line.');
  return classes;
}
