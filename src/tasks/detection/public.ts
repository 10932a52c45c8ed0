/** What programs import of detection. */
export type { BySize, ClassPrecision, CocoEvaluation, PrecisionCurve } from './coco-evaluation.ts';
export { CocoMetric, type CocoMetricOptions, type DetectedBoxes, type TrueBoxes } from './coco-metric.ts';
