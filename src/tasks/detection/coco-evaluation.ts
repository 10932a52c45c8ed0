/** The numbers of COCO's metric, out of what was gathered of each class: as pycocotools' `accumulate` and `summarize` have them. */
import { ArgumentError } from '../../core/errors.ts';
import { AREA_RANGES, type ClassRecord, IOU_THRESHOLDS, MAX_DETECTIONS } from './coco-record.ts';

/** The numbers of one class; null where none of it is there to be found. */
export interface ClassPrecision {
  /** Mean over IoU 0.5 to 0.95. */
  readonly ap: number | null;
  readonly ap50: number | null;
  readonly ap75: number | null;
  /** Mean recall over the thresholds, with 100 detections an image. */
  readonly recall: number | null;
  /** Boxes to be found. */
  readonly support: number;
}

/** A number for small, medium and large objects. */
export interface BySize {
  readonly small: number | null;
  readonly medium: number | null;
  readonly large: number | null;
}

/** Precision at each recall. */
export interface PrecisionCurve {
  /** 0, 0.01 … 1. */
  readonly recalls: Float64Array;
  /** The highest precision at such a recall or a higher one [101]. */
  readonly precisions: Float64Array;
  /** The score from which on detections have to be taken for it; 0 where no score has the recall [101]. */
  readonly scores: Float64Array;
}

/** Recalls 0, 0.01 … 1, as NumPy's `linspace` has them. */
const RECALLS = Float64Array.from({ length: 101 }, (_, r) => (r === 100 ? 1 : r * 0.01));
const [T, R, A, M] = [IOU_THRESHOLDS.length, RECALLS.length, AREA_RANGES.length, MAX_DETECTIONS.length];
/** NumPy's `spacing(1)`. */
const EPSILON = 2 ** -52;

/** What COCO's metric tells. Null stands where pycocotools has -1: nothing to be found. */
export class CocoEvaluation {
  /** Images that were looked at. */
  readonly images: number;
  /** pycocotools' twelve numbers, in its order; -1 where there is nothing to be found. */
  readonly stats: readonly number[];
  /** Mean average precision over IoU 0.5 to 0.95 and all classes. */
  readonly mAP: number | null;
  readonly mAP50: number | null;
  readonly mAP75: number | null;
  /** By the area of the object: up to 32 x 32 pixels, to 96 x 96, above. */
  readonly mAPBySize: BySize;
  /** Average recall with 1, 10 and 100 detections an image. */
  readonly recall: { readonly 1: number | null; readonly 10: number | null; readonly 100: number | null };
  /** Average recall with 100 detections an image, by the area of the object. */
  readonly recallBySize: BySize;
  /** One entry a class, in their order. */
  readonly perClass: readonly ClassPrecision[];
  /** Precision [thresholds, recalls, classes, areas], and the scores that have it, with 100 detections an image. */
  readonly #precision: Float64Array;
  readonly #scores: Float64Array;
  /** Recall [thresholds, classes, areas, detections an image]. */
  readonly #recall: Float64Array;
  readonly #classes: number;

