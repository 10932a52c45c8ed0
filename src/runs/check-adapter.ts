/** Whether the open adapter computes correctly, and how fast: a matmul against the CPU's. */
import { Generator } from '../core/random.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tensor } from '../tensor/factory.ts';

/** What {@link checkAdapter} found. */
export interface AdapterCheck {
  /** Whether a 65 x 65 matmul equals the CPU's, within float32 rounding. */
  readonly correct: boolean;
  readonly maxError: number;
  /** Of a 512 x 512 matmul, median of five. */
  readonly gflops: number;
}

/** 65 divides no tile. The error of a sum of 65 products of numbers below 1 stays far below this. */
const SIZE = 65;
const TOLERANCE = 1e-5;

/** Runs the test kernel; `init` must have opened a device. @throws DeviceError if it cannot run. */
export async function checkAdapter(): Promise<AdapterCheck> {
  const random = new Generator(0);
  const matrix = (n: number) => Float32Array.from({ length: n * n }, () => random.uniform(-1, 1));
  const [a, b] = [matrix(SIZE), matrix(SIZE)];
  const got = await noGrad(() => tensor(a, [SIZE, SIZE]).matmul(tensor(b, [SIZE, SIZE]))).data();
  let maxError = 0;
  for (let i = 0; i < SIZE; i++)
    for (let j = 0; j < SIZE; j++) {
      let sum = 0;
      for (let k = 0; k < SIZE; k++) sum += a[i * SIZE + k]! * b[k * SIZE + j]!;
      const error = Math.abs(sum - got[i * SIZE + j]!);
      // A NaN is an error of any size.
      maxError = Math.max(maxError, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
  return { correct: maxError <= TOLERANCE, maxError, gflops: await matmulSpeed(512) };
}

async function matmulSpeed(n: number): Promise<number> {
  const [a, b] = [0, 1].map(() => tensor(new Float32Array(n * n).fill(1), [n, n]));
  const times: number[] = [];
  // The first run compiles.
  for (let run = 0; run < 6; run++) {
    const began = performance.now();
    const product = noGrad(() => a!.matmul(b!).sum());
    await product.item();
    times.push(performance.now() - began);
    product.dispose();
  }
  const median = times.slice(1).sort((x, y) => x - y)[2]!;
  return (2 * n ** 3) / (median * 1e6);
}
