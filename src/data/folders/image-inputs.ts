/** What a user names to have it classified: files, folders, patterns, URLs, standard input. */
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { BadImage } from '../images/image-dataset.ts';
import { IMAGE_EXTENSIONS } from '../images/image-format.ts';
import { openTree } from './image-folder.ts';
import { byReason, type LeftOut, reasonByEnding } from './left-out.ts';
import { isUnexpandedHome, QUOTED_HOME } from './list-files.ts';
import { byCodePoint, imagesOf, othersOf } from './photo-tree.ts';

/** An image that was named, or found in a folder. */
export interface ImageInput {
  /** A path or a URL. */
  readonly path: string;
  /** The path without the folders that all the images have in common. */
  readonly name: string;
}

/** What {@link findImages} found. */
export interface FoundImages {
  readonly images: readonly ImageInput[];
  /** What was named and is not there, and folders that cannot be read or hold no photo. */
  readonly bad: readonly BadImage[];
  /** Files in the folders that are no images by the end of their names, and broken links, by reason. */
  readonly leftOut: readonly LeftOut[];
}

/** Collects images in the order in which they were named; the files of a folder are sorted, its own before those below. */
class Collector implements FoundImages {
  readonly paths: string[] = [];
  readonly bad: BadImage[] = [];
  readonly leftOut: LeftOut[] = [];
  /** Folders that the names are relative to. */
  readonly #bases = new Set<string>();

  get images(): ImageInput[] {
    const base = commonFolder([...this.#bases]);
    return this.paths.map((path) => ({
      path,
      name: isAddress(path) ? path : relative(base, resolve(path)),
    }));
  }

  async add(input: string): Promise<void> {
    if (isAddress(input)) this.paths.push(input);
    else if (!(await this.#addPath(input)) && !(await this.#addMatches(input)))
      this.bad.push({
        path: input,
        reason: isPattern(input)
          ? 'matches no file.'
          : `there is no such file. ${isUnexpandedHome(input) ? QUOTED_HOME : 'Check the path.'}`,
      });
  }

  /** @returns false where nothing is there. */
  async #addPath(path: string): Promise<boolean> {
    const there = await stat(path).catch(() => null);
    if (!there) return false;
    if (there.isDirectory()) {
      this.#addFolder(path);
      this.#bases.add(resolve(path));
    } else {
      this.paths.push(path);
      this.#bases.add(dirname(resolve(path)));
    }
    return true;
  }

  #addFolder(folder: string): void {
    const { tree, unusable } = openTree(folder);
    const images = imagesOf(tree);
    for (const path of images) this.paths.push(join(folder, path));
    for (const group of byReason(othersOf(tree).map((path) => [reasonByEnding(path), path]))) this.leftOut.push(group);
    for (const group of unusable) this.leftOut.push(group);
    if (images.length === 0)
      this.bad.push({ path: folder, reason: `holds no photos. Read are ${IMAGE_EXTENSIONS.join(' ')}.` });
  }

  /** Shells expand patterns; those that were quoted, and those of Windows, come as they are. */
  async #addMatches(pattern: string): Promise<boolean> {
    if (!isPattern(pattern)) return false;
    const { glob } = await import('tinyglobby');
    const slashed = sep === '/' ? pattern : pattern.replaceAll(sep, '/');
    const found = await glob(slashed, { onlyFiles: false, expandDirectories: false, absolute: isAbsolute(pattern) });
    for (const path of found.sort(byCodePoint)) await this.#addPath(path.replace(/\/$/, ''));
    return found.length > 0;
  }
}

/**
 * The images that `inputs` mean: files, folders (with those below), patterns as `photos/*.jpg`, URLs. What is not there is no
 * error, so that one wrong name loses nothing: it is in `bad`.
 */
export async function findImages(inputs: readonly string[]): Promise<FoundImages> {
  const found = new Collector();
  for (const input of inputs) await found.add(input);
  return found;
}

/** Whether an input is fetched rather than opened. */
export function isAddress(input: string): boolean {
  return /^https?:\/\//i.test(input);
}

const isPattern = (text: string): boolean => /[*?[{]/.test(text);

/** The deepest folder that holds all of `folders`. */
function commonFolder(folders: readonly string[]): string {
  let common = folders[0] ?? '.';
  for (const folder of folders)
    while (folder !== common && relative(common, folder).startsWith('..')) common = dirname(common);
  return common;
}
