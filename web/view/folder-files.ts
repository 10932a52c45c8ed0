/** A chosen or dropped folder as classes, by the rules that the command line reads folders by. */
import { findParts } from '../../src/data/folder-splits.ts';
import { layoutNotes } from '../../src/data/layout-notes.ts';
import { leftOutOf } from '../../src/data/left-out.ts';
import { imagesOf, nameOf, photoTree } from '../../src/data/photo-tree.ts';

/** What {@link folderFiles} found. */
export interface FolderFiles<F> {
  /** By class. */
  readonly classes: ReadonlyMap<string, readonly F[]>;
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
  const classes = new Map<string, F[]>();
  const used = new Set<string>();
  for (const [name, folder] of [...train.classes, ...(validation?.classes ?? [])])
    for (const path of imagesOf(folder)) {
      used.add(path);
      const members = classes.get(name);
      if (members) members.push(files.get(path)!);
      else classes.set(name, [files.get(path)!]);
    }
  const leftOut = leftOutOf(tree, used, []).map(({ reason, paths }) => `${paths.length} ${reason}`);
  return {
    classes,
    notes: [
      ...(validation && validation.folder !== train.folder
        ? [
            `The photos of ${nameOf(train.folder)} and ${nameOf(validation.folder)} are put together; some are held out again.`,
          ]
        : []),
      ...layoutNotes(train),
      ...(leftOut.length > 0 ? [`Left out: ${leftOut.join('; ')}.`] : []),
    ],
  };
}
