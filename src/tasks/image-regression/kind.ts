/** Image regression: its name, the labels that it learns, its scores. */
import type { TaskKind } from '../task.ts';

export const REGRESSION_KIND = {
  name: 'image-regression',
  labels: 'values',
  scores: [
    { name: 'r2', title: 'R²', better: 'higher', format: 'value' },
    { name: 'mae', title: 'mean absolute error', better: 'lower', format: 'value' },
    { name: 'rmse', title: 'root mean squared error', better: 'lower', format: 'value' },
  ],
} as const satisfies TaskKind;
