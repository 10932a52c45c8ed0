/** Initial values: their distributions, and what is refused. */
import { expect, test } from 'vitest';
import { manualSeed } from '../../src/core/random.ts';
import { init, Parameter } from '../../src/nn/index.ts';

const parameter = () => new Parameter([100, 200], () => new Float32Array(20_000));

test('truncNormal: within its bounds, with the moments of a normal distribution cut there', async () => {
  manualSeed(0);
  const p = parameter();
  init.truncNormal(p, 1, 2, -1, 3);
  const values = (await p.toTensorData()).data as Float32Array;
  expect(values.every((v) => v >= -1 && v <= 3)).toBe(true);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  expect(mean).toBeCloseTo(1, 1);
  // 1 - 2 phi(1) / (2 Phi(1) - 1) of the variance is left of a normal distribution within one deviation.
  expect(Math.sqrt(variance)).toBeCloseTo(2 * Math.sqrt(1 - (2 * 0.24197) / 0.68269), 1);
  manualSeed(0);
  const again = parameter();
  init.truncNormal(again, 1, 2, -1, 3);
  expect((await again.toTensorData()).data).toEqual(values);
});

test('truncNormal refuses bounds that leave next to nothing', () => {
  expect(() => init.truncNormal(parameter(), 0, 0.1, 2, 3)).toThrow(
    'truncNormal: expected bounds around the mean, at least a deviation apart, got [2, 3] for mean 0 and deviation 0.1. ' +
      'Bounds are values, not multiples of the deviation.',
  );
  expect(() => init.truncNormal(parameter(), 0, 1, -0.1, 0.1)).toThrow('truncNormal: expected bounds around the mean');
});
