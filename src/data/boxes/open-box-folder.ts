/** Photos with boxes in a folder on a disk, or in a zip archive of one. */

import { filesInFolder } from '../folders/folder-files.ts';
import type { BoxSample } from './box-sample.ts';
import { type BoxFolders, labelledBoxFiles, type OpenBoxesOptions, openBoxFiles } from './open-boxes.ts';
import type { BoxParts, ReadBoxesOptions } from './read-boxes.ts';

/**
 * Opens photos with boxes: COCO's JSON, Pascal VOC's XML or YOLO's text, as their own data sets and the exports of CVAT, Roboflow, Label
 * Studio, labelImg and FiftyOne have them. Parts are told by folders, lists or files named as splits, else a share is held out. An image without
 * boxes is a sample without boxes; boxes that cannot be learned are left out, counted and told.
 * @param root The folder, or a .zip of it.
 * @param options What is meant, where it cannot be told.
 * @throws DataError where there are no boxes, a file of them is damaged, a class is unknown, or there is nothing to train on.
 * @example
 * const { classes, train, validation, leftOutBoxes, how } = await openBoxes('cells', { validation: 0.25 });
 * console.log(how, classes, train[0].boxes, validation.length, leftOutBoxes);
 */
export async function openBoxes(root: string, options: OpenBoxesOptions = {}): Promise<BoxFolders> {
  return openBoxFiles(await filesInFolder(root), options);
}

/**
 * Opens the photos with boxes that a model with these classes can be scored on: the validation part of `root` where it has one, else the
 * test part, else all.
 * @throws DataError as {@link openBoxes}, and for a class that is not in `classes`.
 */
export async function openLabelledBoxes(
  root: string,
  options: ReadBoxesOptions & { classes: readonly string[] },
): Promise<Omit<BoxParts, 'parts'> & { readonly samples: readonly BoxSample[] }> {
  return labelledBoxFiles(await filesInFolder(root), options);
}
