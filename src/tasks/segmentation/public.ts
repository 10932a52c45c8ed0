/** What programs import of segmentation. */
export { type ClassOverlap, type SegmentationEvaluation, SegmentationMetric } from './metrics.ts';
