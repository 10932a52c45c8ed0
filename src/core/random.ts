/**
 * Seeded random numbers on the host: initialisation, shuffling, augmentation.
 * The generator is xoshiro128** (Blackman and Vigna), seeded through splitmix32; its state is four words that a
 * checkpoint can hold.
 */
import { whole } from './check.ts';
import { ArgumentError } from './errors.ts';
import { shown } from './options.ts';

/** Seeds: the generator takes 32 bits, and a larger one would be the same as another. */
export const SEED = whole(0, 'a whole number from 0 to 4,294,967,295', 2 ** 32 - 1);

/** @throws ArgumentError unless `seed` is a whole number from 0 to 4,294,967,295. */
export function checkSeed(op: string, seed: number): number {
  if (SEED.is(seed)) return seed;
  throw new ArgumentError(`${op}: expected ${SEED.words}, got ${shown(seed)}.`);
}

/** Seeded random numbers: the same seed gives the same numbers everywhere. */
export class Generator {
  #s: Uint32Array = new Uint32Array(4);
  #spare: number | undefined;

  constructor(seed = 0) {
    this.seed(seed);
  }

  /** Starts over from `seed`. @throws ArgumentError for what is no whole number from 0 to 2^32 - 1. */
  seed(seed: number): this {
    let x = checkSeed('seed', seed);
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#s[i] = z ^ (z >>> 15);
    }
    this.#spare = undefined;
    return this;
  }

  /** The four words of state, for a checkpoint. */
  get state(): number[] {
    return [...this.#s];
  }
  set state(words: readonly number[]) {
    this.#s.set(words);
    this.#spare = undefined;
  }

  /** A uniform 32-bit unsigned integer. */
  uint32(): number {
    const s = this.#s;
    const r = Math.imul(s[1]!, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.uint32() >>> 8) / 16777216);
  }

  /** A uniform integer in [0, n). */
  int(n: number): number {
    return Math.floor((this.uint32() / 4294967296) * n);
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller). */
  normal(): number {
    if (this.#spare !== undefined) {
      const z = this.#spare;
      this.#spare = undefined;
      return z;
    }
    const r = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = r * Math.sin(angle);
    return r * Math.cos(angle);
  }

  /** Beta with parameters a and b above 0, in [0, 1]: from two gammas, in logarithms, which small parameters do not take to 0. */
  beta(a: number, b: number): number {
    const [x, y] = [this.#logGamma(a), this.#logGamma(b)];
    return 1 / (1 + Math.exp(y - x));
  }

  /** The logarithm of a gamma variate of scale 1 (Marsaglia and Tsang). */
  #logGamma(shape: number): number {
    const raised = shape < 1 ? shape + 1 : shape;
    const lowered = shape < 1 ? Math.log(1 - this.uniform()) / shape : 0;
    const d = raised - 1 / 3;
    for (;;) {
      const z = this.normal();
      const v = (1 + z / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * z * z + d * (1 - v + Math.log(v)))
        return Math.log(d * v) + lowered;
    }
  }

  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  /** A new generator, seeded from this one: independent streams for independent jobs. */
  fork(): Generator {
    return new Generator(this.uint32());
  }
}

/** The generator that everything without its own seed draws from. */
export const defaultGenerator: Generator = new Generator(0);

/** Seeds the generator behind everything random: initial weights, dropout and shuffles repeat from here. */
export function manualSeed(seed: number): void {
  defaultGenerator.seed(checkSeed('manualSeed', seed));
}
