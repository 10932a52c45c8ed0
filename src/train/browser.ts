/** `regraft/train` in browsers: the same without what reads and writes folders, and without the terminal. */

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
export {
  type Evaluated,
  type EvaluateOptions,
  evaluate,
  type Predictions,
  type PredictOptions,
  predictLogits,
} from './evaluate.ts';
export { fit } from './fit.ts';
export type { FitOptions, FitResult, FitState, Schedule } from './fit-options.ts';
export { FrozenSnapshot, frozenTensors } from './freezing-proof.ts';
export { type GradCam, gradCam } from './grad-cam.ts';
export * from './history.ts';
export type { FinetuneSettings, OptimizerName } from './options.ts';
export { availablePrecision, type Precision } from './precision.ts';
export type { Progress, ProgressUnit, ProgressValues } from './progress.ts';
export { renderReport } from './report.ts';
export type * from './result.ts';
export { loadCheckpoint, saveCheckpoint, type TrainingState } from './training-checkpoint.ts';
export { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';
