/** Factors for classes of unequal size: what is rare counts more. */
import { ArgumentError } from '../core/errors.ts';
import { namesInWords } from '../core/format.ts';
import { CrossEntropyLoss } from '../nn/loss.ts';
import type { ClassWeights } from './options.ts';

/**
 * The cross-entropy in which each class counts by its factor. Balanced, the photos of each class count as much in all as those of any other.
 * @param counts training photos a class
 * @throws ArgumentError for another number of factors than of classes.
 */
export function weightedLoss(
  weights: ClassWeights,
  classes: readonly string[],
  counts: readonly number[],
  labelSmoothing: number,
): CrossEntropyLoss {
  const all = counts.reduce((sum, n) => sum + n, 0);
  const factors = weights === 'balanced' ? counts.map((n) => all / (counts.length * n)) : weights;
  if (factors.length !== classes.length)
    throw new ArgumentError(
      `finetune: classWeights has ${factors.length} numbers, but there are ${classes.length} classes (${namesInWords(classes)}). Give one a class, in this order.`,
    );
  return new CrossEntropyLoss({ weight: factors, labelSmoothing });
}
