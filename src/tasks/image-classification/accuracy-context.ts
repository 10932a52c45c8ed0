/** The worth of an accuracy, in sentences for the terminal, the report and the page. */

import { formatCount, formatPercent } from '../../core/format.ts';
import { commonestShare, type Evaluation, wilsonInterval } from './metrics.ts';

/** The interval in which the accuracy lies, and what answering without looking would reach. Empty where nothing was measured. */
export function accuracyContext({ accuracy, images, perClass }: Evaluation): string[] {
  if (accuracy === null || images === 0) return [];
  const [low, high] = wilsonInterval(Math.round(accuracy * images), images)!;
  return [
    `With ${formatCount(images)} images, the 95 % confidence interval is ${formatPercent(low)} to ${formatPercent(high)}.`,
    `Always answering the commonest class gives ${formatPercent(commonestShare(perClass))}.`,
  ];
}
