/** What programs import of segmentation. */

export { type BoundaryEvaluation, BoundaryMetric, type BoundaryMetricOptions } from './boundary.ts';
export { type ClassOverlap, type SegmentationEvaluation, SegmentationMetric } from './metrics.ts';
export {
  type MaskEvaluation,
  type MaskMistake,
  type SegmentationOptions,
  type SegmentationResults,
  segmentation,
} from './task.ts';
