/** `metrics.json`: what a run measured, as JSON whose size is bounded by what there is to tell. */

import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import type { FinetuneResult } from './result.ts';

/** The text of `metrics.json`. */
export function metricsJSON(result: FinetuneResult<TaskName>): string {
  return `${JSON.stringify(storedMetrics(result), null, 2)}\n`;
}

/** A result as `metrics.json` holds it. The pictures are left to the report: they would be most of it. */
export function storedMetrics(
  result: FinetuneResult<TaskName>,
): Omit<FinetuneResult<TaskName>, 'evaluation'> & { readonly evaluation: object | null } {
  const { evaluation, worstMistakes } = result;
  return {
    ...result,
    evaluation: evaluation && imageTask(result.task).stored(evaluation),
    worstMistakes: worstMistakes.map((mistake) => ({ ...mistake, thumbnail: null })),
  };
}
