/** Runs on a disk that is full at one step after another: each must end in words, lose nothing, and be gone on with. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { RegraftError } from '../../src/core/errors.ts';
import { finetune } from '../../src/runs/index.ts';
import { openModel } from '../../src/runs/open-model.ts';
import type { Inputs } from './kill.ts';

/** What takes room on a disk, with the path as its first argument. */
const BY_PATH = ['mkdir', 'open', 'rename', 'writeFile'] as const;
const BY_PATH_NOW = ['mkdirSync', 'openSync'] as const;

const RUN = { model: 'cifarResnet20', epochs: 2, batchSize: 5 } as const;

/**
 * Lets one step after another of a run that replaces a model fail, from the first on, every `stride`-th.
 * @returns how many there were, and what went wrong.
 */
export async function fullDisk(
  { photos, weights }: Inputs,
  folder: string,
  stride = 1,
): Promise<{ steps: number; faults: string[] }> {
  const faults: string[] = [];
  const older = join(folder, 'older');
  await finetune({ ...RUN, photos, weights, out: older, epochs: 1 });
  for (let step = 1; ; step += stride) {
    const out = join(folder, `full-${step}`);
    fs.cpSync(older, out, { recursive: true });
    const disk = fillAt(out, step);
    const error = await finetune({ ...RUN, photos, weights, out }).then(
      () => null,
      (fault: unknown) => fault,
    );
    disk.restore();
    if (!disk.wasFull()) return { steps: step - 1, faults };
    faults.push(...(await faultsOf(error, out, photos)).map((fault) => `step ${step}: ${fault}`));
  }
}

/** What is wrong after a run that met a full disk. */
async function faultsOf(error: unknown, out: string, photos: string): Promise<string[]> {
  const faults: string[] = [];
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof RegraftError)) faults.push(`no fault of regraft's: ${text}`);
  else if (!text.includes('the disk is full') || /\.writing-|\.tmp/.test(text)) faults.push(`told as: ${text}`);
  const left = fs.readdirSync(out).filter((name) => /^\.|\.tmp$|\.lock$/.test(name));
  if (left.length > 0) faults.push(`left over: ${left.join(', ')}`);
  const whole = () =>
    openModel(out).then(
      () => true,
      (fault: Error) => (/are of two models/.test(fault.message) ? false : Promise.reject(fault)),
    );
  try {
    await whole();
    await finetune({ photos, out, resume: true });
    if (!(await whole())) faults.push('the model is not whole after going on');
  } catch (fault) {
    faults.push(`cannot go on: ${(fault as Error).message}`);
  }
  return faults;
}

/** Lets the `step`-th write below `folder` fail, and all after it, as on a disk that is full. */
function fillAt(folder: string, step: number): { restore: () => void; wasFull: () => boolean } {
  let count = 0;
  const isFull = (path: unknown) => String(path).startsWith(folder) && ++count >= step;
  const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  // biome-ignore lint/suspicious/noExplicitAny: functions of any kind, by their names
  const [promises, now] = [fs.promises as any, fs as any];
  const before = {
    promises: Object.fromEntries(BY_PATH.map((name) => [name, promises[name]])),
    now: Object.fromEntries(BY_PATH_NOW.map((name) => [name, now[name]])),
  };
  for (const name of BY_PATH)
    promises[name] = async (path: unknown, ...rest: unknown[]) => {
      if (isReading(name, rest[0])) return before.promises[name](path, ...rest);
      if (isFull(path)) throw noSpace();
      const result = await before.promises[name](path, ...rest);
      if (name === 'open' && String(path).startsWith(folder)) fillHandle(result, () => isFull(path), noSpace);
      return result;
    };
  for (const name of BY_PATH_NOW)
    now[name] = (path: unknown, ...rest: unknown[]) => {
      if (!isReading(name, rest[0]) && isFull(path)) throw noSpace();
      return before.now[name](path, ...rest);
    };
  syncBuiltinESMExports();
  return {
    wasFull: () => count >= step,
    restore() {
      Object.assign(promises, before.promises);
      Object.assign(now, before.now);
      syncBuiltinESMExports();
    },
  };
}

const isReading = (name: string, flags: unknown): boolean =>
  name.startsWith('open') && (flags === undefined || flags === 'r');

/** Lets the writes of an open file fail too. */
function fillHandle(file: fs.promises.FileHandle, isFull: () => boolean, noSpace: () => Error): void {
  for (const name of ['write', 'sync'] as const) {
    const before = file[name].bind(file) as (...args: unknown[]) => Promise<unknown>;
    Object.defineProperty(file, name, {
      value: async (...args: unknown[]) => {
        if (isFull()) throw noSpace();
        return before(...args);
      },
    });
  }
}
