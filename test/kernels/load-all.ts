/** Kernels of every kind of adapter, for tests that lower for others than the one that is open. */
import { loadFamilies } from '../../src/kernels/load-families.ts';

export const loadAllFamilies = (): Promise<void> =>
  loadFamilies({ software: true, matrices: [{ component: 'f32', M: 8, N: 8, K: 8 }] });