  /** @internal */
  constructor(records: readonly ClassRecord[], images: number) {
    const K = records.length;
    this.images = images;
    this.#classes = K;
    this.#precision = new Float64Array(T * R * K * A).fill(-1);
    this.#scores = new Float64Array(T * R * K * A).fill(-1);
    this.#recall = new Float64Array(T * K * A * M).fill(-1);
    for (const [k, record] of records.entries()) this.#accumulate(k, record);
    const recall = (area: number, most: number) => this.#meanRecall(area, most);
    const precision = (area: number, threshold?: number) => this.#meanPrecision(area, threshold);
    this.stats = [
      ...[precision(0), precision(0, 0.5), precision(0, 0.75)],
      ...[precision(1), precision(2), precision(3)],
      ...[recall(0, 0), recall(0, 1), recall(0, 2)],
      ...[recall(1, 2), recall(2, 2), recall(3, 2)],
    ];
    const [mAP, mAP50, mAP75, small, medium, large, one, ten, hundred, ...rest] = this.stats.map(known);
    this.mAP = mAP!;
    this.mAP50 = mAP50!;
    this.mAP75 = mAP75!;
    this.mAPBySize = { small: small!, medium: medium!, large: large! };
    this.recall = { 1: one!, 10: ten!, 100: hundred! };
    this.recallBySize = { small: rest[0]!, medium: rest[1]!, large: rest[2]! };
    this.perClass = records.map(({ truths }, k) => ({
      ap: known(this.#meanPrecision(0, undefined, k)),
      ap50: known(this.#meanPrecision(0, 0.5, k)),
      ap75: known(this.#meanPrecision(0, 0.75, k)),
      recall: known(this.#meanRecall(0, 2, k)),
      support: truths[0]!,
    }));
  }

  /**
   * The precision-recall curve of a class, all areas, 100 detections an image.
   * @param label the class's index
   * @param threshold the IoU from which on a detection is right: 0.5, 0.55 … 0.95
   * @returns null where there is none of the class to be found.
   * @throws ArgumentError for another class or threshold.
   */
  curve(label: number, threshold = 0.5): PrecisionCurve | null {
    const t = indexOf(threshold);
    if (t < 0 || !(label in this.perClass))
      throw new ArgumentError(
        `curve: expected a class from 0 to ${this.#classes - 1} and a threshold 0.5, 0.55 … 0.95, got ${label} and ${threshold}.`,
      );
    const at = Array.from(RECALLS, (_, r) => this.#at(t, r, label, 0));
    if (this.#precision[at[0]!] === -1) return null;
    return {
      recalls: RECALLS.slice(),
      precisions: Float64Array.from(at, (i) => this.#precision[i]!),
      scores: Float64Array.from(at, (i) => this.#scores[i]!),
    };
  }

  /** Place in precision and scores. */
  #at(t: number, r: number, k: number, a: number): number {
    return ((t * R + r) * this.#classes + k) * A + a;
  }

  #accumulate(k: number, { scores, ranks, flags, truths }: ClassRecord): void {
    const order = scores.map((_, i) => i).sort((i, j) => scores[j]! - scores[i]!);
    for (let a = 0; a < A; a++) {
      if (truths[a] === 0) continue;
      for (const [m, most] of MAX_DETECTIONS.entries()) {
        const ranked = order.filter((i) => ranks[i]! < most);
        for (let t = 0; t < T; t++) {
          const { precisions, recalls } = cumulated(ranked, flags[a]!, t, truths[a]!);
          this.#recall[((t * this.#classes + k) * A + a) * M + m] = recalls.at(-1) ?? 0;
          if (m === M - 1) this.#interpolate(t, k, a, precisions, recalls, ranked, scores);
        }
      }
    }
  }

  /** Precision at the 101 recalls: at the first detection that has such a recall; 0 past the last. */
  #interpolate(
    t: number,
    k: number,
    a: number,
    precisions: Float64Array,
    recalls: Float64Array,
    ranked: readonly number[],
    scores: readonly number[],
  ): void {
    for (let i = precisions.length - 1; i > 0; i--)
      if (precisions[i]! > precisions[i - 1]!) precisions[i - 1] = precisions[i]!;
    for (let r = 0, i = 0; r < R; r++) {
      while (i < recalls.length && recalls[i]! < RECALLS[r]!) i++;
      const at = this.#at(t, r, k, a);
      this.#precision[at] = precisions[i] ?? 0;
      this.#scores[at] = i < ranked.length ? scores[ranked[i]!]! : 0;
    }
  }

  /** Mean of what there is, in pycocotools' order of adding; of one class or all. */
  #meanPrecision(a: number, threshold?: number, label?: number): number {
    const values: number[] = [];
    for (const t of threshold === undefined ? IOU_THRESHOLDS.keys() : [indexOf(threshold)])
      for (let r = 0; r < R; r++)
        for (let k = label ?? 0; k < (label === undefined ? this.#classes : label + 1); k++) {
          const value = this.#precision[this.#at(t, r, k, a)]!;
          if (value > -1) values.push(value);
        }
    return meanOf(values);
  }

  #meanRecall(a: number, m: number, label?: number): number {
    const values: number[] = [];
    for (let t = 0; t < T; t++)
      for (let k = label ?? 0; k < (label === undefined ? this.#classes : label + 1); k++) {
        const value = this.#recall[((t * this.#classes + k) * A + a) * M + m]!;
        if (value > -1) values.push(value);
      }
    return meanOf(values);
  }
}

/** Precision and recall after each detection, from the highest score on. */
function cumulated(
  ranked: readonly number[],
  flags: readonly number[],
  t: number,
  truths: number,
): { readonly precisions: Float64Array; readonly recalls: Float64Array } {
  const precisions = new Float64Array(ranked.length);
  const recalls = new Float64Array(ranked.length);
  let [right, wrong] = [0, 0];
  for (const [at, i] of ranked.entries()) {
    const flag = flags[i]! >> t;
    const counts = ((flag >> T) & 1) === 0;
    if (counts && (flag & 1) === 1) right++;
    else if (counts) wrong++;
    recalls[at] = right / truths;
    precisions[at] = right / (wrong + right + EPSILON);
  }
  return { precisions, recalls };
}

const indexOf = (threshold: number) => IOU_THRESHOLDS.findIndex((value) => Math.abs(value - threshold) < 1e-9);

const known = (value: number): number | null => (value > -1 ? value : null);

/** The mean, added as NumPy adds; -1 of nothing. */
const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? -1 : pairwiseSum(values, 0, values.length) / values.length;

/** NumPy's order of adding: eight sums side by side in blocks of up to 128, and halves of what is longer. */
function pairwiseSum(values: readonly number[], from: number, count: number): number {
  if (count > 128) {
    const half = Math.floor(count / 2);
    const first = half - (half % 8);
    return pairwiseSum(values, from, first) + pairwiseSum(values, from + first, count - first);
  }
  let sum = 0;
  let at = 0;
  if (count >= 8) {
    const sums = values.slice(from, from + 8);
    for (at = 8; at < count - (count % 8); at += 8) for (let k = 0; k < 8; k++) sums[k]! += values[from + at + k]!;
    const [a, b, c, d, e, f, g, h] = sums as [number, number, number, number, number, number, number, number];
    sum = a + b + (c + d) + (e + f + (g + h));
  }
  for (; at < count; at++) sum += values[from + at]!;
  return sum;
}
