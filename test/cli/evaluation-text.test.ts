/** The text of `regraft evaluate` for few classes and for many. */
import { expect, test } from 'vitest';
import { evaluationText } from '../../src/cli/evaluation-text.ts';
import { printable } from '../../src/core/printable.ts';
import { evaluateLogits } from '../../src/tasks/image-classification/evaluation-sum.ts';

/** Each class `c` has two images; the second is taken for the class before it where `wrong(c)`. */
function evaluated(count: number, wrong: (c: number) => boolean): string {
  const classes = Array.from({ length: count }, (_, c) => `class ${c}`);
  const labels = classes.flatMap((_, c) => [c, c]);
  const logits = labels.flatMap((label, i) => {
    const predicted = i % 2 === 1 && wrong(label) ? label - 1 : label;
    return classes.map((_, c) => (c === predicted ? 3 : 0));
  });
  const evaluation = evaluateLogits(logits, labels, count);
  return evaluationText('image-classification', {
    ...evaluation,
    classes,
    folder: 'photos/val',
    leftOut: [],
    skipped: [],
  })
    .split('\n')
    .map(printable)
    .join('\n');
}

test('few classes: every score and the matrix', () => {
  expect(evaluated(3, (c) => c === 2)).toBe(`83.3 % of 6 images in photos/val are classified correctly; loss 0.595.
With 6 images, the 95 % confidence interval is 43.6 % to 97.0 %.
Always answering the commonest class gives 33.3 %.

class    precision  recall      F1  images
class 0      100 %   100 %   100 %       2
class 1     66.7 %   100 %  80.0 %       2
class 2      100 %  50.0 %  66.7 %       2

is \\ predicted  class 0  class 1  class 2
class 0               2        0        0
class 1               0        2        0
class 2               0        1        1`);
});

test('1,000 classes: the weakest and what is mixed up most, in a screen', () => {
  const text = evaluated(1000, (c) => c % 100 === 50);
  expect(text.split('\n').length).toBeLessThan(50);
  expect(text).toContain('The weakest of 1,000 classes; all of them are in the output of --json.');
  expect(text).toContain('class 950      100 %  50.0 %  66.7 %       2');
  expect(text).toContain(
    'Mixed up most often; the whole confusion matrix is in the output of --json.\n\nis         predicted  images\nclass 50   class 49        1',
  );
});
