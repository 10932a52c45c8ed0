/** The network of a run that names none, and what a failed download offers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chooseModel } from '../../src/runs/choose-model.ts';
import { defaultModel, photosPerSecond } from '../../src/runs/default-model.ts';
import { createProgress } from '../../src/runs/terminal-progress.ts';
import { weightsOnDisk } from '../../src/runs/weights-on-disk.ts';
import { temporaryFolder } from '../data/photos.ts';
import { someWeights } from './colour-photos.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

function told() {
  const lines: string[] = [];
  return { lines, progress: { ...createProgress(), note: (text: string) => void lines.push(text) } };
}

describe('chooseModel', () => {
  test('a weight file names it', async () => {
    const { lines, progress } = told();
    const weights = await someWeights();
    expect(await chooseModel(weights, progress)).toBe('cifarResnet20');
    expect(lines).toEqual([`Network: cifarResnet20, which the weights in ${weights} are of.`]);
  });

  test('without one it suits the adapter', async () => {
    const { lines, progress } = told();
    const name = await chooseModel(undefined, progress);
    expect(['squeezenet1_1', 'resnet18']).toContain(name);
    expect(lines).toEqual([
      expect.stringMatching(/^Network: \w+, .*\. --model takes another; regraft models lists them\.$/),
    ]);
  });

  test('a small one where the CPU computes, a larger one on a GPU', () => {
    expect(defaultModel({ software: true })).toBe('squeezenet1_1');
    expect(defaultModel({ software: false })).toBe('resnet18');
    expect(photosPerSecond({ multiplyAdds: 2 }, { software: true }, 4)).toBe(8);
    expect(photosPerSecond({ multiplyAdds: 0.01 }, { software: false }, 4)).toBe(500);
  });
});

test('weights that need no network', async () => {
  const cache = temporaryFolder();
  const folder = temporaryFolder();
  vi.stubEnv('REGRAFT_CACHE', cache);
  expect(await weightsOnDisk('resnet50', folder)).toBe('');
  mkdirSync(join(cache, 'weights'), { recursive: true });
  writeFileSync(join(cache, 'weights/resnet18-f37072fd.pth'), '');
  expect(await weightsOnDisk('resnet50', folder)).toBe('In the cache are the weights of resnet18: name that network.');
  // The file that has just failed is no way out.
  expect(await weightsOnDisk('resnet18', folder)).toBe('');
  writeFileSync(join(folder, 'b.pth'), '');
  expect(await weightsOnDisk('resnet18', folder)).toBe('This folder has b.pth: name it as weights.');
  for (const name of ['b.pth', 'a.safetensors', 'notes.txt']) writeFileSync(join(folder, name), '');
  expect(await weightsOnDisk('resnet50', folder)).toBe(
    'In the cache are the weights of resnet18: name that network. This folder has a.safetensors, b.pth: name one as weights.',
  );
});
