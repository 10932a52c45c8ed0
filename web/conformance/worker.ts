/** The Worker: owns the GPU and runs the checks one after another. */
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import type { Check } from '../../test/measurement.ts';
import { poisonBuffers } from '../../test/poison.ts';
import { deviceLost } from '../worker/faults.ts';
import { checksOf } from './groups.ts';
import type { Event, Group, Order, Result } from './messages.ts';

const post = (event: Event): void => globalThis.postMessage(event);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function open(): Promise<void> {
  try {
    const adapter = await init();
    poisonBuffers(currentDevice());
    post({ event: 'open', adapter });
  } catch (error) {
    post({ event: 'closed', message: textOf(error) });
  }
}

async function run({ groups, slow }: Order): Promise<void> {
  const checks = (await Promise.all(groups.map((group) => checksOf(group, slow)))).flat();
  const named = checks.map(({ group, check: { subject, name } }) => ({ group, subject, name }));
  post({ event: 'planned', checks: named });
  for (const { group, check } of checks) {
    const result = await resultOf(group, check);
    post({ event: 'result', result });
    if (deviceLost()) throw new Error(result.error ?? 'the device was lost.');
  }
  post({ event: 'done' });
}

async function resultOf(group: Group, check: Check): Promise<Result> {
  const { subject, name } = check;
  const start = performance.now();
  const took = () => Math.round(performance.now() - start);
  try {
    const measurements = await check.measure();
    const pass = measurements.length > 0 && measurements.every(({ fault }) => !fault);
    return { group, subject, name, pass, measurements, milliseconds: took() };
  } catch (error) {
    return { group, subject, name, pass: false, measurements: [], error: textOf(error), milliseconds: took() };
  }
}

globalThis.addEventListener('message', ({ data }: MessageEvent<Order>) => {
  run(data).catch((error) => post({ event: 'broken', message: textOf(error) }));
});
void open();
