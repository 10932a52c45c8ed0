/** What a run needs from its first batch to its result: loaded when one begins, not with the page. */

export { trainFromScratch } from '../../src/runs/phases.ts';
export { phasedRun } from '../../src/runs/run.ts';
export { hostOf, outcomeOf, runPlanOf } from './result.ts';
