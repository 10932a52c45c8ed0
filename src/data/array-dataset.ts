/** Images that are already in memory: generated ones, or another program's. */

import { sha256 } from '../core/digest.ts';
import { ArgumentError, DataError } from '../core/errors.ts';
import { checkList, checkOptions, shown } from '../core/options.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { type Dataset, type LabelledImage, type SplitOptions, splitIndices } from './dataset.ts';
import { type Label, type Labels, stackLabels, strataOf } from './labels.ts';

/** Options of {@link ArrayDataset}. */
export interface ArrayDatasetOptions {
  /** Class names in the order of their labels. Default '0', '1', …, and none for float targets. */
  classes?: readonly string[];
  /** Names the data set in errors and its samples (`name[3]`). Default 'array'. */
  name?: string;
}

/**
 * Float images [N, C, H, W] and a label each; nothing is copied until a sample is taken.
 * @example
 * const pixels = new Float32Array(60 * 3 * 32 * 32);
 * new ArrayDataset(pixels, [60, 3, 32, 32], new Int32Array(60)); // a class each, for crossEntropy
 * new ArrayDataset(pixels, [60, 3, 32, 32], new Float32Array(60 * 4)); // four targets each, for mseLoss
 */
export class ArrayDataset implements Dataset {
  readonly images: Float32Array;
  readonly shape: readonly [number, number, number, number];
  /** Class indices, or rows of float targets. */
  readonly labels: Labels;
  readonly classes: readonly string[];
  readonly name: string;
  /** Where each sample lies in `images`. */
  readonly #places: readonly number[];
  /** Float targets of an image; 0 where labels are classes. */
  readonly #targets: number;

  /**
   * @param shape [N, C, H, W]
   * @param labels a class index an image, or as floats (a Float32Array or Float64Array) one target or more an image, row-major
   * @throws ArgumentError where sizes disagree, a label has no class, or is no number.
   */
  constructor(
    images: Float32Array,
    shape: Shape,
    labels: ArrayLike<number>,
    options: ArrayDatasetOptions = {},
    places?: readonly number[],
  ) {
    checkOptions('ArrayDataset', options, { classes: true, name: true });
    if (!(images instanceof Float32Array))
      throw new ArgumentError(
        `ArrayDataset: expected the images as one Float32Array, got ${shown(images)}. Write Float32Array.from(…).`,
      );
    checkList('ArrayDataset', 'the shape', shape);
    if (shape.length !== 4 || sizeOf(shape) !== images.length)
      throw new ArgumentError(
        `ArrayDataset: expected a shape [N, C, H, W] of ${images.length} elements, got ${formatShape(shape)}.`,
      );
    this.labels = isFloat(labels)
      ? targetsOf(labels, shape[0]!)
      : stackLabels(Array.from(labels), (at) => `ArrayDataset: label ${at}`);
    this.#targets = this.labels instanceof Float32Array ? labels.length / shape[0]! : 0;
    if (!this.#targets && labels.length !== shape[0])
      throw new ArgumentError(`ArrayDataset: expected ${shape[0]} labels, one an image, got ${labels.length}.`);
    this.classes = options.classes ?? (this.#targets ? [] : named(this.labels));
    if (!this.#targets) checkClasses(this.labels, this.classes.length);
    this.images = images;
    this.shape = shape as unknown as [number, number, number, number];
    this.name = options.name ?? 'array';
    this.#places = places ?? Array.from({ length: shape[0]! }, (_, i) => i);
  }

  get length(): number {
    return this.#places.length;
  }

  #place(index: number): number {
    const place = this.#places[index];
    if (place !== undefined) return place;
    throw new DataError(this.name, `has no sample ${index}: indices go from 0 to ${this.length - 1}.`);
  }

  label(index: number): Label {
    return this.#label(this.#place(index));
  }

  #label(place: number): Label {
    const { labels } = this;
    if (labels instanceof Int32Array) return labels[place]!;
    return labels.subarray(place * this.#targets, (place + 1) * this.#targets);
  }

  #image(place: number): Float32Array {
    const size = sizeOf(this.shape.slice(1));
    return this.images.subarray(place * size, (place + 1) * size);
  }

  async get(index: number): Promise<LabelledImage> {
    const place = this.#place(index);
    const [, c, h, w] = this.shape;
    return {
      image: this.#image(place),
      shape: [c, h, w],
      label: this.#label(place),
      index,
      path: `${this.name}[${place}]`,
    };
  }

  /** A digest of the image's floats. */
  async key(index: number): Promise<string> {
    return sha256(JSON.stringify(this.shape.slice(1)), this.#image(this.#place(index)));
  }

  /** The samples at `indices`, in that order, on the same memory. */
  subset(indices: readonly number[]): ArrayDataset {
    const { images, shape, labels, classes, name } = this;
    return new ArrayDataset(
      images,
      shape,
      labels,
      { classes, name },
      indices.map((i) => this.#place(i)),
    );
  }

  /** As ImageFolder's. @throws DataError where a part would be empty. */
  split(fraction: number, options: SplitOptions = {}): [train: ArrayDataset, validation: ArrayDataset] {
    const labels = this.#places.map((place) => this.#label(place));
    const strata = strataOf(labels, this.classes.length, fraction);
    const [first, second] = splitIndices(this.name, strata, fraction, options);
    return [this.subset(first), this.subset(second)];
  }
}

const isFloat = (labels: ArrayLike<number>): labels is Float32Array | Float64Array =>
  labels instanceof Float32Array || labels instanceof Float64Array;

/** More than any network tells apart: larger labels are numbers of another kind. */
const MOST_CLASSES = 2 ** 20;

function named(labels: Labels): string[] {
  let largest = -1;
  for (const label of labels) largest = Math.max(largest, label);
  if (largest < MOST_CLASSES) return Array.from({ length: largest + 1 }, (_, i) => String(i));
  throw new ArgumentError(
    `ArrayDataset: expected labels that count classes from 0, got ${largest}. Number the classes, or for regression give the targets as a Float32Array.`,
  );
}

function targetsOf(labels: Float32Array | Float64Array, images: number): Float32Array {
  if (labels.length === 0 || labels.length % images !== 0)
    throw new ArgumentError(
      `ArrayDataset: expected as many float targets for each of the ${images} images, got ${labels.length} in all.`,
    );
  const at = labels.findIndex((value: number) => !Number.isFinite(value));
  if (at >= 0) throw new ArgumentError(`ArrayDataset: targets must be numbers, got ${labels[at]} at ${at}.`);
  return labels instanceof Float32Array ? labels : Float32Array.from(labels);
}

function checkClasses(labels: Labels, classes: number): void {
  const label = labels.find((l) => l < 0 || l >= classes);
  if (label !== undefined) throw new ArgumentError(`ArrayDataset: labels must be 0 to ${classes - 1}, got ${label}.`);
}
