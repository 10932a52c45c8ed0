import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hasFloat16, type MatrixConfig } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import type { Device } from '../../src/device/device.ts';
import type { Group } from '../../src/graph/group.ts';
import { explain, plannedGroups } from '../../src/graph/run.ts';
import { compare } from '../../src/graph/tune.ts';
import { tilesOf } from '../../src/graph/tuning.ts';
import { init, noGrad, randn, type Tensor, tensor, tune } from '../../src/index.ts';
import type { MatrixTile, ProductShape } from '../../src/kernels/gemm/shape.ts';
import { Linear } from '../../src/nn/index.ts';
import { Adam } from '../../src/optim/index.ts';
import { emulateMatrices } from '../kernels/emulate-matrices.ts';
import { loadAllFamilies } from '../kernels/load-all.ts';
import { expectClose, tolerances } from '../tolerances.ts';

await loadAllFamilies();
const supported = hasFloat16(await init());

/** The device as another run would open it. */
async function reopen(): Promise<void> {
  currentDevice().destroy();
  await init();
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-tune-'));
  vi.stubEnv('REGRAFT_CACHE', folder);
  vi.stubEnv('REGRAFT_TUNING', '');
  vi.stubEnv('CI', '');
  await reopen();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
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
    const best = product!.best.tile;
    const other =
      best.family === 'lane'
        ? { family: 'lane', rows: best.rows === 8 ? 32 : 8, columns: 4 }
        : { ...best, depth: best.depth === 16 ? 32 : 16 };
    const tiles = { [product!.class]: other, 'm1n1k1x0z0 kk': { family: 'tile', rows: 1e9 } };
    await writeFile(join(folder, tuningNote), JSON.stringify({ adapter: target.adapter, tiles }));
    const before = explain(program).kernels;
    const expected = await program().data();
    await reopen();
    expect(tilesOf(currentDevice())).toEqual({ [product!.class]: other });
    const [p, q] = [a(), b()];
    expect(explain(() => noGrad(() => p.matmul(q))).kernels).not.toEqual(before);
    expect(expected).toHaveLength(40 * 70);
  });

  test.each(['1', ''])('is not read on CI machines, nor with REGRAFT_TUNING=off (CI=%s)', async (ci) => {
    await writeFile(join(folder, currentDevice().tuningNote), '{"tiles":{}}');
    vi.stubEnv('CI', ci);
    if (!ci) vi.stubEnv('REGRAFT_TUNING', 'off');
    await reopen();
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

describe('where subgroups multiply matrices', () => {
  const half: MatrixConfig = { component: 'f16', M: 8, N: 8, K: 8 };
  const single: MatrixConfig = { component: 'f32', M: 8, N: 8, K: 8 };
  const inNote = (config: MatrixConfig): MatrixTile => ({
    ...config,
    ...{ family: 'matrix', subgroupRows: 1, subgroupColumns: 2, rows: 2, columns: 2, depth: 16 },
  });
  const [m, n, k] = [13, 21, 19];
  const values = (): [Tensor, Tensor] => [randn([m, k]), randn([k, n])];
  const halves = (): [Tensor, Tensor] => {
    const [x, y] = values();
    return [x.to('float16'), y.to('float16')];
  };
  const product =
    ([x, y]: [Tensor, Tensor]) =>
    () =>
      noGrad(() => x.matmul(y).relu());
  const note = (tiles: object): void => {
    currentDevice().tuning = JSON.stringify({ tiles });
  };

  let target: Device['target'];
  /** As if the adapter were a GPU with these matrices, in workgroups so small that few tiles fit. */
  const pretend = (...matrices: MatrixConfig[]): void => {
    const limits = { maxInvocationsPerWorkgroup: 4 * target.maxSubgroupSize, maxWorkgroupStorageBytes: 8192 };
    Object.assign(currentDevice(), { target: { ...target, ...limits, software: false, matrices } });
    emulateMatrices(currentDevice().gpu);
  };
  beforeEach(() => {
    ({ target } = currentDevice());
  });
  afterEach(() => {
    Object.assign(currentDevice(), { target });
  });

  test('products of float32 are tuned to matrices of float32, in the classes that they have without', async () => {
    pretend(half, single);
    const operands = values();
    const [tuned] = await tune(product(operands));
    expect(tuned).toMatchObject({ class: 'm4n5k5x0z0 kn', wrong: [] });
    expect(tuned!.candidates).toBeGreaterThan(1);
    note({ [tuned!.class]: inNote(half) });
    expect(explain(product(operands)).kernels.join()).not.toMatch(/matrix/);
    note({ [tuned!.class]: inNote(single) });
    expect(explain(product(operands)).kernels).toEqual([expect.stringMatching(/^matmul\.matrix16x32x16f32/)]);
    const found = await product(operands)().data();
    Object.assign(currentDevice(), { target });
    note({});
    expect(explain(product(operands)).kernels.join()).not.toMatch(/matrix/);
    expectClose('y', found, await product(operands)().data(), tolerances.accumulated);
  });

  describe.skipIf(!supported)('of float16 (needs an adapter with shader-f16)', () => {
    test('products of float16 are tuned, in classes of their own', async () => {
      const operands = halves();
      expect(await tune(product(operands))).toEqual([]);
      pretend(single);
      expect(await tune(product(operands))).toEqual([]);
      pretend(half);
      const [tuned, ...others] = await tune(product(operands));
      expect(tuned).toMatchObject({ class: 'm4n5k5x0z0 kn f16', wrong: [] });
      expect(tuned!.candidates).toBeGreaterThan(1);
      expect(others).toEqual([]);
    });

    test('they run as noted, with the results of other tiles; products of float32 do not', async () => {
      const operands = halves();
      const expected = await product(operands)().data();
      pretend(half);
      note({ 'm4n5k5x0z0 kn': inNote(half), 'm4n5k5x0z0 kn f16': inNote(half) });
      expect(explain(product(operands)).kernels).toEqual([expect.stringMatching(/^matmul\.matrix16x32x16f16/)]);
      expectClose('y', await product(operands)().data(), expected, tolerances.half);
      expect(explain(product(values())).kernels.join()).not.toMatch(/matrix/);
    });

    test('so do convolutions and their gradients', async () => {
      const [x, weight] = [randn([2, 3, 7, 6]), randn([10, 3, 3, 3])].map((t) => t.to('float16')) as [Tensor, Tensor];
      x.requires_grad = weight.requires_grad = true;
      const program = () => {
        x.grad = weight.grad = null;
        const y = x.conv2d(weight, undefined, { padding: 1 });
        y.mul(y).sum().backward();
        return [y, x.grad!, weight.grad!];
      };
      const results = () => Promise.all(program().map((t) => t.data()));
      const expected = await results();
      pretend(half);
      const tuned = await tune(program);
      expect(tuned.flatMap(({ wrong }) => wrong)).toEqual([]);
      note(Object.fromEntries(tuned.map((one) => [one.class, inNote(half)])));
      const { kernels } = explain(program);
      for (const name of ['conv2d', 'conv2dInputGrad', 'conv2dWeightGrad'])
        expect(kernels).toContainEqual(expect.stringMatching(new RegExp(`^${name}\\.matrix`)));
      const found = await results();
      ['y', 'gx', 'gw'].forEach((what, i) => {
        expectClose(what, found[i]!, expected[i]!, tolerances.half);
      });
    });

    test('a note of another adapter, that has them, is refused', () => {
      const tiles = { 'm4n5k5x0z0 kn f16': inNote(half) };
      pretend(half);
      note(tiles);
      expect(tilesOf(currentDevice())).toEqual(tiles);
      pretend(single);
      expect(tilesOf(currentDevice())).toEqual({});
      Object.assign(currentDevice(), { target });
      expect(tilesOf(currentDevice())).toEqual({});
    });
  });
});
