/** Loads the families of kernels that an adapter runs beside those that all do. */
import { type Families, loaded } from './families.ts';
import type { KernelTarget } from './kernel.ts';

const loaders: { readonly [Name in keyof Families]: () => Promise<Families[Name]> } = {
  software: () => import('./software.ts'),
  matrix: () => import('./gemm/matrix.ts'),
};

async function load<Name extends keyof Families>(name: Name): Promise<void> {
  loaded[name] ??= await loaders[name]();
}

/** Loads the families that kernels for `target` may ask for. */
export async function loadFamilies({
  software,
  matrices = [],
}: Pick<KernelTarget, 'software' | 'matrices'>): Promise<void> {
  await Promise.all([software && load('software'), matrices.length > 0 && load('matrix')]);
}
