/** Factors for classes of unequal size: what is rare counts more. */
import { ArgumentError } from '../../core/errors.ts';
import { namesInWords } from '../../core/format.ts';
import type { ClassWeights, TaskImages } from '../image-task.ts';

/**
 * A factor for each class of `images`. Balanced, the images of each class count as much in all as those of any other.
 * @throws ArgumentError for another number of factors than of classes.
 */
export function classFactors(weights: ClassWeights, images: TaskImages): readonly number[] {
  const { classes, length } = images;
  if (weights !== 'balanced') return checkFactors(weights, classes);
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++) counts[images.label(i) as number]!++;
  return counts.map((count) => length / (counts.length * count));
}

/** @throws ArgumentError unless there is a factor for each class. */
export function checkFactors(weights: readonly number[], classes: readonly string[]): readonly number[] {
  if (weights.length === classes.length) return weights;
  throw new ArgumentError(
    `finetune: classWeights has ${weights.length} numbers, but there are ${classes.length} classes (${namesInWords(classes)}). Give one a class, in this order.`,
  );
}
