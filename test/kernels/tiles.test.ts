/** Every tile that the tuner may choose computes the right numbers, in both families. */
import { describe, expect, test } from 'vitest';
import { matmul } from '../../src/kernels/gemm/matmul.ts';
import type { ProductShape } from '../../src/kernels/gemm/shape.ts';
import { candidateTiles, classOf, defaultTile, isTile, tileSize } from '../../src/kernels/gemm/tiles.ts';
import type { KernelTarget } from '../../src/kernels/kernel.ts';
import { checkConv, close, convShape, random, scaleByInput, targets } from './reference.ts';
import { runProgram } from './run.ts';

const shapeOf = (M: number, N: number, K: number, more: Partial<ProductShape> = {}): ProductShape => ({
  ...{ M, N, K, segments: 1, slices: 1, strideA: 1, strideB: 1 },
  ...more,
});

const withTiles = (target: KernelTarget): KernelTarget[] =>
  candidateTiles(target, shapeOf(1000, 1000, 100)).map((tile) => ({ ...target, tileFor: () => tile }));

const ALL = (await targets()).flatMap(withTiles);
const tileOf = (target: KernelTarget) => target.tileFor!(shapeOf(1, 1, 1))!;

/** One of the tiles that differ in depth alone, by what it is. */
const OF_EACH_SIZE = new Map(
  ALL.map((target) => {
    const { depth: _, ...size } = { depth: 0, ...tileOf(target) };
    return [JSON.stringify(size), target] as const;
  }),
);

describe('every candidate', () => {
  test('multiplies matrices of sizes that no tile divides', async () => {
    const [M, N, K] = [131, 133, 37];
    const [a, b, extra] = [random(M * K, 1), random(K * N, 2), random(13, 3)];
    const expected = new Float32Array(M * N);
    for (let i = 0; i < M * N; i++) {
      const [m, n] = [Math.floor(i / N), i % N];
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[m * K + k]! * b[k * N + n]!;
      expected[i] = sum * extra[i % 13]! + m + 0.5 * n;
    }
    const shape = { M, N, K, batch: [], aStrides: [K, 1], bStrides: [N, 1], aBatch: [], bBatch: [] } as const;
    expect(ALL.length).toBeGreaterThanOrEqual(6 + 20);
    for (const target of ALL) {
      const [y] = await runProgram(matmul(target, shape, scaleByInput(2)), [a, b, extra], [M * N]);
      close(y!, expected, 1e-5 * Math.sqrt(K));
    }
  });

  test.each([...OF_EACH_SIZE])('convolves, and gives both gradients: %s', async (_, target) => {
    await checkConv(convShape(2, 5, [13, 11], 70, [3, 2], { stride: [2, 1], padding: [1, 0, 0, 1] }), [target]);
  });
});

describe('choice', () => {
  test('classes are powers of two of the sizes, and the axes along which operands are contiguous', () => {
    expect(classOf(shapeOf(64, 3136, 64, { strideA: 32, segments: 9 }))).toBe('m6n12k6x4z0 mk');
    expect(classOf(shapeOf(33, 2049, 63, { strideA: 32, segments: 16 }))).toBe('m6n12k6x4z0 mk');
    expect(classOf(shapeOf(65, 2049, 63, { strideA: 32, segments: 16 }))).not.toBe('m6n12k6x4z0 mk');
  });

  test('the default follows the adapter, and small products get small tiles', async () => {
    const [target] = await targets();
    const on = (changes: Partial<KernelTarget>, M: number, N: number) => {
      const adapter = { ...target!, maxWorkgroupStorageBytes: 32768, maxInvocationsPerWorkgroup: 256, ...changes };
      const tile = defaultTile(adapter, shapeOf(M, N, 64));
      expect(isTile(tile, adapter)).toBe(true);
      return tileSize(adapter, tile);
    };
    const software = { software: true, subgroupSize: 8, adapter: 'llvmpipe' };
    expect(on(software, 512, 512)).toEqual([32, 64]);
    expect(on(software, 512, 32)).toEqual([32, 32]);
    expect(on(software, 5, 512)).toEqual([8, 64]);
    expect(on({ ...software, subgroupSize: 4, adapter: 'SwiftShader' }, 512, 512)).toEqual([32, 16]);
    const gpu = { software: false, subgroupSize: 32 };
    expect(on({ ...gpu, adapter: 'nvidia ampere' }, 4096, 4096)).toEqual([128, 64]);
    expect(on({ ...gpu, adapter: 'apple metal-3' }, 4096, 4096)).toEqual([64, 64]);
    expect(on({ ...gpu, adapter: 'nvidia ampere' }, 64, 64)).toEqual([32, 32]);
  });

  test('what no adapter or not this one can run is no tile', async () => {
    const [software, gpu] = await targets();
    const lane = { family: 'lane', rows: 32, columns: 8 };
    const tile = { family: 'tile', threadRows: 16, threadColumns: 16, rows: 8, columns: 8, depth: 16 };
    expect(isTile(lane, software!)).toBe(true);
    expect(isTile(lane, gpu!)).toBe(false);
    expect(isTile(tile, software!)).toBe(false);
    expect(isTile(tile, { ...gpu!, maxWorkgroupStorageBytes: 32768 })).toBe(true);
    expect(isTile(tile, { ...gpu!, maxWorkgroupStorageBytes: 16384 })).toBe(false);
    expect(isTile(tile, { ...gpu!, maxInvocationsPerWorkgroup: 128 })).toBe(false);
    for (const broken of [null, undefined, 3, {}, { ...lane, rows: 31 }, { ...tile, depth: 1e9 }])
      for (const target of [software!, gpu!]) expect(isTile(broken, target)).toBe(false);
  });
});
