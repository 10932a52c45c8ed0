/** A folder of photos, one sub-folder a class, as torchvision's ImageFolder reads it. */
import { join } from 'node:path';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import { ImageDataset, type ImageFile } from '../images/image-dataset.ts';
import { IMAGE_EXTENSIONS } from '../images/image-format.ts';
import type { TransformLike } from '../transforms/compose.ts';
import { type LaidOutPart, layOutClasses } from './folder-layout.ts';
import type { LeftOut } from './left-out.ts';
import { listFiles } from './list-files.ts';
import { type PhotoTree, photoTree } from './photo-tree.ts';

/** Options of {@link ImageFolder}. */
export interface ImageFolderOptions {
  /** What makes an image a network's input. Default: ToTensor alone. */
  transform?: TransformLike;
  /** The class list to use, in this order (a trained model's); a sub-folder that is not in it is an error, a missing one is not. Default: the sub-folders, sorted. */
  classes?: readonly string[];
  /** Endings of image files, with the dot; case does not matter. Default {@link IMAGE_EXTENSIONS}. */
  extensions?: readonly string[];
}

const OPTIONS: OptionNames<ImageFolderOptions> = { transform: true, classes: true, extensions: true };

/**
 * Images in class folders: `photos/ants/1.jpg`, `photos/bees/2.jpg`. Listing is synchronous and opens no image. Names of classes are
 * in Unicode's composed form (NFC). A folder that is named as a split (`train`, `test`) is a class only if `classes` has it.
 * @throws DataError where there is no class folder, one only, or a class without images.
 * @example const train = new ImageFolder('photos/train', { transform: trainingTransforms() });
 */
export class ImageFolder extends ImageDataset {
  /** Files that are not used, by reason. Paths are relative to the folder. */
  readonly leftOut: readonly LeftOut[];

  constructor(root: string, options: ImageFolderOptions = {}) {
    checkOptions('ImageFolder', options, OPTIONS);
    const { transform, classes, extensions = IMAGE_EXTENSIONS } = options;
    const { tree, unusable } = openTree(root, extensions);
    const found = layOutClasses(tree, root, classes);
    super(root, found.classes, filesOf(root, found.part), transform);
    this.leftOut = [...found.leftOut, ...unusable];
  }
}

/** Everything below a folder. @throws DataError where it cannot be listed. */
export function openTree(
  root: string,
  extensions?: readonly string[],
): { readonly tree: PhotoTree; readonly unusable: readonly LeftOut[] } {
  const { paths, unusable } = listFiles(root);
  return { tree: photoTree(paths, extensions), unusable };
}

/** The images of a part with their whole paths. */
export function filesOf(root: string, { images }: LaidOutPart): ImageFile[] {
  return images.map(({ path, label }) => ({ path: join(root, path), label }));
}
