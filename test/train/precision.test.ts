/** Training in float16: it learns what float32 does, the trunk cache keeps what was computed, and an adapter without it says so. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { DataLoader } from '../../src/data/data-loader.ts';
import { hasFloat16 } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { GradScaler, SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions } from '../../src/train/fit-options.ts';
import { availablePrecision } from '../../src/train/precision.ts';
import { poisonBuffers } from '../poison.ts';
import { images, made, Residual } from './nets.ts';

const supported = hasFloat16(await init());

beforeAll(() => poisonBuffers(currentDevice()));

async function trained(options: Partial<FitOptions> = {}, frozen: string[] = []) {
  const model: Module = made(() => new Residual(), ...frozen);
  const train = new DataLoader(images(10), { batchSize: 4 });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const { history } = await fit(model, { train, validation: images(6, 3), epochs: 3, optimizer, ...options });
  return { model, history, losses: history.flatMap((r) => [r.trainLoss!, r.validationLoss!]) };
}

/** Low enough that none of the few steps is left out. */
const scaler = () => new GradScaler({ initScale: 256 });

/** Rounding moves single steps: by a few hundredths of a loss that begins above 1. */
const close = (got: readonly number[], want: readonly number[]) => {
  for (const [k, loss] of got.entries()) expect(Math.abs(loss - want[k]!)).toBeLessThan(0.05);
};

describe.skipIf(!supported)('fit in float16 (needs an adapter with shader-f16)', () => {
  test('learns what float32 does, its parameters in float32', async () => {
    const want = await trained();
    const { model, losses } = await trained({ precision: 'float16', scaler: scaler() });
    expect(losses).not.toEqual(want.losses);
    close(losses, want.losses);
    expect(new Set(model.parameters().map((p) => p.dtype))).toEqual(new Set(['float32']));
    const options = { accumulate: 2, clipGradNorm: 1 };
    const gathered = await trained({ precision: 'float16', scaler: scaler(), ...options });
    close(gathered.losses, (await trained(options)).losses);
  });

  test('feeds from the trunk cache, in memory and on disk', async () => {
    const frozen = ['conv1', 'bn1', 'layer1'];
    const want = await trained({ precision: 'float16', scaler: scaler(), cache: false }, frozen);
    for (const cache of [true, { memoryBytes: 0 }]) {
      const { history, losses } = await trained({ precision: 'float16', scaler: scaler(), cache }, frozen);
      expect(history.map((r) => r.cached)).toEqual([false, true, true]);
      close(losses, want.losses);
    }
  });

  test('takes steps that overflow for none, and lowers the scale', async () => {
    const scaler = new GradScaler({ initScale: 2 ** 60 });
    const { losses } = await trained({ precision: 'float16', scaler });
    expect(losses[0]).toBe(
      (await trained({ precision: 'float16', scaler: new GradScaler({ initScale: 2 ** 60 }) })).losses[0],
    );
    expect(await scaler.getScale()).toBeLessThan(2 ** 60);
  });
});

describe('without 16-bit floats', () => {
  test('a run says so in one line, and computes in float32', async () => {
    const { info } = currentDevice();
    const { features } = info;
    const word = `precision: this adapter (${info.description}) has no 16-bit floats (shader-f16), so the run computes in float32.`;
    const want = await trained();
    (info as { features: readonly string[] }).features = features.filter((f) => f !== 'shader-f16');
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      const note = vi.fn();
      const progress = { start: () => {}, update: () => {}, end: () => {}, note };
      expect((await trained({ precision: 'float16', progress })).losses).toEqual(want.losses);
      expect(note.mock.calls).toEqual([[word]]);
      expect(availablePrecision('float16', null)).toBe('float32');
      expect(warn.mock.calls).toEqual([[word]]);
    } finally {
      warn.mockRestore();
      (info as { features: readonly string[] }).features = features;
    }
  });

  test('another word than float32 or float16 is refused', () => {
    expect(() => availablePrecision('half' as 'float16', null)).toThrow(
      "precision must be float32 or float16, got 'half'.",
    );
  });
});
