/** Segmentation as runs, saved models and the command line know it: how its results are told. */
import { ArgumentError } from '../../core/errors.ts';
import { formatCount, formatPercent } from '../../core/format.ts';
import type { MaskedImage } from '../../data/masks/mask-dataset.ts';
import { columns } from '../../device/columns.ts';
import { html, pathText } from '../../report/markup.ts';
import { gallery } from '../gallery.ts';
import type { ImageTask } from '../image-task.ts';
import { givenFactors } from '../images.ts';
import { meanOfClasses, meanOfLabels } from '../mirrored.ts';
import { scoreTable } from '../score-table.ts';
import type { Task } from '../task.ts';
import { SEGMENTATION_KIND } from './kind.ts';
import type { ClassOverlap } from './metrics.ts';
import { labelsOf, type MaskEvaluation, type MaskMistake, type SegmentationResults, segmentation } from './task.ts';

/** The classes of an image's pixels. */
export interface MaskAnswer {
  /** Share of the pixels that each class has. */
  readonly classes: Readonly<Record<string, number>>;
}

/** An image whose pixels the model got wrong, as it is told. */
export interface NamedMaskMistake {
  readonly meanIoU: number;
}

/** All of an image task but what is of labels of whole images. */
type MaskTask = Omit<
  ImageTask<MaskEvaluation, MaskMistake, NamedMaskMistake, MaskAnswer>,
  'labels' | 'create' | 'scoring'
> & {
  create(
    settings: Parameters<ImageTask['create']>[0],
    images: { readonly classes: readonly string[] },
  ): Task<MaskedImage, SegmentationResults>;
  scoring(): Task<MaskedImage, SegmentationResults>;
};

export const SEGMENTATION: MaskTask = {
  ...SEGMENTATION_KIND,
  create({ loss, classWeights, focalGamma }, { classes }) {
    if (classWeights === 'balanced')
      throw new ArgumentError(
        'finetune: classWeights of masks must be numbers, one a class, got balanced. The Dice loss balances classes by itself.',
      );
    return segmentation({
      loss: loss ?? undefined,
      classWeights: classWeights ? givenFactors(classWeights, classes, 'class', 'classes') : undefined,
      focalGamma: focalGamma ?? undefined,
    });
  },
  scoring: () => segmentation(),
  // The second is of mirrored images.
  mean: (first, second) => (first.shape[1] === 1 ? meanOfLabels : meanOfClasses)(first, second.flip([3])),
  named: ({ meanIoU }) => ({ meanIoU }),
  headline: (of) => `mean IoU on ${of}`,
  sentence: ({ meanIoU, pixelAccuracy }, of) =>
    `The mean IoU is ${formatPercent(meanIoU)}, and ${formatPercent(pixelAccuracy)} of the pixels are right, on ${of}`,
  context: ({ perClass }) => {
    const absent = perClass.filter(({ iou }) => iou === null).length;
    return [
      'IoU is what a class and what was found of it have in common, over what either has; the mean is over the classes.',
      ...(absent > 0 ? [`${absent} of the ${perClass.length} classes are neither there nor found, and left out.`] : []),
    ];
  },
  figures: ({ meanDice, pixelAccuracy }) => [
    ['mean Dice', formatPercent(meanDice)],
    ['pixels right', formatPercent(pixelAccuracy)],
  ],
  sections: ({ perClass, meanIoU, meanDice }, mistakes, classes) => [
    {
      id: 'classes',
      title: 'Scores by class',
      content: scoreTable(
        'How well the pixels of each class are found',
        'class',
        COLUMNS,
        perClass.map((scores, k) => ({
          name: classes[k]!,
          note: `${formatCount(scores.support)} pixels`,
          values: valuesOf(scores),
        })),
        { name: 'mean', values: [meanIoU, meanDice, null] },
      ),
    },
    {
      id: 'mistakes',
      title: 'Worst images',
      content: html`<p class="soft">The images with the lowest mean IoU. Look at their masks too: they may be the mistake.</p>${gallery(
        mistakes.map(({ path, thumbnail, meanIoU }) => ({
          ...{ path, thumbnail },
          alt: `${path}: mean IoU ${formatPercent(meanIoU)}`,
          caption: html`<span>mean IoU <b>${formatPercent(meanIoU)}</b></span><span class="path">${pathText(path)}</span>`,
        })),
      )}`,
    },
  ],
  lines: (evaluation, classes) => [...SEGMENTATION.context(evaluation), '', ...table(evaluation, classes)],
  closingLines: (evaluation, classes) => ['', ...table(evaluation, classes), ''],
  stored: ({ confusion, ...evaluation }) => ({ ...evaluation, confusion: [...confusion] }),
  json: ({ meanIoU, meanDice, pixelAccuracy, pixels, images, perClass }, classes) => ({
    ...{ meanIoU, meanDice, pixelAccuracy, pixels, images },
    perClass: perClass.map((scores, k) => ({ label: classes[k], ...scores })),
  }),
  answer(outputs, classes) {
    const found = labelsOf(outputs, classes.length);
    const counts = classes.map((_, k) => found.reduce((n, label) => n + (label === k ? 1 : 0), 0));
    return { classes: Object.fromEntries(classes.map((name, k) => [name, counts[k]! / found.length])) };
  },
  told: ({ classes }) =>
    Object.entries(classes)
      .filter(([, share]) => share > 0)
      .sort((a, b) => b[1] - a[1])
      .map(([label, share]) => ({ label, text: `${label} ${formatPercent(share)}`, share: null })),
  csv: {
    head: (classes) => classes,
    row: ({ classes }) => Object.values(classes),
  },
};

const COLUMNS = ['IoU', 'Dice', 'pixels found'].map((title) => ({ title, format: 'percent' as const }));

const valuesOf = ({ iou, dice, recall }: ClassOverlap) => [iou, dice, recall];

function table({ perClass }: MaskEvaluation, classes: readonly string[]): string[] {
  const cells = perClass.map((scores, k) => [classes[k]!, ...valuesOf(scores).map((value) => formatPercent(value))]);
  return columns([['class', 'IoU', 'Dice', 'pixels found'], ...cells], [1, 2, 3]);
}
