/** What is compared: the workloads, the libraries, what a process reports of one, and the comparison of a row. */
import { median } from '../measure.ts';
import { runProcess } from './process.ts';

/** Of one library and workload. Times are milliseconds. */
export interface Result {
  readonly workload: string;
  readonly ms_median: number;
  /** The first step, with all that is compiled for it; no driver's cache of shaders is used. */
  readonly first_run_ms?: number;
  /** Of a cold start: until the network stood, ready to run. */
  readonly ready_ms?: number;
  /** Buffers made and not destroyed, at most; counted by the same rule for all. Absent on the CPU. */
  readonly live_peak_bytes?: number;
  readonly gpu_errors?: number;
  /** Absent on the CPU. */
  readonly adapter?: string;
  /** CPU cores kept busy by other processes meanwhile (Linux): well above 0 marks a disturbed figure. */
  readonly other_cpu?: number;
}

export interface Failure {
  readonly workload: string;
  readonly error: string;
}

export type Outcome = Result | Failure;

export interface Library {
  readonly name: string;
  /** In this folder, and what it is told beside the workload. */
  readonly script: string;
  readonly argument?: string;
  /** Computes inference only. */
  readonly inferenceOnly?: true;
}

export const OURS: Library = { name: 'regraft', script: 'ours.ts' };
/** Ours from cold: the compiled package. */
const COLD: Library = { name: 'regraft', script: 'cold.mjs' };

export const PEERS: readonly Library[] = [
  { name: 'tfjs', script: 'tfjs.mjs' },
  { name: 'jax', script: 'jax.mjs' },
  { name: 'ort-web', script: 'ort.mjs', argument: 'web', inferenceOnly: true },
  { name: 'ort-node', script: 'ort.mjs', argument: 'node', inferenceOnly: true },
];

/** In the order in which they run. The cold start is of a process: from its start to the first logits. */
export const WORKLOADS = [
  'matmul512',
  'matmul1024',
  'resnet50_cold_224 b1',
  'resnet50_fwd_224 b1',
  'resnet50_fwd_224 b8',
  'resnet50_finetune_64 b16',
  'resnet50_finetune_64 b16 cached',
  'resnet50_finetune_224 b8',
  'resnet50_train_64 b8',
  'mobilenet_v2_fwd_224 b1',
  'mobilenet_v2_train_64 b16',
] as const;

/** Rounds of processes for a row that times their starts; another row takes one. */
const COLD_STARTS = 3;

export interface Row {
  readonly workload: string;
  readonly ours: Outcome;
  /** By library; those that cannot run the workload are absent. */
  readonly peers: ReadonlyMap<string, Outcome>;
}

/** Those for which `prepare.ts` writes the network's weights. */
export const isInference = (workload: string): boolean => /^resnet50_(cold|fwd)_/.test(workload);

export const isCold = (workload: string): boolean => workload.includes('_cold_');

/** Whether a library can run a workload at all. */
export const runs = (library: Library, workload: string): boolean => !library.inferenceOnly || isInference(workload);

/**
 * Runs each library in processes of its own, one after another, and ours before, between and after the peers: the speed of a machine
 * that others share changes by the minute.
 */
export class Comparison {
  readonly #peers: readonly Library[];
  readonly #folder: string;
  readonly #note: (library: Library, outcome: Outcome) => void;

  /**
   * @param folder of what `prepare.ts` wrote
   * @param note sees what every process reports as it comes
   */
  constructor(peers: readonly Library[], folder: string, note: (library: Library, outcome: Outcome) => void) {
    this.#peers = peers;
    this.#folder = folder;
    this.#note = note;
  }

  async row(workload: string): Promise<Row> {
    const peers = this.#peers.filter((library) => runs(library, workload));
    const order = [OURS, ...peers.flatMap((peer) => [peer, OURS])];
    const outcomes = new Map<Library, Outcome[]>();
    for (let k = 0; k < (isCold(workload) ? COLD_STARTS : 1); k++)
      for (const library of order) {
        const outcome = await this.#measure(library, workload);
        this.#note(library, outcome);
        outcomes.set(library, [...(outcomes.get(library) ?? []), outcome]);
      }
    const ours = middleOf(outcomes.get(OURS)!);
    const theirs = peers.map((peer) => [peer.name, onSameAdapter(ours, middleOf(outcomes.get(peer)!))] as const);
    return { workload, ours, peers: new Map(theirs) };
  }

  async #measure(library: Library, workload: string): Promise<Outcome> {
    const { script, argument } = library === OURS && isCold(workload) ? COLD : library;
    // No peer keeps the frozen trunk's results: with them, ours is compared with the same step.
    const compared = library === OURS ? workload : workload.replace(/ cached$/, '');
    try {
      return checked(await runProcess<Result>(script, [compared, ...(argument ? [argument] : [])], this.#folder));
    } catch (error) {
      return { workload: compared, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The medians of what processes of one library report; their error where one failed. */
export function middleOf(outcomes: readonly Outcome[]): Outcome {
  const failure = outcomes.find((outcome): outcome is Failure => 'error' in outcome);
  if (failure) return failure;
  const results = outcomes as readonly Result[];
  const firsts = results.flatMap((result) => result.first_run_ms ?? []);
  const loads = results.flatMap((result) => result.other_cpu ?? []);
  return {
    ...results[0]!,
    ms_median: median(results.map((result) => result.ms_median)),
    ...(firsts.length > 0 && { first_run_ms: median(firsts) }),
    ...(loads.length > 0 && { other_cpu: Math.max(...loads) }),
  };
}

/** @throws Error for what is not a result: a rejected command buffer is very fast. */
function checked(result: Result): Result {
  if (result.gpu_errors) throw new Error(`${result.gpu_errors} GPU errors: what was timed is not the workload`);
  if (!(result.ms_median > 0)) throw new Error(`no time was reported, got ${result.ms_median}`);
  return result;
}

function onSameAdapter(ours: Outcome, outcome: Outcome): Outcome {
  if ('error' in ours || 'error' in outcome || !outcome.adapter || outcome.adapter === ours.adapter) return outcome;
  return { workload: outcome.workload, error: `ran on ${outcome.adapter}, regraft on ${ours.adapter}` };
}
