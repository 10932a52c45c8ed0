/** `metrics.json` and its like: what a run or an evaluation measured, as JSON whose size is bounded by what there is to tell. */

import { type Confusion, MATRIX_CLASSES } from '../tasks/image-classification/confusion.ts';
import type { Evaluation } from '../tasks/image-classification/metrics.ts';
import type { FinetuneResult } from './result.ts';

/** The text of `metrics.json`. */
export function metricsJSON(result: FinetuneResult): string {
  return `${JSON.stringify(storedMetrics(result), null, 2)}\n`;
}

/** A result as `metrics.json` holds it. The pictures are left to the report: they would be most of it. */
export function storedMetrics(
  result: FinetuneResult,
): Omit<FinetuneResult, 'evaluation'> & { readonly evaluation: ReturnType<typeof storedEvaluation> | null } {
  const { evaluation, worstMistakes } = result;
  return {
    ...result,
    evaluation: evaluation && storedEvaluation(evaluation),
    worstMistakes: worstMistakes.map((mistake) => ({ ...mistake, thumbnail: null })),
  };
}

/** An evaluation for JSON: with more than {@link MATRIX_CLASSES} classes, a row of the matrix is an object of the counts that are not 0. */
export function storedEvaluation<T extends Pick<Evaluation, 'confusion'>>(
  evaluation: T,
): Omit<T, 'confusion'> & { readonly confusion: Confusion } {
  const { confusion } = evaluation;
  if (confusion.length <= MATRIX_CLASSES) return evaluation;
  return { ...evaluation, confusion: confusion.map(withoutZeros) };
}

function withoutZeros(row: Confusion[number]): Confusion[number] {
  return Object.fromEntries(Object.entries(row).filter(([, count]) => count > 0));
}
