/** Numbers for benchmarks: made fast, the same in every run, and of a size that keeps activations finite. */
import { sizeOf } from '../src/core/shape.ts';
import { type Shape, type Tensor, tensor } from '../src/index.ts';
import type { Module } from '../src/nn/index.ts';

/** Uniform in [-scale, scale). */
export function uniform(count: number, seed: number, scale = 1): Float32Array {
  const values = new Float32Array(count);
  let state = Math.imul(seed + 1, 0x9e3779b9);
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state / 2147483648) * scale;
  }
  return values;
}

export function uniformTensor(
  shape: Shape,
  seed: number,
  options: { scale?: number; requires_grad?: boolean } = {},
): Tensor {
  const { scale = 1, requires_grad = false } = options;
  return tensor(uniform(sizeOf(shape), seed, scale), shape, { requires_grad });
}

/** Weights of a trained network's size (variance 2 / fan-in), without the cost of millions of normals. */
export function fillWeights(model: Module): void {
  model.namedParameters().forEach(([, parameter], seed) => {
    const { shape, size } = parameter;
    if (shape.length < 2) return;
    const bound = Math.sqrt(6 / (size / shape[0]!));
    parameter.initialize(() => uniform(size, seed, bound));
  });
}
