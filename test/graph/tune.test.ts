import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import type { Group } from '../../src/graph/fuse.ts';
import { explain, plannedGroups } from '../../src/graph/run.ts';
import { compare } from '../../src/graph/tune.ts';
import { tilesOf } from '../../src/graph/tuning.ts';
import { init, noGrad, randn, tensor, tune } from '../../src/index.ts';
import type { ProductShape } from '../../src/kernels/gemm-tiles.ts';
import { Linear } from '../../src/nn/index.ts';
import { Adam } from '../../src/optim/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-tune-'));
  vi.stubEnv('REGRAFT_CACHE', folder);
  vi.stubEnv('REGRAFT_TUNING', '');
  vi.stubEnv('CI', '');
  await init({ adapter: process.env.REGRAFT_ADAPTER || 'auto' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  currentDevice().tuning = undefined;
  await rm(folder, { recursive: true });
});

const [a, b] = [() => randn([40, 50]), () => randn([50, 70])];

describe('tune', () => {
  test('measures the products of a program once, and notes the fastest tiles', async () => {
    const [x, y] = [a(), b()];
    const program = () => noGrad(() => [x.matmul(y).relu(), x.matmul(y)]);
    const seen: string[] = [];
    const tuned = await tune(program, (product) => seen.push(product.class));
    expect(tuned).toHaveLength(1);
    const [product] = tuned;
    expect(product!.class).toMatch(/^m6n7k6x0z0 /);
    expect(product!.wrong).toEqual([]);
    expect(seen).toEqual([product!.class]);
    expect(product!.kernel).toMatch(/^matmul\./);
    expect(product!.candidates).toBeGreaterThan(2);
    expect(product!.best.ms).toBeLessThanOrEqual(product!.default.ms);
    expect(tilesOf(currentDevice())).toEqual({ [product!.class]: product!.best.tile });
    const note = JSON.parse(await readFile(join(folder, currentDevice().tuningNote), 'utf8'));
    expect(note).toEqual({ adapter: currentDevice().target.adapter, tiles: tilesOf(currentDevice()) });
    expect(await tune(program)).toEqual([]);
  });

  test('another run reads the note and plans by it', async () => {
    const [x, y] = [a(), b()];
    const program = () => noGrad(() => x.matmul(y));
    const { target, tuningNote } = currentDevice();
    const [product] = await tune(program);
    const other =
      product!.default.tile.family === 'lane'
        ? { family: 'lane', rows: 8, columns: 4 }
        : { ...product!.default.tile, depth: 8 };
    const tiles = { [product!.class]: other, 'm1n1k1x0z0 kk': { family: 'tile', rows: 1e9 } };
    await writeFile(join(folder, tuningNote), JSON.stringify({ adapter: target.adapter, tiles }));
    const before = explain(program).kernels;
    const expected = await program().data();
    await init({ adapter: process.env.REGRAFT_ADAPTER || 'auto' });
    expect(tilesOf(currentDevice())).toEqual({ [product!.class]: other });
    const [p, q] = [a(), b()];
    expect(explain(() => noGrad(() => p.matmul(q))).kernels).not.toEqual(before);
    expect(expected).toHaveLength(40 * 70);
  });

  test.each(['1', ''])('is not read on CI machines, nor with REGRAFT_TUNING=off (CI=%s)', async (ci) => {
    await writeFile(join(folder, currentDevice().tuningNote), '{"tiles":{}}');
    vi.stubEnv('CI', ci);
    if (!ci) vi.stubEnv('REGRAFT_TUNING', 'off');
    await init({ adapter: process.env.REGRAFT_ADAPTER || 'auto' });
    expect(currentDevice().tuning).toBeUndefined();
  });

  test('a damaged note tunes nothing', async () => {
    for (const note of ['', 'no JSON', '[]', 'null', '{"tiles":null}', '{"tiles":{"x":{"family":"lane"}}}']) {
      currentDevice().tuning = note;
      expect(tilesOf(currentDevice())).toEqual({});
    }
  });

  test('a tile that computes something else cannot win', async () => {
    const [x, y] = [a(), b()];
    const group = plannedGroups(() => noGrad(() => x.matmul(y))).find(({ root }) => root.name === 'matmul')!;
    const products: ProductShape[] = [];
    const tileFor = (product: ProductShape) => {
      products.push(product);
      return undefined;
    };
    group.lower({ ...currentDevice().target, tileFor });
    const standard = group.lower(currentDevice().target).steps.at(-1)!.name;
    // Every tile but the default is much faster: it computes the first tile only.
    const broken: Group = {
      ...group,
      lower: (on) => {
        const program = group.lower(on);
        const steps = program.steps.map((step) =>
          step.name === standard ? step : { ...step, workgroups: [1, 1, 1] as const },
        );
        return { ...program, steps };
      },
    };
    const result = await compare(currentDevice(), broken, products[0]!);
    expect(result.best.tile).toEqual(result.default.tile);
    expect(result.wrong.length).toBeGreaterThan(0);
    expect(result.wrong).toHaveLength(result.candidates - 1);
  });

  test('a product that an optimizer takes is compared in what it updates', async () => {
    const layer = new Linear(40, 32);
    const optimizer = new Adam(layer.parameters());
    const tuned = await tune(() => {
      layer
        .forward(tensor(new Float32Array(40 * 50), [50, 40]))
        .sum()
        .backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    const { candidates, wrong } = tuned.find(({ kernel }) => kernel.endsWith('+adam'))!;
    expect(candidates).toBeGreaterThan(1);
    expect(wrong).toEqual([]);
  });
});
