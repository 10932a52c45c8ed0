/** regraft's side of a comparison: a workload of `regraft bench`. */
import './count.ts';
import { runBench, workloads } from '../run.ts';

const chosen = workloads().filter(({ name }) => name === process.argv[2]);
process.exitCode = (await runBench(chosen, { json: true, samples: 7 })).length > 0 ? 1 : 0;
