/**
 * Test inputs by formula, so that fixtures need not hold them: element i of a tensor is a hash of (seed, i).
 * Every value is a multiple of a power of two, or one float64 division rounded once: scripts/record-op-fixtures.py
 * repeats it bit for bit.
 */
import { floatToHalf, halfToFloat } from '../../src/core/dtype.ts';
import { type Shape, sizeOf } from '../../src/core/shape.ts';

/** How an input is filled.
 *  - `uniform`: [-2, 2)
 *  - `positive`: [0.25, 2.25)
 *  - `nonzero`: a sign times `positive`, away from the kinks at 0
 *  - `distinct`: a shuffle of evenly spaced values in [-2, 2), no two alike: maxima are unique
 *  - `ties`: -1, 0 or 1: many equal maxima, and values exactly on the kinks
 *  - `mask`: 0 or 1, no gradient
 *  - `labels`: int32 in [0, classes), every third one `ignored` where that is given */
export type Kind = 'uniform' | 'positive' | 'nonzero' | 'distinct' | 'ties' | 'mask' | 'labels';

export interface InputSpec {
  readonly shape: Shape;
  readonly kind: Kind;
  /** Multiplies the values (a power of two). */
  readonly scale?: number;
  /** The number of classes that labels are drawn from. */
  readonly classes?: number;
  /** A label that marks elements to be ignored. */
  readonly ignored?: number;
  /** False for inputs that need no gradient: class weights, running statistics. */
  readonly grad?: boolean;
  /** Rounded to float16, and kept in it. */
  readonly half?: boolean;
  /** True for inputs that the op updates in place: their new values are checked. */
  readonly updated?: boolean;
}

/** Values 64 times as large: [-128, 128), where exp overflows and softmax must subtract the maximum. */
export const large = (shape: Shape): InputSpec => ({ shape, kind: 'uniform', scale: 64 });
/** Values in [-8, 8): both sides of the kinks at -3, 0, 3 and 6. */
export const spread = (shape: Shape): InputSpec => ({ shape, kind: 'uniform', scale: 4 });
export const positive = (shape: Shape): InputSpec => ({ shape, kind: 'positive' });
export const nonzero = (shape: Shape): InputSpec => ({ shape, kind: 'nonzero' });
export const distinct = (shape: Shape): InputSpec => ({ shape, kind: 'distinct' });
export const ties = (shape: Shape): InputSpec => ({ shape, kind: 'ties' });
export const mask = (shape: Shape): InputSpec => ({ shape, kind: 'mask', grad: false });
export const labels = (shape: Shape, classes: number): InputSpec => ({ shape, kind: 'labels', classes, grad: false });
export const someIgnored = (shape: Shape, classes: number, ignored = -100): InputSpec => ({
  shape,
  kind: 'labels',
  classes,
  ignored,
  grad: false,
});
/** An input without gradient. */
export const constant = (spec: InputSpec): InputSpec => ({ ...spec, grad: false });
/** A running statistic: no gradient, updated in place. */
export const statistic = (spec: InputSpec): InputSpec => ({ ...spec, grad: false, updated: true });

/** FNV-1a: a row's seed comes from its name, so that new rows leave the old fixtures alone. */
export function seedOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A well-mixed 32-bit word for element `i` (Wellons' lowbias32 over a Weyl sequence). */
function hash(seed: number, i: number): number {
  let h = (Math.imul(i + 1, 0x9e3779b9) + seed) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The values of an input: Int32Array for labels, Float32Array otherwise. */
export function fill(spec: InputSpec, seed: number): Float32Array | Int32Array {
  const values = unrounded(spec, seed);
  return spec.half ? Float32Array.from(values, (v) => halfToFloat(floatToHalf(v))) : values;
}

function unrounded(spec: InputSpec, seed: number): Float32Array | Int32Array {
  const n = sizeOf(spec.shape);
  const words = Uint32Array.from({ length: n }, (_, i) => hash(seed, i));
  if (spec.kind === 'labels')
    return Int32Array.from(words, (h, i) =>
      spec.ignored !== undefined && i % 3 === 1 ? spec.ignored : h % spec.classes!,
    );
  const scale = spec.scale ?? 1;
  if (spec.kind === 'distinct') {
    const order = Array.from(words.keys()).sort((a, b) => words[a]! - words[b]! || a - b);
    const out = new Float32Array(n);
    order.forEach((index, rank) => {
      out[index] = ((2 * rank - n) / n) * 2 * scale;
    });
    return out;
  }
  return Float32Array.from(words, (h) => {
    const k = h >>> 12;
    switch (spec.kind) {
      case 'positive':
        return (0.25 + k / 2 ** 19) * scale;
      case 'nonzero':
        return (h & 1 ? 1 : -1) * (0.25 + k / 2 ** 19) * scale;
      case 'ties':
        return ((h % 3) - 1) * scale;
      case 'mask':
        return h & 1;
      default:
        return ((k - 2 ** 19) / 2 ** 18) * scale;
    }
  });
}
