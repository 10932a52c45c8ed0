/** Photos with masks as a data set: decoded, transformed together, ready for a network. */
import { decodeImage } from '#image';
import { checkOptions } from '../../core/options.ts';
import { type Dataset, FIRST_VIEW, type Sample, sampleGenerator, type View } from '../dataset.ts';
import type { RgbImage } from '../images/image.ts';
import type { ClassMask, MaskCoding } from './coding.ts';
import { loadMask } from './load-mask.ts';
import type { MaskSample } from './mask-sample.ts';
import { PairedTransform } from './paired.ts';

/** One image, ready for a network, and the labels of its pixels. */
export interface MaskedImage extends Sample {
  /** Float32 in planes, [channels, height, width] row-major. */
  readonly image: Float32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Row by row, [height, width]: a class's index, or 255: ignored. */
  readonly mask: Uint8Array;
}

/** Options of {@link MaskDataset}. */
export interface MaskDatasetOptions {
  /** What is done to photos and masks; by default they are normalised and keep their size. */
  readonly transform?: PairedTransform;
  /** Bytes of decoded photos and masks that are kept; 256 MB by default, 0 for none. */
  readonly keep?: number;
}

/**
 * Photos with masks, as `openMasks` finds them. A sample that is listed several times gives as many views of it in an epoch: large photos with small crops.
 * @example
 * const { classes, coding, train } = await openMasks('data');
 * const samples = new MaskDataset(train, coding, { transform: new PairedTransform({ crop: 128, flip: 0.5 }) });
 */
export class MaskDataset implements Dataset<MaskedImage> {
  readonly samples: readonly MaskSample[];
  readonly coding: MaskCoding;
  readonly transform: PairedTransform;
  readonly #decoded = new Map<MaskSample, readonly [RgbImage, ClassMask]>();
  #room: number;

  constructor(samples: readonly MaskSample[], coding: MaskCoding, options: MaskDatasetOptions = {}) {
    checkOptions('MaskDataset', options, { transform: true, keep: true });
    this.samples = samples;
    this.coding = coding;
    this.transform = options.transform ?? new PairedTransform();
    this.#room = options.keep ?? 256e6;
  }

  get length(): number {
    return this.samples.length;
  }

  /** Names in the order of the labels. */
  get classes(): readonly string[] {
    return this.coding.classes;
  }

  /** @throws DataError where the photo or its mask cannot be read. */
  async get(index: number, view: View = FIRST_VIEW): Promise<MaskedImage> {
    const sample = this.samples[index]!;
    const [photo, labels] = await this.#decode(sample);
    const { image, mask } = this.transform.apply(photo, labels, sampleGenerator(index, view));
    return { index, path: sample.path, image: image.data, shape: image.shape, mask: mask.data };
  }

  async #decode(sample: MaskSample): Promise<readonly [RgbImage, ClassMask]> {
    const kept = this.#decoded.get(sample);
    if (kept) return kept;
    const pair = await Promise.all([decodeImage(sample.path), loadMask(sample, this.coding)]);
    const bytes = pair[0].data.length + pair[1].data.length;
    if (bytes <= this.#room && !this.#decoded.has(sample)) {
      this.#room -= bytes;
      this.#decoded.set(sample, pair);
    }
    return pair;
  }
}
