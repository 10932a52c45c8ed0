/** What programs import of question answering. */
export {
  type AnswerEvaluation,
  AnswerMetric,
  type AnswerMetricOptions,
  type AnswerScores,
  normalizeAnswer,
  type SquadVersion,
  scoreAnswer,
} from './metrics.ts';
