/** What the processes of the peers have in common. Little of regraft is loaded for it: starting from cold is timed, too. */

/** Adds fields to what this process reports. */
export function report(fields: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(fields));
}

/** Milliseconds since `run.ts` started this process. */
export const sinceStart = (): number => Date.now() - Number(process.env.BENCH_STARTED);

/** Uniform in [-scale, scale). */
export function uniform(count: number, scale = 1): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = (Math.random() * 2 - 1) * scale;
  return values;
}

/**
 * Runs the workload that the command line names, `KIND[_]NUMBER[ bNUMBER]`, and ends the process: the adapter would keep it alive.
 * @param kinds takes the numbers
 */
export async function runWorkload(
  kinds: Readonly<Record<string, (...numbers: number[]) => Promise<void>>>,
): Promise<never> {
  const name = process.argv[2] ?? '';
  const [, kind = '', ...numbers] = /^(\w+?)_?(\d+)(?: b(\d+))?$/.exec(name) ?? [];
  report({ workload: name });
  try {
    await kinds[kind]!(...numbers.map(Number));
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
