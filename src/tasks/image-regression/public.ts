/** What programs import of image regression. */
export type { NamedRegressionMistake, NamedValues, RegressionAnswer } from './image-task.ts';
export { evaluateRegression, type RegressionEvaluation, type ValueScores } from './metrics.ts';
export {
  imageRegression,
  type RegressionLoss,
  type RegressionMistake,
  type RegressionOptions,
  type RegressionResults,
} from './task.ts';
export type { Units } from './units.ts';
