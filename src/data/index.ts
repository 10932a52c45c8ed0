/**
 * Image folders, decoding, transforms and the loader. Browsers have all but what needs folders or writes files.
 * @module regraft/data
 */
export * from './browser.ts';
export { describePhotos } from './describe-photos.ts';
export { thumbnail, writeImage } from './encode.ts';
export { ImageFolder, type ImageFolderOptions } from './image-folder.ts';
export type { LeftOut } from './left-out.ts';
export {
  type ImageFolders,
  type LabelledFolder,
  type OpenImageFoldersOptions,
  type OpenLabelledFolderOptions,
  openImageFolders,
  openLabelledFolder,
  type ValidationSource,
} from './open-folders.ts';
export { openPhotos } from './open-photos.ts';
export { accountFor, type EqualPhotos, type PhotoAccount } from './photo-account.ts';
export type { TableKind } from './tables/labelling.ts';
export {
  type ImageTable,
  type ImageTableOf,
  type OpenImageTableOptions,
  openImageTable,
} from './tables/open-image-table.ts';
