/** What programs import of image classification. */
export { accuracyContext } from './accuracy-context.ts';
export type { Confusion } from './confusion.ts';
export { EvaluationSum, evaluateLogits } from './evaluation-sum.ts';
export type { ClassificationAnswer, ClassProbability } from './image-task.ts';
export type { ClassificationValues } from './metric.ts';
export * from './metrics.ts';
export type { NamedMistake, PicturedMistake } from './mistake-section.ts';
export { type ClassificationOptions, imageClassification } from './task.ts';
