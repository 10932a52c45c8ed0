/** Multi-label classification: its name, the labels that it learns, its scores. */
import type { TaskKind } from '../task.ts';

export const MULTI_LABEL_KIND = {
  name: 'multi-label',
  labels: 'labels',
  scores: [
    { name: 'mAP', title: 'mAP', better: 'higher', format: 'percent' },
    { name: 'macroF1', title: 'macro F1', better: 'higher', format: 'percent' },
  ],
} as const satisfies TaskKind;
