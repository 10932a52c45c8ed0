import { describe, expect, test } from 'vitest';
import { type MatmulShape, matmul } from '../../src/kernels/gemm/matmul.ts';
import { identityEpilogue, input } from '../../src/kernels/kernel.ts';
import { checkInPlace, close, finished, random, scaleByInput, targets } from './reference.ts';
import { runProgram } from './run.ts';

const row = (M: number, N: number, K: number): MatmulShape => ({
  M,
  N,
  K,
  batch: [],
  aStrides: [K, 1],
  bStrides: [N, 1],
  aBatch: [],
  bBatch: [],
});

/** y = a * b with the strides of `shape`. */
function reference(shape: MatmulShape, a: Float32Array, b: Float32Array): Float32Array {
  const { M, N, K, batch, aStrides, bStrides, aBatch, bBatch } = shape;
  const count = batch.reduce((size, n) => size * n, 1);
  const y = new Float32Array(count * M * N);
  for (let z = 0; z < count; z++) {
    let [rest, aBase, bBase] = [z, 0, 0];
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const at = rest % batch[axis]!;
      rest = Math.floor(rest / batch[axis]!);
      aBase += at * aBatch[axis]!;
      bBase += at * bBatch[axis]!;
    }
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++)
          sum += a[aBase + m * aStrides[0] + k * aStrides[1]]! * b[bBase + k * bStrides[0] + n * bStrides[1]]!;
        y[(z * M + m) * N + n] = sum;
      }
  }
  return y;
}

const cases: [string, MatmulShape][] = [
  ['1x1x1', row(1, 1, 1)],
  ['17x65x3', row(17, 65, 3)],
  ['65x17x33', row(65, 17, 33)],
  ['100x3x130, thin', row(100, 3, 130)],
  ['3x100x64', row(3, 100, 64)],
  ['65x1x17, matrix by vector', row(65, 1, 17)],
  ['vector by matrix, transposed', { ...row(1, 67, 301), bStrides: [1, 301] }],
  ['vector by matrix of fewer rows than a workgroup computes', { ...row(1, 5, 128), bStrides: [1, 128] }],
  ['matrix by vector, k along memory', { ...row(43, 1, 259), bStrides: [1, 1] }],
  ['640x640x20, many tiles', row(640, 640, 20)],
  ['5x7x2500, split reduction', row(5, 7, 2500)],
  ['33x40x1111, split reduction', row(33, 40, 1111)],
  ['both transposed', { ...row(33, 66, 18), aStrides: [1, 33], bStrides: [1, 18] }],
  ['a transposed', { ...row(65, 31, 17), aStrides: [1, 65] }],
  ['b transposed', { ...row(31, 65, 17), bStrides: [1, 17] }],
  ['70x130x33, a in panels', row(70, 130, 33)],
  ['130x99x34, both in panels', { ...row(130, 99, 34), bStrides: [1, 34] }],
  ['130x3x40, thin and transposed, in panels', { ...row(130, 3, 40), bStrides: [1, 40] }],
  ['batched, a in panels', { ...row(37, 131, 35), batch: [3], aBatch: [37 * 35], bBatch: [131 * 35] }],
  ['broadcast, a in panels', { ...row(37, 131, 35), batch: [3], aBatch: [0], bBatch: [131 * 35] }],
  ['batched, b in panels', { ...row(131, 37, 35), batch: [2], aBatch: [0], bStrides: [1, 35], bBatch: [37 * 35] }],
  ['batched', { ...row(17, 5, 9), batch: [2, 3], aBatch: [3 * 17 * 9, 17 * 9], bBatch: [3 * 9 * 5, 9 * 5] }],
  ['broadcast both ways', { ...row(5, 33, 9), batch: [2, 3], aBatch: [0, 45], bBatch: [297, 0] }],
  ['broadcast, split', { ...row(5, 3, 999), batch: [2, 3], aBatch: [0, 4995], bBatch: [2997, 0] }],
];

describe('matmul', () => {
  for (const [label, shape] of cases)
    test(label, async () => {
      const { M, N, K, batch } = shape;
      const count = batch.reduce((size, n) => size * n, 1);
      const [a, b, extra] = [random(count * M * K, 1), random(count * K * N, 2), random(13, 3)];
      const product = reference(shape, a, b);
      for (const target of await targets()) {
        const [y] = await runProgram(matmul(target, shape, scaleByInput(2)), [a, b, extra], [count * M * N]);
        close(y!, finished(product, extra, M, N), 1e-5 * Math.sqrt(K));
        await checkInPlace((e) => matmul(target, shape, e), [a, b], product, 1e-5 * Math.sqrt(K));
      }
    });

  test('repeats bit by bit when the reduction is split', async () => {
    const shape = row(9, 9, 5000);
    const [a, b] = [random(45000, 1), random(45000, 2)];
    for (const target of await targets()) {
      const program = matmul(target, shape, scaleByInput(2));
      expect(program.steps).toHaveLength(2);
      const [first] = await runProgram(program, [a, b, random(13, 3)], [81]);
      const [second] = await runProgram(program, [a, b, random(13, 3)], [81]);
      expect(second).toEqual(first);
    }
  });

  test('refuses a fifth batch axis that cannot be merged', async () => {
    const shape = { ...row(2, 2, 2), batch: [2, 2, 2, 2, 2], aBatch: [4, 0, 4, 0, 4], bBatch: [0, 4, 0, 4, 0] };
    const [target] = await targets();
    expect(() => matmul(target!, shape, scaleByInput(2))).toThrow(/at most 4 batch axes/);
  });
});

describe('the shared epilogue', () => {
  for (const axis of ['row', 'column'] as const)
    for (const [M, N, K] of [
      [37, 70, 12],
      [70, 3, 17],
      [130, 16, 40],
    ] as const)
      test(`${M}x${N}x${K}, scale and shift along the ${axis}`, async () => {
        const size = axis === 'row' ? M : N;
        const [a, b, tensor] = [random(M * K, 1), random(K * N, 2), random(M * N, 3)];
        const [scale, shift] = [random(size, 4), random(size, 5)];
        const product = reference(row(M, N, K), a, b);
        const expected = product.map((value, i) => {
          const at = axis === 'row' ? Math.floor(i / N) : i % N;
          return Math.max(0, value * scale[at]! + shift[at]! + tensor[i]!);
        });
        const terms = { axis, scale: input(2), shift: input(3), tensor: input(4), relu: true };
        for (const target of await targets()) {
          const program = matmul(target, row(M, N, K), { ...identityEpilogue, terms });
          const [y] = await runProgram(program, [a, b, scale, shift, tensor], [M * N]);
          close(y!, expected, 1e-5 * Math.sqrt(K));
        }
      });
});
