/** Image classification as runs, saved models and the command line know it. */

import { formatPercent } from '../../core/format.ts';
import type { AnswerOptions, ImageTask } from '../image-task.ts';
import { meanOfClasses } from '../mirrored.ts';
import { accuracyContext } from './accuracy-context.ts';
import { classSection } from './class-section.ts';
import { classFactors } from './class-weights.ts';
import { MATRIX_CLASSES, storedEvaluation } from './confusion.ts';
import { confusionSection } from './confusion-section.ts';
import { accuracyFigures } from './figures.ts';
import { CLASSIFICATION_KIND } from './kind.ts';
import { closingLines, evaluationLines } from './lines.ts';
import { type Evaluation, type Mistake, softmaxRows } from './metrics.ts';
import { mistakeGallery, type NamedMistake } from './mistake-section.ts';
import { imageClassification } from './task.ts';

/** A class with how sure the model is of it. */
export interface ClassProbability {
  readonly label: string;
  readonly probability: number;
}

/** The classes of an image. */
export interface ClassificationAnswer {
  /** Most probable first. */
  readonly top: readonly ClassProbability[];
}

/** Classes of each image that are answered where nobody says how many. */
const TOP = 5;

export const CLASSIFICATION: ImageTask<Evaluation, Mistake, NamedMistake, ClassificationAnswer> = {
  ...CLASSIFICATION_KIND,
  create: ({ labelSmoothing, classWeights, focalGamma }, images) =>
    imageClassification({
      labelSmoothing,
      focalGamma: focalGamma ?? undefined,
      ...(classWeights && { classWeights: classFactors(classWeights, images) }),
    }),
  scoring: () => imageClassification(),
  mean: meanOfClasses,
  named: ({ label, predicted, probability, loss }, classes) => ({
    label: classes[label]!,
    predicted: classes[predicted]!,
    probability,
    loss,
  }),
  headline: (of) => `of ${of} classified correctly`,
  sentence: ({ accuracy }, of) => `${formatPercent(accuracy)} of ${of} are classified correctly`,
  context: accuracyContext,
  figures: accuracyFigures,
  sections: (evaluation, mistakes, classes) => [
    {
      id: 'confusion-matrix',
      title: evaluation.confusion.length <= MATRIX_CLASSES ? 'Confusion matrix' : 'Mixed up most often',
      content: confusionSection(evaluation.confusion, classes),
    },
    { id: 'classes', title: 'Scores by class', content: classSection(evaluation, classes) },
    { id: 'mistakes', title: 'Worst mistakes', content: mistakeGallery(mistakes) },
  ],
  lines: evaluationLines,
  closingLines,
  stored: storedEvaluation,
  json(evaluation, classes) {
    const { accuracy, perClass, ...scores } = storedEvaluation(evaluation);
    return { accuracy, ...scores, classes, perClass: perClass.map((of, c) => ({ label: classes[c], ...of })) };
  },
  answer(outputs, classes, { top = TOP }) {
    const probabilities = softmaxRows(outputs, classes.length);
    const indices = mostProbable(probabilities, top);
    return { top: indices.map((c) => ({ label: classes[c]!, probability: probabilities[c]! })) };
  },
  told: ({ top }) =>
    top.map(({ label, probability }) => ({ label, text: formatPercent(probability), share: probability })),
  csv: {
    head(classes, { top = TOP }: AnswerOptions) {
      const further = Array.from({ length: Math.min(top, classes.length) - 1 }, (_, k) => k + 2);
      return ['label', 'probability', ...further.flatMap((k) => [`label_${k}`, `probability_${k}`])];
    },
    row: ({ top }) => top.flatMap(({ label, probability }) => [label, probability]),
  },
};

/** Indices of the `count` largest, largest first; of equal ones the first. */
export function mostProbable(scores: ArrayLike<number>, count: number): number[] {
  return Array.from(scores, (_, c) => c)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count);
}
