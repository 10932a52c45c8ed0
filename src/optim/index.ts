/**
 * Optimizers, learning-rate schedules, gradient clipping and averages of weights.
 * @module regraft/optim
 */
export type { OptionNames } from '../core/options.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { clipGradNorm, clipGradValue, scaleGrad } from './clip.ts';
export { EMA, type EMAOptions, type EMAState } from './ema.ts';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.ts';
export { type AnyOptimizer, type GroupOptions, Optimizer, type ParamGroup } from './optimizer.ts';
export * from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
