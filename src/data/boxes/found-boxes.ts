/** What a format's finder gives: photos with their boxes, by names of classes. */
import type { LeftOut } from '../folders/left-out.ts';
import { nameOf, type PhotoTree } from '../folders/photo-tree.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import type { BoxFaults } from './box-sample.ts';

/** The formats of boxes that are read. */
export type BoxFormat = 'coco' | 'voc' | 'yolo';

/** A box, or a fault, as a file has it. */
export interface FoundBox {
  /** Where it stands: 'a.xml, object 3'. */
  place(): string;
  /** Why it cannot be used, where that is known already. */
  readonly fault?: string | undefined;
  readonly name: string;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly area?: number;
  readonly crowd?: boolean;
  readonly difficult?: boolean;
  readonly segmentation?: unknown;
}

/** A photo that is there, and what is said of it. */
export interface FoundPhoto {
  /** In the tree. */
  readonly path: string;
  /** null where nothing tells its split. */
  readonly split: Split | null;
  /** In pixels; 0: not said. */
  readonly width: number;
  readonly height: number;
  /** Whether corners are shares of the sides, not pixels. */
  readonly shares: boolean;
  boxes(): Iterable<FoundBox>;
}

/** All that a format's files say. */
export interface FoundBoxes {
  readonly format: BoxFormat;
  readonly photos: readonly FoundPhoto[];
  /** Classes that files list, with the split that each file is of. Without any, the classes are the names of the boxes, sorted. */
  readonly listed: readonly { readonly split: Split | null; readonly names: readonly string[] }[];
  /** Files that are not used, by reason. */
  readonly leftOut: readonly LeftOut[];
  /** Boxes that are of no photo. */
  readonly faults: BoxFaults;
  readonly notes: readonly string[];
}

/** The split that a path's folders tell: the outermost that is named so. */
export function splitOfFolders(path: string): Split | null {
  for (const folder of path.split('/').slice(0, -1)) {
    const split = splitOf(folder);
    if (split !== null) return split;
  }
  return null;
}

/** Folders that are named as a split, and those of the file and above it: where to look for a photo that a file names. */
export function foldersNear(tree: PhotoTree, path: string, split: Split | null): string[] {
  const parts = path.split('/').slice(0, -1);
  const above = parts.map((_, i) => parts.slice(0, parts.length - i).join('/'));
  return [...(split === null ? [] : foldersOfSplit(tree, split)), ...above];
}

function foldersOfSplit(tree: PhotoTree, split: Split): string[] {
  return [...tree.folders.values()].flatMap((folder) => [
    ...(splitOf(nameOf(folder)) === split ? [folder.path] : []),
    ...foldersOfSplit(folder, split),
  ]);
}

/** A path's last part, without its ending. */
export const stemOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1).replace(/(?<=.)\.[^.]*$/, '');

/** A path's folder; '' for the root. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

export const NO_IMAGE = 'whose image is not there';
export const MANY_IMAGES = 'whose image may be one of two or more';
