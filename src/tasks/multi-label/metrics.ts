/** Multi-label metrics on plain arrays: scores and targets are row-major [N, labels], a target is 1 where the label applies. */

/** Scores of one label; a ratio with nothing to divide by is null. */
export interface LabelScores {
  /** Average precision: the area under the precision-recall curve, as a sum over thresholds. Null where the label never applies. */
  readonly ap: number | null;
  /** At a probability of 0.5. */
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  /** Images that the label applies to. */
  readonly support: number;
}

/** Everything that scoring a set with several labels an image gives; JSON-able. */
export interface MultiLabelEvaluation {
  readonly images: number;
  /** Mean of the labels' average precision, those that never apply left out. */
  readonly mAP: number | null;
  /** Mean of the labels' F1, one that is neither there nor predicted left out. */
  readonly macroF1: number | null;
  /** F1 over all decisions together. */
  readonly microF1: number | null;
  /** Share of the images all of whose labels are right. */
  readonly exactMatch: number | null;
  /** One entry a label, in their order. */
  readonly perLabel: readonly LabelScores[];
}

/**
 * Average precision of a ranking: the mean of the precision at each threshold, weighted by what its recall adds. Equal scores share a threshold. Null
 * where nothing is positive.
 * @see https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number>): number | null {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const total = order.reduce((n, i) => n + Number(positive[i]! > 0.5), 0);
  if (total === 0) return null;
  let sum = 0;
  let found = 0;
  let counted = 0;
  for (const [rank, i] of order.entries()) {
    if (positive[i]! > 0.5) found++;
    if (rank + 1 < order.length && scores[order[rank + 1]!] === scores[i]) continue;
    sum += ((found - counted) / total) * (found / (rank + 1));
    counted = found;
  }
  return sum;
}

/**
 * Every metric at once.
 * @param scores logits: above 0 a label counts as predicted, as a probability above 0.5 does
 */
export function evaluateLabels(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  labels: number,
): MultiLabelEvaluation {
  const images = labels > 0 ? scores.length / labels : 0;
  const counts = { right: 0, predicted: 0, positive: 0 };
  const isRight = new Array<boolean>(images).fill(true);
  const perLabel = Array.from({ length: labels }, (_, label): LabelScores => {
    const column = new Float64Array(images);
    const wanted = new Float64Array(images);
    let [right, predicted, support] = [0, 0, 0];
    for (let i = 0; i < images; i++) {
      column[i] = scores[i * labels + label]!;
      wanted[i] = targets[i * labels + label]!;
      const [is, said] = [wanted[i]! > 0.5, column[i]! > 0];
      if (is) support++;
      if (said) predicted++;
      if (is && said) right++;
      if (is !== said) isRight[i] = false;
    }
    counts.right += right;
    counts.predicted += predicted;
    counts.positive += support;
    return {
      ap: averagePrecision(column, wanted),
      precision: ratio(right, predicted),
      recall: ratio(right, support),
      f1: ratio(2 * right, support + predicted),
      support,
    };
  });
  return {
    images,
    mAP: meanOf(perLabel.map(({ ap }) => ap)),
    macroF1: meanOf(perLabel.map(({ f1 }) => f1)),
    microF1: ratio(2 * counts.right, counts.predicted + counts.positive),
    exactMatch: ratio(isRight.filter(Boolean).length, images),
    perLabel,
  };
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** The mean of those that are numbers. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return ratio(
    known.reduce((sum, value) => sum + value, 0),
    known.length,
  );
}
