/** `regraft/train` in browsers: the same without what reads and writes folders, and without the terminal. */

export { type Predictions, type PredictOptions, predictLogits } from './evaluate.ts';
export { EvaluationSum, evaluateLogits } from './evaluation-sum.ts';
export { type BestEpoch, type FitOptions, type FitResult, type FitState, fit, type Schedule } from './fit.ts';
export { FrozenSnapshot, frozenTensors } from './freezing-proof.ts';
export { type GradCam, gradCam } from './grad-cam.ts';
export * from './metrics.ts';
export { availablePrecision, type Precision } from './precision.ts';
export type { Progress, ProgressUnit, ProgressValues } from './progress.ts';
export type { FinetuneSettings, OptimizerName } from './recipe.ts';
export { renderReport } from './report.ts';
export type * from './result.ts';
export { loadCheckpoint, saveCheckpoint, type TrainingState } from './training-checkpoint.ts';
export { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';
export type { Loss } from './validate.ts';
