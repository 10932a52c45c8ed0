/** Gradient clipping. */
import { ArgumentError } from '../core/errors.ts';
import { checkNumber, shown } from '../core/options.ts';
import { internal, recordElementwise, reveal } from '../graph/record.ts';
import type { Value } from '../graph/value.ts';
import { accumulate } from '../ops/elementwise.ts';
import { reduceAxes } from '../ops/reduce.ts';
import { zeros } from '../tensor/factory.ts';
import { Tensor } from '../tensor/tensor.ts';

/**
 * Scales all gradients so that their joint 2-norm is at most `maxNorm`. Call it between backward() and step().
 * @returns the norm before clipping, a scalar.
 */
export function clipGradNorm(params: Iterable<Tensor>, maxNorm: number): Tensor {
  checkParameters('clipGradNorm', params);
  checkNumber('clipGradNorm', 'maxNorm', maxNorm);
  return internal(() => {
    const list = [...params].filter((p) => p.requires_grad && p.grad);
    let squares: Value | null = null;
    for (const p of list) {
      const g = p.grad!.value;
      squares = accumulate(
        squares,
        reduceAxes(
          'sumOfSquares',
          g,
          g.shape.map((_, d) => d),
          false,
        ),
      );
    }
    if (!squares) return zeros([]);
    const norm = recordElementwise('sqrt', 'sqrt(a)', [squares], []);
    const scale = recordElementwise('clipScale', 'min(T(1), s / (a + T(1e-6)))', [norm], [], { scalars: [maxNorm] });
    for (const p of list) {
      const g = p.grad!.value;
      p.grad = new Tensor(recordElementwise('clip', 'a * b', [g, scale], g.shape));
    }
    reveal(norm);
    return new Tensor(norm);
  });
}

/** Multiplies all gradients by `factor`. Call it between backward() and step(). */
export function scaleGrad(params: Iterable<Tensor>, factor: number): void {
  checkParameters('scaleGrad', params);
  checkNumber('scaleGrad', 'factor', factor);
  internal(() => {
    for (const p of params) {
      if (!p.requires_grad || !p.grad) continue;
      const g = p.grad.value;
      p.grad = new Tensor(recordElementwise('scaleGrad', 'a * s', [g], g.shape, { scalars: [factor], dynamic: true }));
    }
  });
}

/** Limits every element of every gradient to [-limit, limit]. */
export function clipGradValue(params: Iterable<Tensor>, limit: number): void {
  checkParameters('clipGradValue', params);
  checkNumber('clipGradValue', 'limit', limit);
  internal(() => {
    for (const p of params) {
      if (!p.requires_grad || !p.grad) continue;
      const g = p.grad.value;
      p.grad = new Tensor(recordElementwise('clipValue', 'clamp(a, -s, s)', [g], g.shape, { scalars: [limit] }));
    }
  });
}

/** @throws ArgumentError for what is no list of parameters: a model, one parameter alone. */
function checkParameters(op: string, params: Iterable<Tensor>): void {
  if (typeof params === 'object' && typeof params?.[Symbol.iterator] === 'function') return;
  throw new ArgumentError(`${op}: expected parameters, got ${shown(params)}. Pass model.parameters().`);
}
