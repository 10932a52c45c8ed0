/** `regraft/data` in browsers: the same without folders and files to write. */

export { decodeImage } from '#image';
export { ArrayDataset, type ArrayDatasetOptions } from './array-dataset.ts';
export { BlobDataset, type LabelledBlob } from './blob-dataset.ts';
export { type Batch, type HostBatch, stack } from './collate.ts';
export {
  type Amount,
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  ColorJitter,
  type ColorJitterOptions,
} from './color.ts';
export {
  type ClassificationPreset,
  Compose,
  type ComposeOptions,
  classificationTransforms,
  isSaveable,
  type TrainingPreset,
  type TransformLike,
  toTransform,
  trainingTransforms,
  transformFromJSON,
} from './compose.ts';
export {
  closeLoaders,
  DataLoader,
  type DataLoaderOptions,
  type LoaderState,
  type SkippedSample,
} from './data-loader.ts';
export {
  type Dataset,
  type LabelledImage,
  type Sample,
  type SplitOptions,
  splitIndices,
  type View,
} from './dataset.ts';
export {
  CenterCrop,
  RandomCrop,
  type RandomCropOptions,
  RandomHorizontalFlip,
  RandomResizedCrop,
  type RandomResizedCropOptions,
  Resize,
  type ResizeOptions,
} from './geometry.ts';
export type { FloatImage, Rectangle, RgbImage } from './image.ts';
export { type BadImage, ImageDataset, type ImageFile, type Verification } from './image-dataset.ts';
export { IMAGE_EXTENSIONS } from './image-format.ts';
export type { Label, Labels } from './labels.ts';
export { IMAGENET_MEAN, IMAGENET_STD, Normalize, ToTensor } from './normalize.ts';
export type { DecodeOptions, Orientation } from './orientation.ts';
export { type Interpolation, type ResampleOptions, resample } from './resample.ts';
export { type Size, Transform, type TransformJSON } from './transform.ts';
