/** Photos with masks in a folder on a disk, or in a zip archive of one. */
import { filesInFolder } from '../folders/folder-files.ts';
import { type MaskFolders, type OpenMasksOptions, openMaskFiles } from './open-masks.ts';

/**
 * Opens photos with masks of classes: images and masks in two folders, or masks beside images as `cat_mask.png`; or a COCO file with outlines.
 * Masks are indices (palette PNGs are read by index), 0 and 255, levels of grey, or colours that a class file names. Every mask is looked at:
 * one of another size than its image, or with a colour that no class has, is left out and told. `loadMask` gives a sample's labels.
 * @param root The folder, or a .zip of it.
 * @param options What is meant, where it cannot be told.
 * @throws DataError where there are no masks, what they mean cannot be told, or more of them are unusable than `maxLeftOut`.
 * @example
 * const { classes, train, coding, how } = await openMasks('roads', { validation: 0.25 });
 * const { data, width, height } = await loadMask(train[0], coding);
 * console.log(how, classes, data.length === width * height);
 */
export async function openMasks(root: string, options: OpenMasksOptions = {}): Promise<MaskFolders> {
  return openMaskFiles(await filesInFolder(root), options);
}
