/** Training: the loop, evaluation, metrics, the proof of freezing, the report. */

export { type Predictions, type PredictOptions, predictLogits } from './evaluate.ts';
export { type FitOptions, type FitResult, fit, type Schedule } from './fit.ts';
export { FrozenSnapshot, frozenTensors } from './freezing-proof.ts';
export * from './metrics.ts';
export { createProgress, type Progress, type ProgressOptions } from './progress.ts';
export { renderReport } from './report.ts';
export type * from './result.ts';
export { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';
