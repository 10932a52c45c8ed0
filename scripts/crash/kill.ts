/** Kills a run at random moments, goes on with it, and compares the model with that of a run that nobody killed. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Generator } from '../../src/core/random.ts';
import { CHECKPOINT_FILE, type FinetuneResult, MODEL_FILES } from '../../src/runs/index.ts';
import { SETTINGS } from './inputs.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Inputs {
  readonly photos: string;
  readonly weights: string;
}

/** A finished run to compare with: its folder, and how long it took in milliseconds. */
export interface Reference {
  readonly out: string;
  readonly milliseconds: number;
}

/** A run that nobody kills. */
export async function reference({ photos, weights }: Inputs, out: string): Promise<Reference> {
  const began = performance.now();
  await finetune(newRun(photos, weights, out));
  return { out, milliseconds: performance.now() - began };
}

/**
 * Kills a run in `out` `kills` times, each time goes on with what is there, and lets it end.
 * @returns what is wrong with the outcome; nothing, if all is well.
 */
export async function killed(
  { photos, weights }: Inputs,
  out: string,
  whole: Reference,
  { kills, seed }: { readonly kills: number; readonly seed: number },
): Promise<string[]> {
  const random = new Generator(seed);
  const next = () =>
    existsSync(join(out, CHECKPOINT_FILE))
      ? ['finetune', photos, '--out', out, '--resume']
      : newRun(photos, weights, out);
  for (let k = 0; k < kills; k++) await finetune(next(), random.uniform(0.2, 1) * whole.milliseconds);
  await finetune(next());
  const faults: string[] = [];
  const left = readdirSync(out).filter(
    (name) => name !== CHECKPOINT_FILE && !Object.values<string>(MODEL_FILES).includes(name),
  );
  if (left.length > 0) faults.push(`left over: ${left.join(', ')}`);
  const [model, expected] = [out, whole.out].map((folder) => readFileSync(join(folder, MODEL_FILES.weights)));
  if (!model!.equals(expected!)) faults.push('the weights differ');
  const [run, other] = [out, whole.out].map(measured);
  if (run !== other) faults.push(`the measurements differ: ${run} and ${other}`);
  return faults;
}

function newRun(photos: string, weights: string, out: string): string[] {
  const options = Object.entries(SETTINGS).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  return ['finetune', photos, '--weights', weights, '--out', out, ...options];
}

/** Everything that must be the same, as text: times are not. */
function measured(folder: string): string {
  const { history, evaluation }: FinetuneResult = JSON.parse(readFileSync(join(folder, MODEL_FILES.metrics), 'utf8'));
  return JSON.stringify([
    history.map(({ epoch, phase, trainLoss, validationLoss, learningRate }) => [
      epoch,
      phase,
      trainLoss,
      validationLoss,
      learningRate,
    ]),
    evaluation,
  ]);
}

/** Runs the command line; after `patience` milliseconds it is killed. @throws if it ends with a fault of its own. */
async function finetune(args: readonly string[], patience?: number): Promise<void> {
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', main];
  const child = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  if (patience !== undefined) await Promise.race([ended, sleep(patience).then(() => child.kill('SIGKILL'))]);
  const code = await ended;
  if (code !== 0 && code !== null) throw new Error(`regraft ${args.join(' ')} ended with ${code}: ${told}`);
}
