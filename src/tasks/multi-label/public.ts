/** What programs import of multi-label classification. */
export type { LabelProbability, MultiLabelAnswer, NamedMultiLabelMistake } from './image-task.ts';
export { averagePrecision, evaluateLabels, type LabelScores, type MultiLabelEvaluation } from './metrics.ts';
export { type MultiLabelMistake, type MultiLabelOptions, type MultiLabelResults, multiLabel } from './task.ts';
