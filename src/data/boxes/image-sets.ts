/** Lists of a VOC data set that tell which image is of which split. */

import { type DataFiles, textOf } from '../folders/data-files.ts';
import { othersOf } from '../folders/photo-tree.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import { folderOf, stemOf } from './found-boxes.ts';

const MAX_BYTES = 1 << 24;

/** A file of a VOC data set as the lists name it: the folder that holds `JPEGImages` and `ImageSets`, and its stem. */
export const setKey = (path: string) => `${folderOf(folderOf(path))}\n${stemOf(path)}`;

/**
 * What `ImageSets/Main/train.txt` and the like tell, by {@link setKey}; null where there are none that tell splits.
 * @param folder of the lists: `Main` for boxes, `Segmentation` for masks
 */
export async function readImageSets(
  files: DataFiles,
  folder: 'Main' | 'Segmentation',
): Promise<Map<string, Split> | null> {
  const lists = othersOf(files.tree).flatMap((path) => {
    const [, base, inside] = /^(.*?)\/?ImageSets\/(\w+)\/[^/]+\.txt$/i.exec(path) ?? [];
    // Those of one class, as cat_train.txt, are none.
    const split =
      inside?.toLowerCase() !== folder.toLowerCase() || stemOf(path).includes('_') ? null : splitOf(stemOf(path));
    return split === null ? [] : [{ path, base: base!, split, whole: /^trainval$/i.test(stemOf(path)) }];
  });
  if (lists.length === 0) return null;
  const splits = new Map<string, Split>();
  for (const { path, base, split, whole } of lists) {
    // Where the two halves are there too, the whole tells nothing.
    if (whole && lists.some((other) => other.base === base && other.split === 'validation')) continue;
    for (const line of (await textOf(files, path, MAX_BYTES)).split('\n')) {
      const [stem] = line.trim().split(/\s+/);
      if (stem) splits.set(`${base}\n${stemOf(stem)}`, split);
    }
  }
  return splits;
}
