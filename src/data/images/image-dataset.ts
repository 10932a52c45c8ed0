/** Labelled image files with a transform: what ImageFolder is, and what its parts are. */
import { checkImage, readBytes } from '#image';
import { sha256 } from '../../core/digest.ts';
import { DataError } from '../../core/errors.ts';
import { concurrently } from '../concurrently.ts';
import {
  type Dataset,
  FIRST_VIEW,
  type LabelledImage,
  type SplitOptions,
  splitIndices,
  type View,
} from '../dataset.ts';
import { classesOf, type Label, strataOf } from '../labels.ts';
import { isSaveable, type TransformLike, toTransform } from '../transforms/compose.ts';
import { ToTensor } from '../transforms/normalize.ts';
import type { Transform } from '../transforms/transform.ts';
import { loadImage } from './load-image.ts';
import type { SampleThreads } from './sample-threads.ts';

/** One file and its class's index, or its float targets. */
export interface ImageFile<L extends Label = number> {
  readonly path: string;
  readonly label: L;
}

/** A file that cannot be used, and why, as one clause. */
export interface BadImage {
  readonly path: string;
  readonly reason: string;
}

/** What {@link ImageDataset.verify} found. */
export interface Verification<L extends Label = number> {
  /** The same data set without the bad files. */
  readonly good: ImageDataset<L>;
  readonly bad: readonly BadImage[];
}

/**
 * Labelled image files with a transform: what {@link ImageFolder} is, and what its parts are. Labels are class indices, or rows of float
 * targets: of 0 and 1 for several labels an image, which `classes` names; of any numbers, where `classes` is empty.
 */
export class ImageDataset<L extends Label = number> implements Dataset {
  /** The folder: names the data set in errors. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly classToIndex: Readonly<Record<string, number>>;
  readonly samples: readonly ImageFile<L>[];
  readonly transform: Transform;
  /** For each sample its place in the folder as first listed: random streams and so augmentations follow it into a part. */
  readonly #origin: readonly number[];
  /** A transform of the user's own cannot cross to another thread. */
  readonly #saveable: boolean;
  /** Of the files' bytes, by path; shared by all parts of a folder. */
  #transformDigest: Promise<string> | undefined;
  readonly #digests: Map<string, Promise<string>>;

  constructor(
    root: string,
    classes: readonly string[],
    samples: readonly ImageFile<L>[],
    transform: TransformLike = new ToTensor(),
    origin: readonly number[] = samples.map((_, i) => i),
    digests: Map<string, Promise<string>> = new Map(),
  ) {
    this.root = root;
    this.classes = classes;
    this.classToIndex = Object.fromEntries(classes.map((name, i) => [name, i]));
    this.samples = samples;
    this.transform = toTransform(transform);
    this.#saveable = isSaveable(this.transform);
    this.#origin = origin;
    this.#digests = digests;
  }

  get length(): number {
    return this.samples.length;
  }

  label(index: number): L {
    return this.#at(index).label;
  }

  /** How many samples each class has; of float targets, how many have one of 0.5 or more. */
  classCounts(): number[] {
    const counts = this.classes.map(() => 0);
    for (const { label } of this.samples) for (const c of classesOf(label, counts.length)) counts[c]!++;
    return counts;
  }

