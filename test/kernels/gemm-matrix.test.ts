/**
 * The family `matrix`, wherever: its modules compile as they are on Dawn's null backend, and compute the right numbers, with the builtins
 * emulated where the adapter has none.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fromHalves, toHalves } from '../../src/core/dtype.ts';
import { hasFloat16, type MatrixConfig } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import { plannedSteps } from '../../src/graph/run.ts';
import { init, tensor } from '../../src/index.ts';
import { conv2d } from '../../src/kernels/conv2d/direct.ts';
import { conv2dInputGrad, conv2dWeightGrad } from '../../src/kernels/conv2d/direct-grad.ts';
import { conv2dOfPatches } from '../../src/kernels/conv2d/patches.ts';
import { winograd } from '../../src/kernels/conv2d/winograd.ts';
import { withElementTypes } from '../../src/kernels/element-types.ts';
import { type MatmulShape, matmul } from '../../src/kernels/gemm/matmul.ts';
import type { MatrixTile, ProductShape } from '../../src/kernels/gemm/shape.ts';
import { candidateTiles, classOf, defaultTile, isTile } from '../../src/kernels/gemm/tiles.ts';
import { identityEpilogue, type KernelTarget, type Operand, type Program } from '../../src/kernels/kernel.ts';
import { Linear } from '../../src/nn/index.ts';
import { Adam } from '../../src/optim/index.ts';
import { kernelsFor } from './catalog.ts';
import { emulateMatrices } from './emulate-matrices.ts';
import { checkConv, checkInPlace, close, convShape, random, scaleByInput } from './reference.ts';
import { openDevice, runProgram } from './run.ts';

const config = (component: 'f16' | 'f32', M: number, N: number, K: number): MatrixConfig => ({ component, M, N, K });
const CONFIGS = [
  config('f16', 16, 16, 16),
  config('f16', 16, 8, 16),
  config('f16', 8, 16, 16),
  config('f16', 16, 8, 8),
  config('f32', 8, 8, 8),
];

/** Subgroups down and across, fragments of each down and across. */
const GRIDS = [
  [1, 2, 1, 2],
  [2, 1, 2, 1],
  [2, 2, 1, 2],
  [1, 2, 2, 1],
] as const;

const GPU: KernelTarget = {
  software: false,
  subgroupSize: 32,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 49152,
  maxInvocationsPerWorkgroup: 256,
  matrices: CONFIGS,
  maxSubgroupSize: 32,
  adapter: '',
};

const large = { M: 1024, N: 1024, K: 1024, segments: 1, slices: 1, strideA: 1, strideB: 1 };
const matrixTiles = (target: KernelTarget, product: ProductShape): MatrixTile[] =>
  candidateTiles(target, product).filter((tile) => tile.family === 'matrix');
const everyMatrixTile = (target: KernelTarget): MatrixTile[] =>
  [true, false].flatMap((float16) => matrixTiles(target, { ...large, float16 }));

/** The target with one tile for every product, all of whose operands are of the tile's type. */
const inTile = (target: KernelTarget, tile: MatrixTile): KernelTarget => ({
  ...target,
  tileFor: () => tile,
  isFloat16: ({ kind }) => kind !== 'temp' && tile.component === 'f16',
});

const plain = (M: number, N: number, K: number): MatmulShape => ({
  ...{ M, N, K, batch: [], aStrides: [K, 1], bStrides: [N, 1], aBatch: [], bBatch: [] },
});
const transposed = (M: number, N: number, K: number): MatmulShape => ({
  ...plain(M, N, K),
  aStrides: [1, M],
  bStrides: [1, K],
});

/** What null-backend.ts says. */
interface Compiled {
  readonly maxSubgroupSize: number;
  readonly maxInvocationsPerWorkgroup: number;
  readonly maxWorkgroupStorageBytes: number;
  /** Of each module, of the compiler; and why there is no pipeline of it. */
  readonly messages: readonly (readonly string[])[];
  readonly refusals: readonly (readonly string[])[];
}

