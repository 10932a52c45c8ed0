/** Factors for classes of unequal size: what is rare counts more. */
import type { ClassWeights, TaskImages } from '../image-task.ts';
import { givenFactors } from '../images.ts';

/**
 * A factor for each class of `images`. Balanced, the images of each class count as much in all as those of any other.
 * @throws ArgumentError for another number of factors than of classes.
 */
export function classFactors(weights: ClassWeights, images: TaskImages): readonly number[] {
  const { classes, length } = images;
  if (weights !== 'balanced') return givenFactors(weights, classes, 'class', 'classes');
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++) counts[images.label(i) as number]!++;
  return counts.map((count) => length / (counts.length * count));
}
