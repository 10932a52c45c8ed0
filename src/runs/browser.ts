/** `regraft/train` in browsers: the same without what reads and writes folders, and without the terminal. */

export { frozenTensors } from '../nn/frozen-tensors.ts';
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
export type { BestEpoch } from '../train/best-epoch.ts';
export {
  type Evaluated,
  type EvaluateOptions,
  evaluate,
  type Predictions,
  type PredictOptions,
  predictLogits,
} from '../train/evaluate.ts';
export {
  type FindLearningRateOptions,
  type FoundLearningRate,
  findLearningRate,
} from '../train/find-learning-rate.ts';
export { fit } from '../train/fit.ts';
export type { FitOptions, FitResult, FitState, Schedule } from '../train/fit-options.ts';
export { type FreezingProof, FrozenSnapshot } from '../train/freezing-proof.ts';
export { type GradCam, gradCam } from '../train/grad-cam.ts';
export * from '../train/history.ts';
export { availablePrecision, type Precision } from '../train/precision.ts';
export type { Progress, ProgressUnit, ProgressValues } from '../train/progress.ts';
export { loadCheckpoint, saveCheckpoint, type TrainingState } from '../train/training-checkpoint.ts';
export { TrunkCache, type TrunkCacheOptions } from '../train/trunk/trunk-cache.ts';
export type { FinetuneSettings, OptimizerName } from './options.ts';
export { renderReport } from './report.ts';
export type * from './result.ts';
