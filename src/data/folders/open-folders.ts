/** One argument, the photos' folder, to a training and a validation part. */
import { join } from 'node:path';
import { checkList, checkOptions, type OptionNames } from '../../core/options.ts';
import { ImageDataset } from '../images/image-dataset.ts';
import type { TransformLike } from '../transforms/compose.ts';
import { type LaidOutPart, layOut, layOutLabelled } from './folder-layout.ts';
import { filesOf, openTree } from './image-folder.ts';
import type { LeftOut } from './left-out.ts';

/** Options of {@link openImageFolders}. */
export interface OpenImageFoldersOptions {
  /** The part held out where the folder has no validation folder of its own; 0: none. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
  /** For training; default: ToTensor alone. */
  transform?: TransformLike;
  /** For validation; default: `transform`. */
  validationTransform?: TransformLike;
}

const OPTIONS: OptionNames<OpenImageFoldersOptions> = {
  validation: true,
  seed: true,
  transform: true,
  validationTransform: true,
};

/** Where a validation part came from. */
export type ValidationSource =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'held out'; readonly seed: number }
  | { readonly kind: 'none' };

/** What {@link openImageFolders} opened. */
export interface ImageFolders {
  readonly train: ImageDataset;
  /** Empty where `validation` is 0 and there is no folder for it. */
  readonly validation: ImageDataset;
  readonly validationFrom: ValidationSource;
  /** Files that are not used, by reason. Paths are relative to the folder that was opened. */
  readonly leftOut: readonly LeftOut[];
  /** What is odd about the layout and yet may be meant, a sentence each. */
  readonly notes: readonly string[];
  /** One line that says where both came from. */
  readonly how: string;
}

/**
 * Opens `root/train` and `root/val` (also valid, validation, test, training_set …) where they exist, else splits the class folders of
 * `root` (or of `root/train`). Folders that are named as splits never are classes; a flat one, unlabelled, is left out.
 * @param root The folder of photos.
 * @param options What is held out where there is no validation folder, and what makes an image the model’s input.
 * @throws DataError as ImageFolder does; where the validation folder has a class that training lacks; and where it has a sibling but no training folder.
 * @example
 * const { train, validation, how } = openImageFolders('photos', { validation: 0.25, seed: 1 });
 * console.log(how);
 */
export function openImageFolders(root: string, options: OpenImageFoldersOptions = {}): ImageFolders {
  checkOptions('openImageFolders', options, OPTIONS);
  return foldersOf(root, openTree(root), options);
}

/** As {@link openImageFolders}, of a folder that is listed already. */
export function foldersOf(
  root: string,
  { tree, unusable }: ReturnType<typeof openTree>,
  options: OpenImageFoldersOptions,
): ImageFolders {
  const { validation: share = 0.2, seed = 0, transform, validationTransform = transform } = options;
  const { classes, leftOut: unused, notes, ...parts } = layOut(tree, root);
  const open = (part: LaidOutPart, like?: TransformLike) =>
    new ImageDataset(join(root, part.folder), classes, filesOf(root, part), like);
  const all = open(parts.train, transform);
  const leftOut = [...unused, ...unusable];
  if (parts.validation) {
    const validation = open(parts.validation, validationTransform);
    const missing = validation.classCounts().flatMap((n, i) => (n === 0 ? [classes[i]!] : []));
    const note = missing.length > 0 ? `; none of ${missing.join(', ')} in validation` : '';
    const how = `${all.root} (${all.length} images) and ${validation.root} (${validation.length})${note}`;
    return { train: all, validation, validationFrom: { kind: 'folder', folder: validation.root }, leftOut, notes, how };
  }
  const [train, rest] = share === 0 ? [all, all.subset([])] : all.split(share, { seed });
  const validation = validationTransform ? rest.withTransform(validationTransform) : rest;
  const held = `${validation.length} held out, class by class (seed ${seed})`;
  return {
    train,
    validation,
    validationFrom: share === 0 ? { kind: 'none' } : { kind: 'held out', seed },
    leftOut,
    notes,
    how: `${all.root}: ${train.length} images to train on, ${share === 0 ? 'none held out' : held}`,
  };
}

/** The images to score a model on. */
export interface LabelledFolder {
  /** Named after the folder of the class folders. */
  readonly images: ImageDataset;
  readonly leftOut: readonly LeftOut[];
}

/** Options of {@link openLabelledFolder}. */
export interface OpenLabelledFolderOptions {
  /** Those of the model, in its order. */
  readonly classes: readonly string[];
  /** What makes an image the model's input. Default: ToTensor alone. */
  readonly transform?: TransformLike;
}

/**
 * Opens the images that a model with these classes can be scored on: the validation part of `root` where it has one, else its class folders.
 * @throws DataError for a class folder that is not in `classes`, and where there are no images.
 */
export function openLabelledFolder(root: string, options: OpenLabelledFolderOptions): LabelledFolder {
  checkOptions('openLabelledFolder', options, { classes: true, transform: true });
  const { classes, transform } = options;
  checkList('openLabelledFolder', 'classes', classes);
  const { tree, unusable } = openTree(root);
  const { part, leftOut } = layOutLabelled(tree, root, classes);
  const images = new ImageDataset(join(root, part.folder), classes, filesOf(root, part), transform);
  return { images, leftOut: [...leftOut, ...unusable] };
}
