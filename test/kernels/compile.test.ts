/** Every kernel compiles without a message, warnings included, whatever kind of adapter it was written for. */
import { beforeAll, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import { kernelsFor, TARGETS } from './catalog.ts';

beforeAll(async () => {
  await init();
});

test.each(Object.entries(TARGETS))('%s: every kernel compiles without a message', async (_, target) => {
  const { gpu } = currentDevice();
  const kernels = [...kernelsFor(target).values()];
  expect(kernels.length).toBeGreaterThan(100);
  const messages = await Promise.all(
    kernels.map(async ({ name, wgsl, params: uniform = [], immediates = [] }) => {
      const params = [...uniform, ...immediates];
      const words = /struct Params \{([^}]*)\}/.exec(wgsl)?.[1];
      const info = await gpu.createShaderModule({ code: wgsl }).getCompilationInfo();
      const faults = info.messages.map((m) => `${name}: line ${m.lineNum}: ${m.message}`);
      // A struct of plain words must have as many fields as the step has parameters.
      const plain = words && !/array|vec|mat/.test(words) ? (words.match(/:/g) ?? []).length : params.length;
      return plain === params.length ? faults : [...faults, `${name}: ${params.length} parameters for ${plain} fields`];
    }),
  );
  expect(messages.flat()).toEqual([]);
  const inCommands = kernels.filter(({ immediates }) => immediates);
  expect(kernels.filter(({ wgsl }) => wgsl.includes('var<immediate>'))).toEqual(inCommands);
  expect(inCommands.length > 100).toBe(target.immediateBytes! > 0);
});
