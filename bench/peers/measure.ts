/** Times a peer's step as `../measure.ts` times ours. */
import { otherLoad, readLoad } from '../load.ts';
import { median, round } from '../measure.ts';
import { counts } from './count.ts';
import { report } from './peer.ts';

/** Short steps are repeated until a sample lasts this long. */
const SAMPLE_MS = 40;
const MOST_REPEATS = 64;
const SAMPLES = 7;
/** Of all samples together, unless that would be fewer than two. */
const BUDGET_MS = 12_000;

/**
 * @param step starts the work
 * @param done resolves when the device has finished it
 * @throws Error if the timed loop dispatched less than its steps call for: lazy libraries drop what nobody reads.
 */
export async function measure(
  step: () => Promise<void> | void,
  done: () => Promise<void> | void,
  { repeat = false }: { repeat?: boolean } = {},
): Promise<void> {
  const sample = async (repeats: number) => {
    const before = counts.dispatches;
    const began = performance.now();
    for (let r = 0; r < repeats; r++) await step();
    await done();
    return { ms: (performance.now() - began) / repeats, dispatches: (counts.dispatches - before) / repeats };
  };
  const first = await sample(1);
  const load = readLoad();
  const second = await sample(1);
  const repeats = repeat ? Math.max(1, Math.min(MOST_REPEATS, Math.ceil(SAMPLE_MS / second.ms))) : 1;
  const count = Math.max(2, Math.min(SAMPLES, Math.floor(BUDGET_MS / (second.ms * repeats))));
  // A second run that takes seconds is as good as a third.
  const times = repeats === 1 ? [second.ms] : [];
  while (times.length < count) {
    const { ms, dispatches } = await sample(repeats);
    if (dispatches < second.dispatches)
      throw new Error(`a timed step dispatched ${dispatches} kernels, ${second.dispatches} before: work was dropped`);
    times.push(ms);
  }
  const others = otherLoad(load, readLoad());
  report({
    ms_median: round(median(times)),
    ms_min: round(Math.min(...times)),
    samples: count,
    first_run_ms: round(first.ms, 1),
    dispatches: second.dispatches,
    ...(others !== undefined && { other_cpu: others }),
  });
}
