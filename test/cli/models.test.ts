/** `regraft models`: what it lists is what the registry and the networks themselves say. */
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { MODELS } from '../../src/models/index.ts';
import { defaultModel, photosPerSecond } from '../../src/runs/default-model.ts';
import { temporaryFolder } from '../data/photos.ts';
import { regraft } from './regraft.ts';

const home = temporaryFolder();
const names = Object.keys(MODELS) as (keyof typeof MODELS)[];

test('every network with a true count of its parameters, and the figures of its best published weights', async () => {
  const { code, stdout, stderr } = await regraft(['models', '--json'], home);
  expect(code, stderr).toBe(0);
  const listed: Record<string, unknown>[] = JSON.parse(stdout);
  expect(listed.map(({ name }) => name)).toEqual(names);
  const [only] = listed.filter((of) => of.default);
  const software = only!.name === defaultModel({ software: true });
  for (const [i, name] of names.entries()) {
    const entry = MODELS[name];
    const best = entry.weights?.DEFAULT;
    const model = await entry.create();
    expect(listed[i]).toEqual({
      name,
      parameters: model.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      megabytes: best ? best.sizeMiB * 1.048576 : null,
      top1: best ? best.metrics.top1 / 100 : null,
      photosPerSecond: photosPerSecond(entry, { software }, availableParallelism()),
      weights: Object.keys(entry.weights ?? {}).filter((key) => key !== 'DEFAULT'),
      default: name === defaultModel({ software }),
    });
    // Four bytes a parameter, and a little for names, statistics and counters.
    if (best) {
      expect((best.sizeMiB * 2 ** 20) / best.numParams).toBeGreaterThan(3.99);
      expect((best.sizeMiB * 2 ** 20) / best.numParams).toBeLessThan(4.1);
    }
  }
});

test('a table for people: a line a network, what it is measured on below', async () => {
  const { code, stdout } = await regraft(['models'], home);
  expect(code).toBe(0);
  const [head, ...lines] = stdout.split('\n');
  expect(head).toMatch(/^network +parameters +weights +ImageNet +photos\/s$/);
  expect(lines.slice(0, names.length).map((line) => line.split(' ')[0])).toEqual(names);
  expect(stdout).toMatch(/^resnet50 +25\.6 M +\d+ MB +80\.\d %/m);
  expect(stdout.match(/taken when none is named/g)).toHaveLength(1);
  expect(stdout).toContain('Photos a second: a rough estimate from the arithmetic, for the first pass on ');
});
