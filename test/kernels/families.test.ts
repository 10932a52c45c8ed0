import { expect, test } from 'vitest';
import { family, loaded } from '../../src/kernels/families.ts';
import { loadFamilies } from '../../src/kernels/load-families.ts';

test('kernels that few adapters run are loaded for those, and named where they are missing', async () => {
  expect(loaded).toEqual({});
  await loadFamilies({ software: false });
  expect(loaded).toEqual({});
  expect(() => family('software')).toThrow(
    "regraft: the kernels 'software' are not loaded. Call `await init()` first.",
  );
  await loadFamilies({ software: true, matrices: [] });
  expect(Object.keys(loaded)).toEqual(['software']);
  await loadFamilies({ software: false, matrices: [{ component: 'f32', M: 8, N: 8, K: 8 }] });
  expect(Object.keys(loaded)).toEqual(['software', 'matrix']);
  expect(family('matrix').matrixMain).toBeTypeOf('function');
});
