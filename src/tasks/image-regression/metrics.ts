/** Regression metrics on plain arrays, row-major [N, values]. */

/** How near the predictions of one value come. */
export interface ValueScores {
  /** Mean absolute error, in the value's own unit. */
  readonly mae: number | null;
  /** Root of the mean squared error. */
  readonly rmse: number | null;
  /**
   * Coefficient of determination: 1 is perfect, 0 as good as always answering the mean. Null where the wanted values are all equal, or fewer than two.
   */
  readonly r2: number | null;
}

/** Everything that scoring a regression gives: means over the values, and each by itself; JSON-able. */
export interface RegressionEvaluation extends ValueScores {
  readonly images: number;
  /** One entry a value, in their order. */
  readonly perValue: readonly ValueScores[];
}

/** Every metric at once. @see https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html */
export function evaluateRegression(
  predicted: ArrayLike<number>,
  wanted: ArrayLike<number>,
  values: number,
): RegressionEvaluation {
  const images = values > 0 ? wanted.length / values : 0;
  const perValue = Array.from({ length: values }, (_, value): ValueScores => {
    let [absolute, squared, sum] = [0, 0, 0];
    for (let i = value; i < wanted.length; i += values) {
      const error = predicted[i]! - wanted[i]!;
      absolute += Math.abs(error);
      squared += error * error;
      sum += wanted[i]!;
    }
    const mean = sum / images;
    let spread = 0;
    for (let i = value; i < wanted.length; i += values) spread += (wanted[i]! - mean) ** 2;
    const r2 = images < 2 || spread === 0 ? null : 1 - squared / spread;
    return images === 0
      ? { mae: null, rmse: null, r2 }
      : { mae: absolute / images, rmse: Math.sqrt(squared / images), r2 };
  });
  const mean = (name: keyof ValueScores): number | null => {
    const all = perValue.map((scores) => scores[name]);
    return all.length === 0 || all.includes(null) ? null : all.reduce<number>((sum, v) => sum + v!, 0) / all.length;
  };
  return { images, mae: mean('mae'), rmse: mean('rmse'), r2: mean('r2'), perValue };
}