const compiled = (modules: readonly string[]) =>
  new Promise<Compiled>((resolve, reject) => {
    const script = fileURLToPath(new URL('null-backend.ts', import.meta.url));
    const options = { timeout: 100_000, maxBuffer: 2 ** 26, env: { ...process.env, NODE_OPTIONS: '' } };
    const child = execFile(process.execPath, ['--import', 'tsx', script], options, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
    child.stdin!.end(JSON.stringify(modules));
  });

describe('on the null backend', () => {
  test('every candidate of every product compiles without a message, and makes a pipeline', async () => {
    const shape = convShape(2, 64, [14, 14], 128, [3, 3], { padding: [1, 1, 1, 1] });
    const programsOf = (target: KernelTarget): Program[] => [
      matmul(target, plain(512, 512, 512), scaleByInput(0)),
      matmul(target, transposed(512, 512, 512), identityEpilogue),
      conv2d(target, shape, identityEpilogue),
      conv2dInputGrad(target, shape, identityEpilogue),
      conv2dWeightGrad(target, shape, identityEpilogue),
    ];
    const { messages: none, refusals: nor, ...own } = await compiled([]);
    expect([none, nor]).toEqual([[], []]);
    const modules = new Map<string, { name: string; fits: boolean }>();
    // Its workgroups must be multiples of its largest subgroup; of the smaller ones of GPUs, four make up that.
    for (const maxSubgroupSize of [32, own.maxSubgroupSize]) {
      const target = { ...GPU, maxSubgroupSize };
      for (const tile of everyMatrixTile(target)) {
        const { subgroupRows, subgroupColumns, component } = tile;
        const threads = subgroupRows * subgroupColumns * maxSubgroupSize;
        const fits = isTile(tile, { ...target, ...own, maxSubgroupSize }) && threads % own.maxSubgroupSize === 0;
        for (const { steps } of programsOf(inTile(target, tile))) {
          const { name } = steps[0]!;
          expect(name).toMatch(/\.matrix\d+x\d+x(16|32)f/);
          const { wgsl } = withElementTypes(steps[0]!, ({ kind }) =>
            kind === 'temp' || component === 'f32' ? 'float32' : 'float16',
          );
          modules.set(wgsl, { name, fits });
        }
      }
    }
    const { messages, refusals } = await compiled([...modules.keys()]);
    const cases = [...modules.values()];
    expect(messages).toHaveLength(cases.length);
    expect(cases.filter(({ fits }) => fits).length).toBeGreaterThan(100);
    const faults = cases.flatMap(({ name, fits }, i) =>
      [...messages[i]!, ...(fits ? refusals[i]! : [])].map((text) => `${name}: ${text}`),
    );
    expect(faults).toEqual([]);
  });

  test('every product of the op table, the optimizers and a network compiles, with what is fused into it', async () => {
    await init();
    const [f16, f32] = [true, false].map((float16) => matrixTiles(GPU, { ...large, float16 })[0]!);
    const tiled: KernelTarget = { ...GPU, maxSubgroupSize: 128, tileFor: ({ float16 }) => (float16 ? f16! : f32!) };
    const layer = new Linear(40, 32);
    const optimizer = new Adam(layer.parameters());
    const training = (): void => {
      layer
        .forward(tensor(new Float32Array(2000), [50, 40]))
        .sum()
        .backward();
      optimizer.step();
      optimizer.zeroGrad();
    };
    const steps = [...kernelsFor(tiled).values(), ...plannedSteps(training, tiled)];
    const products = steps.filter(({ name }) => name.includes('.matrix'));
    const components = hasFloat16(currentDevice().info) ? ['f16', 'f32'] : ['f32'];
    for (const component of components)
      expect(products.filter(({ name }) => name.includes(`16${component}.`)).length).toBeGreaterThan(10);
    expect(products.some(({ name }) => name.endsWith('+adam'))).toBe(true);
    const { messages, refusals } = await compiled(products.map(({ wgsl }) => wgsl));
    const faults = products.flatMap(({ name }, i) =>
      [...messages[i]!, ...refusals[i]!].map((text) => `${name}: ${text}`),
    );
    expect(faults).toEqual([]);
  });

  test('a workgroup that is no multiple of the largest subgroup makes none', async () => {
    const tile = everyMatrixTile(GPU)[0]!;
    const target = inTile({ ...GPU, maxSubgroupSize: 1 }, tile);
    const { refusals } = await compiled([matmul(target, plain(64, 64, 64), identityEpilogue).steps[0]!.wgsl]);
    expect(refusals.flat().join()).toMatch(/must be a multiple of the device maxSubgroupSize/);
  });
});

describe('on the adapter, with matrices emulated where it has none', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Small tiles of every kind of fragment that the adapter can hold, in grids of several subgroups down and across. */
  const targets = async (): Promise<KernelTarget[]> => {
    const { device, target } = await openDevice();
    const own = target.matrices!;
    if (!own.length) emulateMatrices(device);
    const some = CONFIGS.filter(({ component }) => component === 'f32' || device.features.has('shader-f16'));
    const matrices = own.length ? own : some;
    const gpu = { ...target, software: false, matrices };
    const tiles = matrices.map((fragment, i): MatrixTile => {
      const [subgroupRows, subgroupColumns, rows, columns] = GRIDS[i % GRIDS.length]!;
      return {
        ...fragment,
        family: 'matrix',
        subgroupRows,
        subgroupColumns,
        rows,
        columns,
        depth: i % 2 || fragment.K > 16 ? 32 : 16,
      };
    });
    for (const tile of tiles) expect(isTile(tile, gpu)).toBe(true);
    // As if subgroups could be larger than they are: there are twice as many as a tile has work for.
    const { maxSubgroupSize } = target;
    return tiles.map((tile, i) => inTile({ ...gpu, maxSubgroupSize: (i % 2 ? 1 : 2) * maxSubgroupSize! }, tile));
  };

  /** What float16 holds as it is. */
  const halves = (n: number, seed: number): Float32Array => fromHalves(toHalves(random(n, seed)));

  test('multiplies matrices of sizes that no tile divides, and updates each element in place once', async () => {
    const [M, N, K] = [67, 45, 53];
    const [a, b, extra] = [halves(M * K, 1), halves(K * N, 2), random(13, 3)];
    const product = new Float32Array(M * N);
    for (let i = 0; i < M * N; i++)
      for (let k = 0; k < K; k++) product[i]! += a[Math.floor(i / N) * K + k]! * b[k * N + (i % N)]!;
    const expected = product.map((sum, i) => sum * extra[i % 13]! + Math.floor(i / N) + 0.5 * (i % N));
    const turned = (values: Float32Array, rows: number) =>
      values.map((_, i) => values[(i % rows) * (values.length / rows) + Math.floor(i / rows)]!);
    for (const target of await targets()) {
      const program = matmul(target, plain(M, N, K), scaleByInput(2));
      expect(program.steps.map(({ name }) => name).join()).toMatch(/^matmul\.matrix[^,]*$/);
      const [y] = await runProgram(program, [a, b, extra], [M * N]);
      close(y!, expected, 1e-5 * Math.sqrt(K));
      const inputs = [turned(a, M), turned(b, K)];
      await checkInPlace((e) => matmul(target, transposed(M, N, K), e), inputs, product, 1e-5 * Math.sqrt(K));
    }
  });

  test('adds the parts of a long reduction', async () => {
    const [M, N, K] = [19, 18, 530];
    const [a, b] = [halves(M * K, 1), halves(K * N, 2)];
    const expected = new Float32Array(M * N);
    for (let i = 0; i < M * N; i++)
      for (let k = 0; k < K; k++) expected[i]! += a[Math.floor(i / N) * K + k]! * b[k * N + (i % N)]!;
    for (const target of (await targets()).slice(-2)) {
      const program = matmul(target, plain(M, N, K), identityEpilogue);
      expect(program.steps.map(({ name }) => name).join()).toMatch(/^matmul\.matrix.*\.split,matmul\.sum$/);
      const [y] = await runProgram(program, [a, b], [M * N]);
      close(y!, expected, 1e-5 * Math.sqrt(K));
    }
  });

  test('convolves, and gives both gradients', async () => {
    const all = await targets();
    const grouped = convShape(2, 6, [17, 16], 10, [3, 3], { padding: [1, 1, 1, 1], groups: 2 });
    for (const program of [conv2d, conv2dInputGrad, conv2dWeightGrad])
      expect(program(all[0]!, grouped, identityEpilogue).steps[0]!.name).toMatch(/\.matrix/);
    await checkConv(grouped, [all[0]!], halves);
    const strided = convShape(2, 5, [9, 7], 18, [3, 2], { stride: [2, 1], padding: [1, 0, 0, 1] });
    await checkConv(strided, [all.at(-1)!], halves);
  });
});

