/** One argument, the photos' folder, to a training and a validation part. */
import { join } from 'node:path';
import { DataError } from '../core/errors.ts';
import type { TransformLike } from './compose.ts';
import type { ImageDataset } from './image-dataset.ts';
import { ImageFolder, subfolders } from './image-folder.ts';

/** Options of {@link openImageFolders}. */
export interface OpenImageFoldersOptions {
  /** The part held out where the folder has no validation folder of its own. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
  /** For training; default: ToTensor alone. */
  transform?: TransformLike;
  /** For validation; default: `transform`. */
  validationTransform?: TransformLike;
}

/** What {@link openImageFolders} opened. */
export interface ImageFolders {
  readonly train: ImageDataset;
  readonly validation: ImageDataset;
  /** One line that says where both came from. */
  readonly how: string;
}

const TRAIN_NAMES = ['train', 'training'];
/** In the order of preference: a test set serves for validation only where there is nothing else. */
const VALIDATION_NAMES = ['val', 'valid', 'validation', 'test'];

/**
 * Opens `root/train` and `root/val` (or valid, validation, test) where they exist, else splits the class folders of `root` (or of `root/train`).
 * @throws DataError as ImageFolder does; where the validation folder has a class that training lacks; and where it has a sibling but no training folder.
 */
export function openImageFolders(root: string, options: OpenImageFoldersOptions = {}): ImageFolders {
  const { validation: fraction = 0.2, seed = 0, transform, validationTransform = transform } = options;
  const names = subfolders(root);
  const find = (wanted: readonly string[]) =>
    wanted.map((w) => names.find((n) => n.toLowerCase() === w)).find((n) => n !== undefined);
  const trainName = find(TRAIN_NAMES);
  const validationName = find(VALIDATION_NAMES);
  const own = { ...(transform && { transform }) };
  const forValidation = { ...(validationTransform && { transform: validationTransform }) };
  if (trainName && validationName) {
    const train = new ImageFolder(join(root, trainName), own);
    const validation = new ImageFolder(join(root, validationName), { ...forValidation, classes: train.classes });
    const missing = validation.classCounts().flatMap((n, i) => (n === 0 ? [train.classes[i]!] : []));
    const note = missing.length > 0 ? `; none of ${missing.join(', ')} in validation` : '';
    return {
      train,
      validation,
      how: `${train.root} (${train.length} images) and ${validation.root} (${validation.length})${note}`,
    };
  }
  if (validationName && names.length <= 2 && subfolders(join(root, validationName)).length > 0)
    throw new DataError(
      root,
      `has a folder '${validationName}' but no 'train'. Rename the training folder, or name the folder of classes itself.`,
    );
  const folder = new ImageFolder(trainName && names.length === 1 ? join(root, trainName) : root, own);
  const [train, rest] = folder.split(fraction, { seed });
  const validation = validationTransform ? rest.withTransform(validationTransform) : rest;
  return {
    train,
    validation,
    how: `${folder.root}: ${train.length} images to train on, ${validation.length} held out (${Math.round(fraction * 100)} % of each class, seed ${seed})`,
  };
}