  #at(index: number): ImageFile<L> {
    const sample = this.samples[index];
    if (sample) return sample;
    throw new DataError(this.root, `has no sample ${index}: indices go from 0 to ${this.length - 1}.`);
  }

  /**
   * Decodes and transforms one image; `view` chooses among the random versions.
   * @throws DataError where the file cannot be decoded.
   */
  async get(index: number, view: View = FIRST_VIEW, threads?: SampleThreads): Promise<LabelledImage> {
    const { path, label } = this.#at(index);
    const origin = this.#origin[index]!;
    const elsewhere = threads && this.#saveable;
    const { data, shape } = await (elsewhere
      ? threads.load(path, this.transform, origin, view)
      : loadImage(path, this.transform, origin, view));
    return { image: data, shape, label, index, path };
  }

  /** SHA-256 of a file's bytes, which are read once in the life of this data set and its parts. */
  #digest(path: string): Promise<string> {
    let digest = this.#digests.get(path);
    if (!digest) {
      digest = readBytes(path).then((bytes) => sha256(bytes));
      this.#digests.set(path, digest);
    }
    return digest;
  }

  /**
   * SHA-256 of each file's bytes. They are at hand after {@link verify}, or else read, a few files at once.
   * @throws DataError where a file cannot be read.
   */
  async digests(): Promise<string[]> {
    const found: string[] = [];
    await concurrently(4, this.samples, async ({ path }, i) => {
      found[i] = await this.#digest(path);
    });
    return found;
  }

  /** Equal where the sample's floats are: a digest of the file's bytes, of the transform, and, where that is random, of the view. */
  async key(index: number, view: View = FIRST_VIEW): Promise<string> {
    this.#transformDigest ??= sha256(JSON.stringify(this.transform));
    const digest = `${await this.#digest(this.#at(index).path)} ${await this.#transformDigest}`;
    return this.transform.random ? `${digest} ${view.seed} ${view.view} ${this.#origin[index]}` : digest;
  }

  /** The samples at `indices`, in that order, with the same classes and transform. */
  subset(indices: readonly number[]): ImageDataset<L> {
    const samples = indices.map((i) => this.#at(i));
    return new ImageDataset(
      this.root,
      this.classes,
      samples,
      this.transform,
      indices.map((i) => this.#origin[i]!),
      this.#digests,
    );
  }

  /** The same samples behind another transform: training and validation parts of one folder differ in it. */
  withTransform(transform: TransformLike): ImageDataset<L> {
    return new ImageDataset(this.root, this.classes, this.samples, transform, this.#origin, this.#digests);
  }

  /**
   * Two parts that share the class list; the second holds `fraction` of the images. Stratified (the default), that is of each class by itself,
   * and of several labels an image by sets of labels.
   * @throws DataError where a part would be empty.
   */
  split(fraction: number, options: SplitOptions = {}): [train: ImageDataset<L>, validation: ImageDataset<L>] {
    const labels = strataOf(
      this.samples.map((s) => s.label),
      this.classes.length,
      fraction,
    );
    const [first, second] = splitIndices(this.root, labels, fraction, options);
    return [this.subset(first), this.subset(second)];
  }

  /**
   * Decodes every file, several at once, and tells the bad ones (empty, cut short, not an image) from the good.
   * @throws DataError where a class has no readable image left, or there is none at all.
   */
  async verify({
    concurrency = 4,
    onProgress,
  }: {
    concurrency?: number;
    onProgress?: (done: number, of: number) => void;
  } = {}): Promise<Verification<L>> {
    const reasons: (string | undefined)[] = [];
    let done = 0;
    await concurrently(concurrency, this.samples, async ({ path }, i) => {
      try {
        const bytes = await readBytes(path);
        await checkImage(bytes, path);
        this.#digests.set(path, Promise.resolve(await sha256(bytes)));
      } catch (error) {
        reasons[i] = reasonOf(error, path);
      }
      onProgress?.(++done, this.length);
    });
    const indices = this.samples.map((_, i) => i);
    const bad = indices
      .filter((i) => reasons[i] !== undefined)
      .map((i) => ({ path: this.samples[i]!.path, reason: reasons[i]! }));
    const good = bad.length === 0 ? this : this.subset(indices.filter((i) => reasons[i] === undefined));
    const before = this.classCounts();
    good.classCounts().forEach((count, label) => {
      if (count > 0 || before[label] === 0) return;
      const first = this.samples.findIndex((s) => classesOf(s.label, before.length).includes(label));
      throw new DataError(
        this.root,
        `class '${this.classes[label]}' has no readable image: ${before[label] === 1 ? 'its only file' : `all ${before[label]} files, the first`} ${this.samples[first]!.path} ${reasons[first]}`,
      );
    });
    if (good.length === 0 && bad.length > 0)
      throw new DataError(
        this.root,
        `no image is readable: all ${this.length} files, the first ${bad[0]!.path} ${bad[0]!.reason}`,
      );
    return { good, bad };
  }

  toString(): string {
    const counts = this.classCounts();
    const named = `${this.classes.length} classes (${this.classes.map((c, i) => `${c} ${counts[i]}`).join(', ')})`;
    return `${this.root}: ${this.length} images${this.classes.length > 0 ? `, ${named}` : ''}`;
  }
}

/** A DataError's text without the path in front. @throws what is not a DataError: a bug is no bad image. */
export function reasonOf(error: unknown, path: string): string {
  if (error instanceof DataError)
    return error.message.startsWith(`${path}: `) ? error.message.slice(path.length + 2) : error.message;
  throw error;
}
