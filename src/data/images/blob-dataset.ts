/** Labelled images that are Files or Blobs: what a user drops on a page. */
import { decodeImage } from '#image';
import { sha256 } from '../../core/digest.ts';
import { DataError } from '../../core/errors.ts';
import {
  type Dataset,
  FIRST_VIEW,
  type LabelledImage,
  type SplitOptions,
  splitIndices,
  type View,
} from '../dataset.ts';
import { type TransformLike, toTransform } from '../transforms/compose.ts';
import { ToTensor } from '../transforms/normalize.ts';
import type { Transform } from '../transforms/transform.ts';
import { transformed } from './load-image.ts';

/** One image and its class's index. */
export interface LabelledBlob {
  readonly blob: Blob;
  /** What a person knows it by: the file's name. */
  readonly path: string;
  readonly label: number;
}

/** As ImageDataset, over Blobs. Works in browsers and in Node. */
export class BlobDataset implements Dataset {
  readonly classes: readonly string[];
  readonly samples: readonly LabelledBlob[];
  readonly transform: Transform;
  readonly #origin: readonly number[];
  readonly #digests: Map<Blob, Promise<string>>;

  constructor(
    classes: readonly string[],
    samples: readonly LabelledBlob[],
    transform: TransformLike = new ToTensor(),
    origin: readonly number[] = samples.map((_, i) => i),
    digests: Map<Blob, Promise<string>> = new Map(),
  ) {
    this.classes = classes;
    this.samples = samples;
    this.transform = toTransform(transform);
    this.#origin = origin;
    this.#digests = digests;
  }

  get length(): number {
    return this.samples.length;
  }

  #at(index: number): LabelledBlob {
    const sample = this.samples[index];
    if (sample) return sample;
    throw new DataError('images', `there is no sample ${index}: indices go from 0 to ${this.length - 1}.`);
  }

  label(index: number): number {
    return this.#at(index).label;
  }

  /** @throws DataError where the image cannot be decoded. */
  async get(index: number, view: View = FIRST_VIEW): Promise<LabelledImage> {
    const { blob, path, label } = this.#at(index);
    const decoded = await decodeImage(new Uint8Array(await blob.arrayBuffer()), path, this.transform);
    const { data, shape } = transformed(decoded, path, this.transform, this.#origin[index]!, view);
    return { image: data, shape, label, index, path };
  }

  /** Equal where the sample's floats are; a Blob's bytes are read once. */
  async key(index: number, view: View = FIRST_VIEW): Promise<string> {
    const { blob } = this.#at(index);
    let digest = this.#digests.get(blob);
    if (!digest) this.#digests.set(blob, (digest = blob.arrayBuffer().then((b) => sha256(new Uint8Array(b)))));
    const random = this.transform.random ? [view.seed, view.view, this.#origin[index]] : [];
    return sha256(JSON.stringify([await digest, this.transform, ...random]));
  }

  /** The samples at `indices`, in that order. */
  subset(indices: readonly number[]): BlobDataset {
    const samples = indices.map((i) => this.#at(i));
    const origin = indices.map((i) => this.#origin[i]!);
    return new BlobDataset(this.classes, samples, this.transform, origin, this.#digests);
  }

  /** The same samples behind another transform. */
  withTransform(transform: TransformLike): BlobDataset {
    return new BlobDataset(this.classes, this.samples, transform, this.#origin, this.#digests);
  }

  /** As ImageDataset's. @throws DataError where a part would be empty. */
  split(fraction: number, options: SplitOptions = {}): [train: BlobDataset, validation: BlobDataset] {
    const labels = this.samples.map((s) => s.label);
    const [first, second] = splitIndices('images', labels, fraction, options);
    return [this.subset(first), this.subset(second)];
  }
}
