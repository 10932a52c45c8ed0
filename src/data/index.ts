/**
 * Image folders, decoding, transforms and the loader. Browsers have all but what needs folders or writes files.
 * @module regraft/data
 */

export { openBoxes, openLabelledBoxes } from './boxes/open-box-folder.ts';
export * from './browser.ts';
export { describePhotos } from './folders/describe-photos.ts';
export { ImageFolder, type ImageFolderOptions } from './folders/image-folder.ts';
export type { LeftOut } from './folders/left-out.ts';
export {
  type ImageFolders,
  type LabelledFolder,
  type OpenImageFoldersOptions,
  type OpenLabelledFolderOptions,
  openImageFolders,
  openLabelledFolder,
  type ValidationSource,
} from './folders/open-folders.ts';
export { type LabelledPhotos, type OpenLabelledPhotosOptions, openLabelledPhotos } from './folders/open-labelled.ts';
export { openPhotos } from './folders/open-photos.ts';
export { accountFor, type EqualPhotos, type OpenedPhotos, type PhotoAccount } from './folders/photo-account.ts';
export { thumbnail, writeImage } from './images/encode.ts';
export { openMasks } from './masks/open-mask-folder.ts';
export type { TableKind } from './tables/labelling.ts';
export {
  type ImageTable,
  type ImageTableOf,
  type OpenImageTableOptions,
  openImageTable,
} from './tables/open-image-table.ts';
export { openTexts } from './texts/open-text-folder.ts';
