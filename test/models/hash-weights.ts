/** Weights and inputs from a hash, the same as in scripts/record-model-fixtures.py: networks to compare without weight files. */
import { type Shape, sizeOf } from '../../src/core/shape.ts';
import type { Module } from '../../src/nn/index.ts';
import { Buffer, Counter, Parameter } from '../../src/nn/index.ts';

/** Uniform in [0, 1), 24 bits, from the tensor's and the element's index. */
function hashUnit(tensor: number, element: number): number {
  let x = (element + Math.imul(tensor, 0x9e3779b9)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  x ^= x >>> 15;
  return (x >>> 8) / 16777216;
}

/** `count` values of the tensor `index`, each from its number in [0, 1). */
export function hashUnits(index: number, count: number, fromUnit: (u: number) => number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = fromUnit(hashUnit(index, i));
  return out;
}

export function hashValues(index: number, name: string, shape: Shape): Float32Array {
  const count = sizeOf(shape);
  if (shape.length >= 2) {
    const bound = Math.sqrt(6 / (count / shape[0]!));
    return hashUnits(index, count, (u) => (2 * u - 1) * bound);
  }
  if (name.endsWith('running_var')) return hashUnits(index, count, (u) => 0.5 + u);
  if (name.endsWith('weight')) return hashUnits(index, count, (u) => 0.25 + 0.5 * u);
  return hashUnits(index, count, (u) => (2 * u - 1) * 0.1);
}

/**
 * Gives each parameter and buffer the values that its place in the state dict stands for.
 * @param gain Multiplies the batch norms' weights: in a deep network at 1, little of the input is left in the logits.
 */
export function hashWeights<M extends Module>(model: M, gain = 1): M {
  for (const [index, [name, t]] of stateEntries(model).entries()) {
    if (t instanceof Counter) continue;
    const values = hashValues(index, name, t.shape);
    t.set(name.endsWith('weight') && t.shape.length === 1 ? values.map((v) => v * gain) : values);
  }
  return model;
}

/** Inputs of zero mean and about unit variance. */
export function hashInput(shape: Shape): Float32Array {
  return hashUnits(100_000, sizeOf(shape), (u) => (2 * u - 1) * 1.7);
}

export function hashLabels(batch: number, classes: number): Int32Array {
  return Int32Array.from({ length: batch }, (_, i) => (7 * i + 3) % classes);
}

/** Float32 values from the fixtures' base64. */
export function unpacked(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

/** Parameters and buffers in state-dict order. */
export function stateEntries(model: Module): [string, Parameter | Buffer][] {
  return model.namedModules().flatMap(([path, module]) => {
    const own = Object.entries(module).filter(([, t]) => t instanceof Parameter || t instanceof Buffer);
    own.sort(([, a], [, b]) => Number(a instanceof Buffer) - Number(b instanceof Buffer));
    return own.map(([field, t]): [string, Parameter | Buffer] => [path === '' ? field : `${path}.${field}`, t]);
  });
}
