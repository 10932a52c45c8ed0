/** Elementwise expressions, and those that the planner recognises: ops record these very constants. */
import type { DType } from '../core/dtype.ts';
import type { Scalar } from './kernel.ts';

/** The element of an input that belongs to element `i` of the output. */
export type Access =
  | { readonly kind: 'same' }
  | { readonly kind: 'scalar' }
  /** `(i / inner) % size`: a vector along one axis, such as a bias per channel. */
  | { readonly kind: 'period'; readonly inner: number; readonly size: number }
  /** Outermost axis first; a stride of 0 repeats. */
  | { readonly kind: 'strided'; readonly sizes: readonly number[]; readonly strides: readonly number[] };

/** An elementwise computation. Shared sub-expressions are shared objects and are computed once. */
export type Expression =
  | { readonly kind: 'load'; readonly read: number; readonly access: Access; readonly dtype: DType }
  /** The output's former value: for updates in place. */
  | { readonly kind: 'self' }
  /** The value that the kernel has just computed: only in an epilogue. */
  | { readonly kind: 'value' }
  /**
   * `wgsl` is an expression over `a` to `f` (the arguments), `s`, `t` (the scalars), `seed` (the last scalar, for `uniform01`)
   * and `i` (the element), generic in `T`, which is f32 or vec4f.
   */
  | {
      readonly kind: 'apply';
      readonly wgsl: string;
      readonly args: readonly Expression[];
      readonly scalars: readonly Scalar[];
    };

/** Coordinates that a kernel already has when it calls its epilogue, so that a bias needs no division. */
export interface EpilogueAxes {
  readonly row?: { readonly inner: number; readonly size: number };
  readonly column?: { readonly inner: number; readonly size: number };
}

/** The element as it is: a copy, or a conversion. */
export const SAME = 'a';

export const ADD = 'a + b';

/** Batch norm with fixed statistics. */
export const SCALE_SHIFT = 'a * b + c';

/** A comparison, not max or clamp: those may turn a NaN into a number, and a diverged run would look healthy. */
export const RELU = 'select(a, T(0), a < T(0))';

/** A uniform random number in [0, 1): a hash of the element and the seed. */
export const UNIFORM = 'uniform01(i, seed)';

/** True if an expression draws random numbers. */
export const isRandom = (wgsl: string): boolean => wgsl.includes(UNIFORM);
