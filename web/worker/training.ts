/** What a run needs from its first batch to its result: loaded when one begins, not with the page. */
export { phasedRun } from '../../src/train/run.ts';
export { trainFromScratch } from '../../src/train/run-phases.ts';
export { hostOf, outcomeOf, runPlanOf } from './result.ts';
