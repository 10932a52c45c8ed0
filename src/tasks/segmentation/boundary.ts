/** How well the boundaries of masks are met: the boundary F1 of Csurka and others (2013). */
import { ArgumentError } from '../../core/errors.ts';
import { IGNORED } from '../../data/masks/coding.ts';

/** Options of {@link BoundaryMetric}. */
export interface BoundaryMetricOptions {
  /** How far a boundary may be off, in pixels. Default: 0.75 % of the image's diagonal. */
  readonly tolerance?: number;
}

/** What {@link BoundaryMetric} tells. */
export interface BoundaryEvaluation {
  /** Mean over the classes that have one. */
  readonly boundaryF1: number | null;
  /** Of each class the mean over the images where it has a boundary, there or found; null where there is none. */
  readonly perClass: readonly (number | null)[];
}

/**
 * Boundary F1: the harmonic mean of the share of found boundary pixels that are near one of the truth's, and the other way round. A pixel is on a
 * boundary where a neighbour beside, above or below is of another class; the image's edge is none, nor is one against ignored pixels.
 * @see https://doi.org/10.5244/C.27.32
 */
export class BoundaryMetric {
  readonly classes: number;
  readonly #tolerance: number | undefined;
  readonly #sums: Float64Array;
  readonly #images: Float64Array;

  /** @param classes how many there are */
  constructor(classes: number, { tolerance }: BoundaryMetricOptions = {}) {
    if (tolerance !== undefined && !(tolerance >= 0 && tolerance < 1000))
      throw new ArgumentError(`BoundaryMetric: expected tolerance in pixels, 0 or more, got ${tolerance}.`);
    this.classes = classes;
    this.#tolerance = tolerance;
    this.#sums = new Float64Array(classes);
    this.#images = new Float64Array(classes);
  }

  /**
   * Adds an image.
   * @param found class indices [height, width]
   * @param truth class indices, or 255 [height, width]
   * @throws ArgumentError where they are not of this size.
   */
  add(found: ArrayLike<number>, truth: ArrayLike<number>, width: number, height: number): this {
    if (found.length !== width * height || truth.length !== width * height)
      throw new ArgumentError(
        `BoundaryMetric: expected ${width * height} pixels of both, got ${found.length} and ${truth.length}.`,
      );
    const scored = Uint8Array.from(found, (label, i) => (truth[i] === IGNORED ? IGNORED : label));
    const disk = diskOf(this.#tolerance ?? 0.0075 * Math.hypot(width, height));
    const [there, here] = [boundariesOf(truth, width, height), boundariesOf(scored, width, height)];
    for (let k = 0; k < this.classes; k++) {
      const [real, guess] = [there.get(k) ?? [], here.get(k) ?? []];
      if (real.length + guess.length === 0) continue;
      const precision = shareNear(guess, real, disk, width, height);
      const recall = shareNear(real, guess, disk, width, height);
      this.#sums[k]! += precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
      this.#images[k]!++;
    }
    return this;
  }

  /** The scores of all images so far. */
  evaluate(): BoundaryEvaluation {
    const perClass = Array.from(this.#sums, (sum, k) => (this.#images[k]! > 0 ? sum / this.#images[k]! : null));
    const known = perClass.filter((value) => value !== null);
    return { boundaryF1: known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : null, perClass };
  }
}

/** Places of the boundary pixels of each class. */
function boundariesOf(labels: ArrayLike<number>, width: number, height: number): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++) {
      const label = labels[at]!;
      const differs = (other: number) => labels[other] !== label && labels[other] !== IGNORED;
      const isBoundary =
        (x > 0 && differs(at - 1)) ||
        (x < width - 1 && differs(at + 1)) ||
        (y > 0 && differs(at - width)) ||
        (y < height - 1 && differs(at + width));
      if (!isBoundary || label === IGNORED) continue;
      const same = found.get(label);
      if (same) same.push(at);
      else found.set(label, [at]);
    }
  return found;
}

/** Steps to all pixels that are no farther than `radius`. */
function diskOf(radius: number): readonly (readonly [dx: number, dy: number])[] {
  const reach = Math.floor(radius);
  const steps: [number, number][] = [];
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) if (dx * dx + dy * dy <= radius * radius) steps.push([dx, dy]);
  return steps;
}

/** Share of `places` that are near one of `others`; 0 of nothing. */
function shareNear(
  places: readonly number[],
  others: readonly number[],
  disk: ReturnType<typeof diskOf>,
  width: number,
  height: number,
): number {
  const near = new Uint8Array(width * height);
  for (const at of others) {
    const [x, y] = [at % width, Math.floor(at / width)];
    for (const [dx, dy] of disk)
      if (x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height) near[at + dy * width + dx] = 1;
  }
  return places.length === 0 ? 0 : places.reduce((n, at) => n + near[at]!, 0) / places.length;
}
