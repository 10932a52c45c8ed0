/** A chosen or dropped folder as classes, by the rules that the command line reads folders by. */
import { findParts } from '../../src/data/folders/folder-splits.ts';
import { layoutNotes } from '../../src/data/folders/layout-notes.ts';
import { leftOutOf } from '../../src/data/folders/left-out.ts';
import { imagesOf, nameOf, photoTree } from '../../src/data/folders/photo-tree.ts';
import { count } from '../../src/data/some-of.ts';

/** The files of a class. */
export interface ClassFiles<F> {
  readonly train: readonly F[];
  /** Those of the folder's validation part: they are held out. */
  readonly validation: readonly F[];
}

/** What {@link folderFiles} found. */
export interface FolderFiles<F> {
  /** By class. */
  readonly classes: ReadonlyMap<string, ClassFiles<F>>;
  /** What a person should know about it, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * The classes among files by their paths, `photos/ants/1.jpg`.
 * @throws DataError where it cannot be told which folders are classes.
 */
export function folderFiles<F>(files: ReadonlyMap<string, F>): FolderFiles<F> {
  const tree = photoTree(files.keys());
  const { train, validation } = findParts(tree, 'The folder');
  const classes = new Map<string, { train: F[]; validation: F[] }>();
  const used = new Set<string>();
  for (const part of ['train', 'validation'] as const)
    for (const [name, folder] of (part === 'train' ? train : validation)?.classes ?? []) {
      if (!classes.has(name)) classes.set(name, { train: [], validation: [] });
      for (const path of imagesOf(folder)) {
        used.add(path);
        classes.get(name)![part].push(files.get(path)!);
      }
    }
  const held = [...classes.values()].reduce((n, { validation: of }) => n + of.length, 0);
  const from = validation && validation.folder !== train.folder ? ` of ${nameOf(validation.folder)}` : '';
  const leftOut = leftOutOf(tree, used, []).map(({ reason, paths }) => `${paths.length} ${reason}`);
  return {
    classes,
    notes: [
      ...(held > 0 ? [`Held out to test with: ${count(held, 'photo')}${from}.`] : []),
      ...layoutNotes(train),
      ...(leftOut.length > 0 ? [`Left out: ${leftOut.join('; ')}.`] : []),
    ],
  };
}
