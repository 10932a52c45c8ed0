/** `regraft/data` in browsers: the same without folders and files to write. */

export { decodeImage } from '#image';
export { ArrayDataset, type ArrayDatasetOptions } from './array-dataset.ts';
export type { BoxSample, LeftOutBoxes } from './boxes/box-sample.ts';
export type { BoxFormat } from './boxes/found-boxes.ts';
export {
  type Boxes,
  type BoxForm,
  boxOverlaps,
  classwiseNms,
  clipBoxes,
  convertBoxes,
  largeBoxes,
  nms,
  type Overlap,
} from './boxes/geometry.ts';
export { type BoxFolders, type OpenBoxesOptions, openBoxFiles } from './boxes/open-boxes.ts';
export { type BoxParts, type ReadBoxesOptions, readBoxes } from './boxes/read-boxes.ts';
export { type Batch, type HostBatch, stack } from './collate.ts';
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
export { type DataFiles, filesOfBlobs } from './folders/data-files.ts';
export type { Split } from './folders/split-names.ts';
export { BlobDataset, type LabelledBlob } from './images/blob-dataset.ts';
export type { FloatImage, Rectangle, RgbImage } from './images/image.ts';
export { type BadImage, ImageDataset, type ImageFile, type Verification } from './images/image-dataset.ts';
export { IMAGE_EXTENSIONS } from './images/image-format.ts';
export type { DecodeOptions, Orientation } from './images/orientation.ts';
export type { Label, Labels } from './labels.ts';
export { type ClassMask, IGNORED, type MaskCoding } from './masks/coding.ts';
export { loadMask } from './masks/load-mask.ts';
export { MaskDataset, type MaskDatasetOptions, type MaskedImage } from './masks/mask-dataset.ts';
export type { MaskOutline, MaskSample } from './masks/mask-sample.ts';
export { type MaskFolders, type OpenMasksOptions, openMaskFiles } from './masks/open-masks.ts';
export { type PairedImage, type PairedOptions, PairedTransform } from './masks/paired.ts';
export { runsOfPolygon } from './masks/polygon.ts';
export {
  areaOfRuns,
  boxOfRuns,
  decodeRuns,
  encodeMask,
  type RunLengths,
  runsOf,
  runsOfText,
  textOfRuns,
} from './masks/rle.ts';
export { openTextFiles, type Texts, type TextsOf } from './texts/open-texts.ts';
export { type LabelledText, TextDataset, type TextSample } from './texts/text-dataset.ts';
export type { OpenTextsOptions } from './texts/text-options.ts';
export {
  type AutoAugmentOptions,
  RandAugment,
  type RandAugmentOptions,
  TrivialAugmentWide,
} from './transforms/auto-augment.ts';
export {
  type Amount,
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  ColorJitter,
  type ColorJitterOptions,
} from './transforms/color.ts';
export {
  type AutoAugmentName,
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
} from './transforms/compose.ts';
export {
  CenterCrop,
  RandomCrop,
  type RandomCropOptions,
  RandomHorizontalFlip,
  RandomResizedCrop,
  type RandomResizedCropOptions,
  Resize,
  type ResizeOptions,
} from './transforms/geometry.ts';
export { type BatchTransform, CutMix, type MixOptions, MixUp, RandomChoice } from './transforms/mix.ts';
export {
  type ChannelOrder,
  IMAGENET_MEAN,
  IMAGENET_STD,
  Normalize,
  ToTensor,
  type ToTensorOptions,
} from './transforms/normalize.ts';
export { type Interpolation, type ResampleOptions, resample } from './transforms/resample.ts';
export { type Size, Transform, type TransformJSON } from './transforms/transform.ts';
