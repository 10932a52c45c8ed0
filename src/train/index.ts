/**
 * Fine-tuning from end to end, the loop, evaluation, metrics, the proof of freezing, the report. Browsers have all but what reads
 * and writes folders.
 * @module regraft/train
 */

export { formatBytes, formatCount, formatDuration, formatPercent, formatValue } from '../core/format.ts';
export { accuracyContext } from '../tasks/image-classification/accuracy-context.ts';
export type { Confusion } from '../tasks/image-classification/confusion.ts';
export { EvaluationSum, evaluateLogits } from '../tasks/image-classification/evaluation-sum.ts';
export type { ClassificationValues } from '../tasks/image-classification/metric.ts';
export * from '../tasks/image-classification/metrics.ts';
export type { PicturedMistake } from '../tasks/image-classification/mistake-section.ts';
export { type ClassificationOptions, imageClassification } from '../tasks/image-classification/task.ts';
export { evaluateRegression, type RegressionEvaluation, type ValueScores } from '../tasks/image-regression/metrics.ts';
export { imageRegression, type RegressionLoss, type RegressionOptions } from '../tasks/image-regression/task.ts';
export {
  averagePrecision,
  evaluateLabels,
  type LabelScores,
  type MultiLabelEvaluation,
} from '../tasks/multi-label/metrics.ts';
export { type MultiLabelOptions, multiLabel } from '../tasks/multi-label/task.ts';
export type { Loss, LossContext, Measured, Metric, ScoreKind, Scores, Task, Tensors } from '../tasks/task.ts';
export type { BestEpoch } from './best-epoch.ts';
export { type AdapterCheck, checkAdapter } from './check-adapter.ts';
export { CHECKPOINT_FILE, hasCheckpoint } from './checkpoint-folder.ts';
export { chooseModel } from './choose-model.ts';
export {
  type ClassifyOptions,
  evaluateFolder,
  type FolderEvaluation,
  openClassifier,
  pretrainedClassifier,
} from './classify.ts';
export {
  type Evaluated,
  type EvaluateOptions,
  evaluate,
  type Predictions,
  type PredictOptions,
  predictLogits,
} from './evaluate.ts';
export { type FinetuneOptions, finetune } from './finetune.ts';
export { fit } from './fit.ts';
export type { FitOptions, FitResult, FitState, Schedule } from './fit-options.ts';
export { FrozenSnapshot, frozenTensors } from './freezing-proof.ts';
export { type GradCam, type GradCamOptions, gradCam } from './grad-cam.ts';
export * from './history.ts';
export { metricsJSON, storedMetrics } from './metrics-json.ts';
export { MODEL_FILES } from './model-description.ts';
export { type Classifier, isModelFolder, saveModel } from './model-folder.ts';
export type { InputRange, KerasClassifierOptions } from './open-keras.ts';
export { openModel } from './open-model.ts';
export { type OpenedWeights, openWeights } from './open-weights.ts';
export type { ClassWeights, FinetuneSettings, OptimizerName } from './options.ts';
export { availablePrecision, type Precision } from './precision.ts';
export {
  type ImagePrediction,
  type ImagePredictions,
  type PredictImagesOptions,
  predictEach,
  predictImages,
} from './predict-images.ts';
export type { Progress, ProgressUnit, ProgressValues, ShownScore } from './progress.ts';
export { renderReport } from './report.ts';
export { type GalleryOptions, galleryPage, writeGallery } from './report-gallery.ts';
export * from './result.ts';
export { weightFileOf } from './run-start.ts';
export { createProgress, type ProgressOptions } from './terminal-progress.ts';
export { loadCheckpoint, saveCheckpoint, type TrainingState } from './training-checkpoint.ts';
export { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';
export { version } from './version.ts';
