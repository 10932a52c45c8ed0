/** The report's figures beside the accuracy. */
import { formatPercent } from '../../core/format.ts';
import { html } from '../../report/markup.ts';
import { term } from '../../report/words.ts';
import type { Figure } from '../image-task.ts';
import type { Evaluation } from './metrics.ts';

export const accuracyFigures = ({ macro, topK, calibrationError }: Evaluation): Figure[] => [
  [html`mean ${term('F1')}`, formatPercent(macro.f1)],
  ...(topK
    ? [[html`${topK.k === 5 ? term('top-5') : `top-${topK.k}`} accuracy`, formatPercent(topK.accuracy)] as const]
    : []),
  [term('calibration error'), formatPercent(calibrationError)],
];
