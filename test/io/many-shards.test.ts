/** A model in more shards than a process may hold open. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { readWeights } from '../../src/io/index.ts';

const files = vi.hoisted(() => ({ open: 0, most: 0 }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open = async (...args: Parameters<typeof real.open>) => {
    const file = await real.open(...args);
    const close = file.close.bind(file);
    files.most = Math.max(files.most, ++files.open);
    return Object.assign(file, { close: () => close().finally(() => files.open--) });
  };
  return { ...real, open };
});

test('two files are open at once, the manifest and a shard', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-test-'));
  const paths = Array.from({ length: 300 }, (_, i) => `shard${i}.bin`);
  for (const [i, path] of paths.entries()) await writeFile(join(folder, path), new Float32Array([i]));
  const weights = [{ name: 'w', dtype: 'float32', shape: [300] }];
  await writeFile(join(folder, 'model.json'), JSON.stringify({ weightsManifest: [{ paths, weights }] }));
  Object.assign(files, { open: 0, most: 0 });
  const state = await readWeights(join(folder, 'model.json'));
  expect(state.get('w')!.data).toEqual(Float32Array.from(paths, (_, i) => i));
  expect(files).toEqual({ open: 0, most: 2 });
  await rm(folder, { recursive: true });
});
