/** What is odd about a layout of photos and yet may be meant. */

import { someOf } from '../some-of.ts';
import type { Part } from './folder-splits.ts';
import { nameOf, type PhotoTree, withImages } from './photo-tree.ts';

/** What a person should know about the classes of a part, a sentence each. */
export function layoutNotes({ classes }: Part): string[] {
  const filled = classes.filter(([, folder]) => folder.count > 0);
  const shared = sharedFolders(filled.map(([, folder]) => folder));
  if (shared.length < 2) return [];
  const [names, [first, second]] = [someOf(shared), filled.map(([name]) => name)];
  return [
    `The same folders (${names}) are in every class, so '${first}' is told from '${second}', whichever of them a photo is in. If they are the classes, put all photos of each into one folder.`,
  ];
}

/**
 * Names of folders that are in two or more of `folders`, where each of these holds such, and no image beside them: folds of a
 * cross-validation, years, participants, each with the classes inside.
 */
function sharedFolders(folders: readonly PhotoTree[]): string[] {
  if (folders.length < 2 || folders.some(({ images }) => images.length > 0)) return [];
  const inside = folders.map((folder) => withImages(folder).map((f) => nameOf(f).normalize('NFC')));
  const counts = new Map<string, number>();
  for (const name of inside.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const isShared = (name: string) => counts.get(name)! > 1;
  return inside.every((names) => names.some(isShared)) ? [...counts.keys()].filter(isShared) : [];
}
