/** Images that are already in memory: generated ones, or another program's. */
import { sha256 } from '../core/digest.ts';
import { ArgumentError, DataError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { type Dataset, type Sample, type SplitOptions, splitIndices } from './dataset.ts';

/** Options of {@link ArrayDataset}. */
export interface ArrayDatasetOptions {
  /** Class names in the order of their labels. Default '0', '1', … */
  classes?: readonly string[];
  /** Names the data set in errors and its samples (`name[3]`). Default 'array'. */
  name?: string;
}

/** Float images [N, C, H, W] and a label each; nothing is copied until a sample is taken. */
export class ArrayDataset implements Dataset {
  readonly images: Float32Array;
  readonly shape: readonly [number, number, number, number];
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  readonly name: string;
  /** Where each sample lies in `images`. */
  readonly #places: readonly number[];

  /**
   * @param shape [N, C, H, W]
   * @throws ArgumentError where sizes disagree or a label has no class.
   */
  constructor(
    images: Float32Array,
    shape: Shape,
    labels: ArrayLike<number>,
    options: ArrayDatasetOptions = {},
    places?: readonly number[],
  ) {
    if (shape.length !== 4 || sizeOf(shape) !== images.length)
      throw new ArgumentError(
        `ArrayDataset: expected a shape [N, C, H, W] of ${images.length} elements, got ${formatShape(shape)}.`,
      );
    if (labels.length !== shape[0])
      throw new ArgumentError(`ArrayDataset: expected ${shape[0]} labels, one an image, got ${labels.length}.`);
    this.labels = Int32Array.from(labels);
    const highest = this.labels.reduce((a, b) => Math.max(a, b), -1);
    this.classes = options.classes ?? Array.from({ length: highest + 1 }, (_, i) => String(i));
    if (highest >= this.classes.length || this.labels.some((l) => l < 0))
      throw new ArgumentError(
        `ArrayDataset: labels must be 0 to ${this.classes.length - 1}, got ${this.labels.find((l) => l < 0) ?? highest}.`,
      );
    this.images = images;
    this.shape = shape as unknown as [number, number, number, number];
    this.name = options.name ?? 'array';
    this.#places = places ?? Array.from(this.labels, (_, i) => i);
  }

  get length(): number {
    return this.#places.length;
  }

  #place(index: number): number {
    const place = this.#places[index];
    if (place !== undefined) return place;
    throw new DataError(this.name, `has no sample ${index}: indices go from 0 to ${this.length - 1}.`);
  }

  label(index: number): number {
    return this.labels[this.#place(index)]!;
  }

  #image(place: number): Float32Array {
    const size = sizeOf(this.shape.slice(1));
    return this.images.subarray(place * size, (place + 1) * size);
  }

  async get(index: number): Promise<Sample> {
    const place = this.#place(index);
    const [, c, h, w] = this.shape;
    return {
      image: this.#image(place),
      shape: [c, h, w],
      label: this.labels[place]!,
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
    const labels = this.#places.map((p) => this.labels[p]!);
    const [first, second] = splitIndices(this.name, labels, fraction, options);
    return [this.subset(first), this.subset(second)];
  }
}
