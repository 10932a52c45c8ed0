/** `regraft/train` in browsers: the same without what reads and writes folders, and without the terminal. */

export { frozenTensors } from '../nn/frozen-tensors.ts';
export type { Content, Markup } from '../report/markup.ts';
export type {
  AnswerColumns,
  AnswerOptions,
  ClassWeights,
  Figure,
  ImageEvaluation,
  ImageTask,
  ImageValues,
  Pictured,
  Placed,
  Section,
  TaskImages,
  TaskSettings,
  Told,
} from '../tasks/image-task.ts';
export * from '../tasks/registry.ts';
export type { Loss, LossContext, Measured, Metric, ScoreKind, Scores, Task, TaskKind, Tensors } from '../tasks/task.ts';
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
export type { OptimizerName } from './option-row.ts';
export type { FinetuneSettings } from './options.ts';
export { renderReport } from './report.ts';
export type * from './result.ts';
