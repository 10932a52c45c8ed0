/** When a run has stopped getting better. */

/** Epochs since a loss was last below the one that counted as best before by more than `minDelta`. */
export function epochsSinceGain(losses: readonly number[], minDelta: number): number {
  let best = Number.POSITIVE_INFINITY;
  let since = 0;
  for (const loss of losses) {
    const gain = loss < best - minDelta;
    if (gain) best = loss;
    since = gain ? 0 : since + 1;
  }
  return since;
}
