/**
 * Fine-tuning from end to end, the loop, evaluation, metrics, the proof of freezing, the report. Browsers have all but what reads
 * and writes folders.
 * @module regraft/train
 */

export { formatBytes, formatCount, formatDuration, formatPercent, formatValue } from '../core/format.ts';
export type { GradCamOptions } from '../train/grad-cam.ts';
export type { ShownScore } from '../train/progress.ts';
export * from './browser.ts';
export { type AdapterCheck, checkAdapter } from './check-adapter.ts';
export { CHECKPOINT_FILE, hasCheckpoint } from './checkpoint-folder.ts';
export { chooseModel } from './choose-model.ts';
export {
  type ClassifyOptions,
  type EvaluateFolderOptions,
  evaluateFolder,
  type FolderEvaluation,
  openClassifier,
  type PretrainedOptions,
  pretrainedClassifier,
  type ScoredFolder,
} from './classify.ts';
export { type FinetuneOptions, finetune } from './finetune.ts';
export type { InputRange } from './input-range.ts';
export { metricsJSON, storedMetrics } from './metrics-json.ts';
export { MODEL_FILES } from './model-description.ts';
export { type Classifier, isModelFolder, saveModel } from './model-folder.ts';
export type { KerasClassifierOptions } from './open-keras.ts';
export { type OpenModelOptions, openModel } from './open-model.ts';
export { type OpenedWeights, openWeights } from './open-weights.ts';
export {
  type ImagePrediction,
  type ImagePredictions,
  type PredictImagesOptions,
  predictEach,
  predictImages,
} from './predict-images.ts';
export { type GalleryOptions, galleryPage, writeGallery } from './report-gallery.ts';
export { weightFileOf } from './start.ts';
export { createProgress, type ProgressOptions } from './terminal-progress.ts';
export { version } from './version.ts';
