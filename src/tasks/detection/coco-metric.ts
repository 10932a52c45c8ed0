/** COCO's metric of boxes, gathered image by image: the numbers of pycocotools' `COCOeval`, to the last bit. */
import { ArgumentError } from '../../core/errors.ts';
import { CocoEvaluation } from './coco-evaluation.ts';
import { matchImage } from './coco-match.ts';
import { AREA_RANGES, type ClassRecord } from './coco-record.ts';

/** What was found in an image. */
export interface DetectedBoxes {
  /** x1 y1 x2 y2 [n, 4], in pixels. */
  readonly boxes: ArrayLike<number>;
  /** [n] */
  readonly scores: ArrayLike<number>;
  /** Class indices [n]. */
  readonly labels: ArrayLike<number>;
}

/** What is in an image; a `BoxSample` is such. */
export interface TrueBoxes {
  /** x1 y1 x2 y2 [n, 4], in pixels. */
  readonly boxes: ArrayLike<number>;
  /** Class indices [n]. */
  readonly labels: ArrayLike<number>;
  /** In square pixels [n]; default: those of the boxes. */
  readonly areas?: ArrayLike<number>;
  /** 1 where a box is around many objects [n]; default: none. */
  readonly crowd?: ArrayLike<number>;
}

/** Options of {@link CocoMetric}. */
export interface CocoMetricOptions {
  /** How boxes are given: by corners x1 y1 x2 y2 (the default), or as COCO's files have them, x y width height, which keeps their last bit. */
  readonly format?: 'xyxy' | 'xywh';
}

/**
 * COCO's metric: average precision over IoU 0.5 to 0.95 and 101 recalls, by size, and average recall for 1, 10 and 100 detections an image.
 * Crowds may be found often and are no miss; at most 100 detections of a class in an image count; equal scores stay in the order in which they came, images in
 * the order in which they are added (pycocotools sorts them by id). One difference: pycocotools takes a box of annotation id 0 for none, and
 * its match for a false one.
 * @see https://github.com/cocodataset/cocoapi/blob/master/PythonAPI/pycocotools/cocoeval.py
 * @example
 * const metric = new CocoMetric(classes.length);
 * for (const [i, sample] of samples.entries()) metric.add(found[i], sample);
 * const { mAP, mAP50, perClass } = metric.evaluate();
 */
export class CocoMetric {
  readonly classes: number;
  readonly #corners: boolean;
  readonly #records: ClassRecord[];
  #images = 0;

  /** @param classes how many there are */
  constructor(classes: number, { format = 'xyxy' }: CocoMetricOptions = {}) {
    if (!Number.isInteger(classes) || classes < 1)
      throw new ArgumentError(`CocoMetric: expected classes as a whole number, 1 or more, got ${classes}.`);
    this.classes = classes;
    this.#corners = format === 'xyxy';
    this.#records = Array.from({ length: classes }, () => ({
      scores: [],
      ranks: [],
      flags: AREA_RANGES.map(() => []),
      truths: AREA_RANGES.map(() => 0),
    }));
  }

  /** Images that were added. */
  get images(): number {
    return this.#images;
  }

  /**
   * Adds an image.
   * @throws ArgumentError for arrays that do not belong together, classes that do not exist, and scores that are no numbers.
   */
  add(detected: DetectedBoxes, truth: TrueBoxes): this {
    this.#check('detections', detected);
    this.#check('truths', truth);
    for (let i = 0; i < detected.scores.length; i++)
      if (Number.isNaN(detected.scores[i]!))
        throw new ArgumentError(`CocoMetric: detection ${i} of image ${this.#images} has the score NaN.`);
    this.#images++;
    const found = indicesByClass(detected.labels);
    const wanted = indicesByClass(truth.labels);
    for (const label of new Set([...found.keys(), ...wanted.keys()]))
      matchImage(this.#records[label]!, {
        detections: this.#boxesAt(detected.boxes, found.get(label) ?? []),
        scores: (found.get(label) ?? []).map((i) => detected.scores[i]!),
        truths: this.#boxesAt(truth.boxes, wanted.get(label) ?? []),
        areas: (wanted.get(label) ?? []).map((i) => truth.areas?.[i] ?? this.#areaAt(truth.boxes, i)),
        crowd: (wanted.get(label) ?? []).map((i) => Number(truth.crowd?.[i] ?? 0) === 1),
      });
    return this;
  }

  /** The numbers of all images so far. More may be added after. */
  evaluate(): CocoEvaluation {
    return new CocoEvaluation(this.#records, this.#images);
  }

  #check(what: string, parts: DetectedBoxes | TrueBoxes): void {
    const n = parts.labels.length;
    const { boxes, labels, ...others } = parts;
    const of = `CocoMetric: ${what} of image ${this.#images}`;
    if (boxes.length !== 4 * n)
      throw new ArgumentError(`${of}: expected four numbers for each of ${n} labels, got ${boxes.length}.`);
    for (const name of ['scores', 'areas', 'crowd'] as const) {
      const part = (others as Readonly<Record<string, ArrayLike<number> | undefined>>)[name];
      if (part && part.length !== n) throw new ArgumentError(`${of}: expected ${n} ${name}, got ${part.length}.`);
    }
    for (let i = 0; i < n; i++)
      if (!(Number.isInteger(labels[i]!) && labels[i]! >= 0 && labels[i]! < this.classes))
        throw new ArgumentError(`${of}: expected labels from 0 to ${this.classes - 1}, got ${labels[i]}.`);
  }

  /** x y width height of some boxes. */
  #boxesAt(boxes: ArrayLike<number>, indices: readonly number[]): Float64Array {
    const out = new Float64Array(4 * indices.length);
    for (const [to, i] of indices.entries()) {
      const [x, y, c, d] = [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!];
      out.set(this.#corners ? [x, y, c - x, d - y] : [x, y, c, d], 4 * to);
    }
    return out;
  }

  #areaAt(boxes: ArrayLike<number>, i: number): number {
    const [, , width, height] = this.#boxesAt(boxes, [i]);
    return width! * height!;
  }
}

function indicesByClass(labels: ArrayLike<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const same = found.get(labels[i]!);
    if (same) same.push(i);
    else found.set(labels[i]!, [i]);
  }
  return found;
}
