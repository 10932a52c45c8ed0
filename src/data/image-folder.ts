/** A folder of photos, one sub-folder a class, as torchvision's ImageFolder reads it. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf } from '../core/cause.ts';
import { DataError } from '../core/errors.ts';
import type { TransformLike } from './compose.ts';
import { ImageDataset, type ImageFile } from './image-dataset.ts';
import { IMAGE_EXTENSIONS } from './image-format.ts';

/** Options of {@link ImageFolder}. */
export interface ImageFolderOptions {
  /** What makes an image a network's input. Default: ToTensor alone. */
  transform?: TransformLike;
  /** The class list to use, in this order (a trained model's); a sub-folder that is not in it is an error, a missing one is not. Default: the sub-folders, sorted. */
  classes?: readonly string[];
  /** Endings of image files, with the dot; case does not matter. Default {@link IMAGE_EXTENSIONS}. */
  extensions?: readonly string[];
}

/** By code point, as Python sorts, so that labels are torchvision's. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function list(folder: string): Dirent[] {
  try {
    // Hidden entries (.DS_Store, .ipynb_checkpoints, ._photo.jpg) and unpacked archives' __MACOSX are never photos.
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries
      .filter((e) => !e.name.startsWith('.') && e.name !== '__MACOSX')
      .sort((a, b) => byCodePoint(a.name, b.name));
  } catch (error) {
    const code = codeOf(error);
    const reason =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'ENOTDIR'
          ? 'is not a folder'
          : `cannot be read: ${causeOf(error)}`;
    throw new DataError(folder, `${reason}. Expected a folder with one sub-folder of images for each class.`);
  }
}

/** Follows symbolic links, as torchvision does; a broken one is neither folder nor file. */
function kindOf(folder: string, entry: Dirent): 'folder' | 'file' | 'other' {
  const stat = entry.isSymbolicLink() ? statSync(join(folder, entry.name), { throwIfNoEntry: false }) : entry;
  return stat?.isDirectory() ? 'folder' : stat?.isFile() ? 'file' : 'other';
}

/** Names of the sub-folders, sorted. @throws DataError where the folder cannot be listed. */
export function subfolders(folder: string): string[] {
  return list(folder)
    .filter((e) => kindOf(folder, e) === 'folder')
    .map((e) => e.name);
}

function isImage(name: string, extensions: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return extensions.some((e) => lower.endsWith(e.toLowerCase()));
}

/** Images under `folder`, its own before those of its sub-folders, each sorted: `os.walk`'s order. */
function imagesUnder(folder: string, extensions: readonly string[], above: readonly string[] = []): string[] {
  const real = realpathSync(folder);
  if (above.includes(real))
    throw new DataError(folder, 'is a link that leads back to a folder above it. Remove the link.');
  const entries = list(folder);
  const files = entries
    .filter((e) => isImage(e.name, extensions) && kindOf(folder, e) === 'file')
    .map((e) => join(folder, e.name));
  const below = entries
    .filter((e) => kindOf(folder, e) === 'folder')
    .map((e) => imagesUnder(join(folder, e.name), extensions, [...above, real]));
  return files.concat(...below);
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;

/**
 * Images in class folders: `photos/ants/1.jpg`, `photos/bees/2.jpg`. Listing is synchronous and opens no image.
 * @throws DataError where there is no class folder, one only, or a class without images.
 * @example const train = new ImageFolder('photos/train', { transform: trainingTransforms() });
 */
export class ImageFolder extends ImageDataset {
  constructor(root: string, { transform, classes, extensions = IMAGE_EXTENSIONS }: ImageFolderOptions = {}) {
    const folders = subfolders(root);
    if (folders.length === 0) {
      const loose = imagesUnder(root, extensions).length;
      const found = loose > 0 ? `has ${count(loose, 'image')} but no class folders` : 'is empty';
      throw new DataError(root, `${found}. Put the images of each class into a sub-folder of its own.`);
    }
    if (!classes && folders.length === 1)
      throw new DataError(root, `has one class only ('${folders[0]}'); a classifier needs two or more class folders.`);
    const foreign = folders.filter((f) => classes && !classes.includes(f));
    if (classes && foreign.length > 0)
      throw new DataError(
        root,
        `has ${foreign.length === 1 ? 'a class folder' : 'class folders'} '${foreign.join("', '")}' not among the known classes (${classes.join(', ')}). Rename or remove it.`,
      );
    const names = classes ?? folders;
    const samples: ImageFile[] = [];
    const empty: string[] = [];
    names.forEach((name, label) => {
      if (!folders.includes(name)) return;
      const paths = imagesUnder(join(root, name), extensions);
      if (paths.length === 0) empty.push(name);
      for (const path of paths) samples.push({ path, label });
    });
    if (samples.length === 0)
      throw new DataError(
        root,
        `has no images in its ${count(folders.length, 'folder')}. Read are ${extensions.join(' ')}.`,
      );
    if (empty.length > 0)
      throw new DataError(
        root,
        `no images in class ${empty.length === 1 ? 'folder' : 'folders'} '${empty.join("', '")}'. Add some or remove it. Read are ${extensions.join(' ')}.`,
      );
    super(root, names, samples, transform);
  }
}