describe('choice', () => {
  const f16 = matrixTiles(GPU, { ...large, float16: true })[0]!;
  const f32 = matrixTiles(GPU, large)[0]!;
  const kernel = (target: KernelTarget) => matmul(target, plain(512, 512, 512), identityEpilogue).steps[0]!.name;

  test('candidates are of the type of the operands, and the default is none of them', () => {
    expect([f16.component, f32.component]).toEqual(['f16', 'f32']);
    for (const float16 of [true, false]) {
      const product = { ...large, float16 };
      const types = matrixTiles(GPU, product).map(({ component }) => component);
      expect(new Set(types)).toEqual(new Set([float16 ? 'f16' : 'f32']));
      expect(defaultTile(GPU, product).family).toBe('tile');
      expect(matrixTiles({ ...GPU, matrices: [] }, product)).toEqual([]);
    }
  });

  test('products of float16 have a class of their own; other classes are named as without matrices', () => {
    const classes: string[] = [];
    const tileFor = (product: ProductShape): undefined => {
      classes.push(classOf(product));
    };
    const all = () => true;
    const one = ({ index }: Operand) => index === 0;
    for (const isFloat16 of [all, one, undefined]) kernel({ ...GPU, tileFor, isFloat16 });
    kernel({ ...GPU, tileFor, isFloat16: all, matrices: CONFIGS.filter(({ component }) => component === 'f32') });
    kernel({ ...GPU, tileFor, isFloat16: all, matrices: [] });
    const plainly = 'm9n9k9x0z0 kn';
    expect(classes).toEqual([`${plainly} f16`, plainly, plainly, plainly, plainly]);
  });

  test('what is kept in float32, or only half in float16, is never multiplied in float16', () => {
    const name = (tile: MatrixTile, isFloat16: KernelTarget['isFloat16']) =>
      kernel({ ...GPU, tileFor: () => tile, isFloat16 });
    expect(name(f16, () => true)).toMatch(/\.matrix\d+x\d+x16f16\.16x16x16/);
    expect(name(f16, ({ index }) => index === 0)).toMatch(/^matmul\.tile/);
    expect(name(f16, undefined)).toMatch(/^matmul\.tile/);
    expect(name(f32, undefined)).toMatch(/\.matrix\d+x\d+x16f32\.8x8x8/);
    expect(name(f32, ({ index }) => index === 0)).toMatch(/\.matrix/);
    // Winograd's product and one of patches read what another step wrote, in float32.
    const shape = convShape(4, 128, [16, 16], 128, [3, 3], { padding: [1, 1, 1, 1] });
    const float16 = inTile(GPU, f16);
    for (const { steps } of [winograd, conv2dOfPatches].map((program) => program(float16, shape, identityEpilogue)))
      expect(steps.map(({ name }) => name).join()).not.toMatch(/matrix/);
    expect(conv2d(float16, shape, identityEpilogue).steps[0]!.name).toMatch(/matrix/);
  });

  test('a tile that the adapter cannot run is none', () => {
    expect(isTile(f16, GPU)).toBe(true);
    const { matrices: _, ...without } = GPU;
    const refusing: KernelTarget[] = [
      without,
      { ...GPU, matrices: [config('f16', 16, 8, 16), config('f32', 16, 16, 16)] },
      { ...GPU, software: true },
      { ...GPU, maxInvocationsPerWorkgroup: 63 },
      { ...GPU, maxSubgroupSize: 256 },
      { ...GPU, maxWorkgroupStorageBytes: 4096 },
    ];
    for (const target of refusing) expect(isTile(f16, target)).toBe(false);
    const changes = [{ rows: 3 }, { columns: 64 }, { subgroupRows: 0 }, { depth: 8 }, { depth: 1e9 }, { M: '16' }];
    for (const change of changes) expect(isTile({ ...f16, ...change }, GPU)).toBe(false);
  });
});
