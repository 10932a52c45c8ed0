/** Image classification: its name, the labels that it learns, its scores. */
import type { TaskKind } from '../task.ts';

export const CLASSIFICATION_KIND = {
  name: 'image-classification',
  labels: 'classes',
  scores: [{ name: 'accuracy', title: 'accuracy', better: 'higher', format: 'percent' }],
} as const satisfies TaskKind;
