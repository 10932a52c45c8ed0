/**
 * Matrix by vector: y[n] = sum over k of v[k] * w[n][k], with k along memory in both: the head of a network on one image.
 *
 * A workgroup computes a few sums, its threads side by side along k, so that neighbours read neighbours; then it adds up its threads'
 * parts: with a subgroup addition where the workgroup is one subgroup of a software adapter, else through workgroup memory.
 * Traffic: N * K elements, and v once for every workgroup.
 */

import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  type KernelTarget,
  laneFits,
  type Operand,
  output,
  type Program,
} from '../kernel.ts';
import { combineLanes, workgroupThreads } from '../workgroup.ts';

/** Outputs of an invocation. A software adapter compiles loads for each of them, so it has few. */
const outputsOf = (oneSubgroup: boolean): number => (oneSubgroup ? 2 : 8);

export interface GemvShape {
  readonly N: number;
  readonly K: number;
  /** Elements between successive rows of w. */
  readonly pitch: number;
  /** True if y is a column: the epilogue's row is then n, else its column. */
  readonly isColumn: boolean;
}

/** Writes output(0). */
export function gemv(
  target: KernelTarget,
  { N, K, pitch, isColumn }: GemvShape,
  vector: Operand,
  matrix: Operand,
  epilogue: Fusion,
): Program {
  const oneSubgroup = laneFits(target);
  const threads = oneSubgroup ? target.subgroupSize : workgroupThreads(target);
  const outputs = outputsOf(oneSubgroup);
  return {
    steps: [
      {
        name: `gemv.${oneSubgroup ? 'subgroup' : 'workgroup'}`,
        wgsl: gemvWgsl(threads, outputs, oneSubgroup, epilogue.wgsl),
        reads: [vector, matrix],
        writes: [output(0)],
        params: [N, K, pitch, isColumn ? 1 : 0],
        workgroups: flatGrid(ceilDiv(N, outputs), target.maxWorkgroupsPerDimension),
        fusion: epilogue,
      },
    ],
  };
}

function gemvWgsl(threads: number, outputs: number, oneSubgroup: boolean, epilogue: string): string {
  const all = Array.from({ length: outputs }, (_, i) => i);
  const lines = (line: (i: number) => string, indent: number): string => all.map(line).join(`\n${' '.repeat(indent)}`);
  return /* wgsl */ `
${oneSubgroup ? 'enable subgroups;' : ''}
const THREADS = ${threads}u;
struct Gemv {
  N: u32,
  K: u32,
  pitch: u32,
  isColumn: u32,
}

@group(0) @binding(0) var<storage, read> vector: array<f32>;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> gemv: Gemv;
${flatWorkgroup}
${epilogue}
${oneSubgroup ? subgroupTotal : workgroupTotal}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let n0 = flatWorkgroup(workgroup, workgroups) * ${outputs}u;
  if (n0 >= gemv.N) {
    return;
  }
  // Rows past the last repeat it; they are computed and not stored.
  ${lines((i) => `let row${i} = min(n0 + ${i}u, gemv.N - 1u) * gemv.pitch;`, 2)}
  ${lines((i) => `var sum${i} = 0.0;`, 2)}
  let K = gemv.K;
  for (var k = thread; k < K; k += THREADS) {
    let v = vector[k];
    ${lines((i) => `sum${i} = fma(v, matrix[row${i} + k], sum${i});`, 4)}
  }
  ${lines((i) => `let total${i} = total(thread, sum${i});`, 2)}
  let count = min(${outputs}u, gemv.N - n0);
  for (var i = thread; i < count; i += THREADS) {
    let value = ${all.slice(1).reduce((chain, i) => `select(${chain}, total${i}, i == ${i}u)`, 'total0')};
    let n = n0 + i;
    y[n] = epilogue(value, n, select(0u, n, gemv.isColumn == 1u), select(n, 0u, gemv.isColumn == 1u));
  }
}`;
}

const subgroupTotal = /* wgsl */ `
fn total(thread: u32, value: f32) -> f32 {
  return subgroupAdd(value);
}`;

const workgroupTotal = /* wgsl */ `
alias Lane = f32;
fn combine(a: f32, b: f32) -> f32 {
  return a + b;
}
${combineLanes}

fn total(thread: u32, value: f32) -> f32 {
  return combineLanes(thread, value);
}`;
