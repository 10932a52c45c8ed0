/** What a run needs from its first batch to its result: loaded when one begins, not with the page. */
export { loaderFor, trainFromScratch, trainPhases } from '../../src/train/run-phases.ts';
export { outcomeOf } from './result.ts';
