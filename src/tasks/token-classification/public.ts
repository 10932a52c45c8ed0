/** What programs import of token classification. */
export { type Entity, entitiesOf, type TagScheme } from './entities.ts';
export { type EntityEvaluation, EntityMetric, type EntityMetricOptions, type EntityScores } from './metrics.ts';
