/** The name and the scores of segmentation. */
import type { ScoreKind } from '../task.ts';

export const SEGMENTATION_KIND = {
  name: 'segmentation',
  scores: [
    { name: 'meanIoU', title: 'mean IoU', better: 'higher', format: 'percent' },
    { name: 'meanDice', title: 'mean Dice', better: 'higher', format: 'percent' },
    { name: 'pixelAccuracy', title: 'pixel accuracy', better: 'higher', format: 'percent' },
  ],
} as const satisfies { readonly name: string; readonly scores: readonly ScoreKind[] };
