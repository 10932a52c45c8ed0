/** Segmentation: a class for each pixel. */
import type { HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { Dataset } from '../../data/dataset.ts';
import { IGNORED } from '../../data/masks/coding.ts';
import type { MaskedImage } from '../../data/masks/mask-dataset.ts';
import type { AnyModule } from '../../nn/module.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { ImageValues } from '../image-task.ts';
import {
  type LossContext,
  type Measured,
  type Metric,
  type Scores,
  type Task,
  type Tensors,
  withAuxiliary,
} from '../task.ts';
import { SEGMENTATION_KIND } from './kind.ts';
import { maskLoss } from './losses.ts';
import { type SegmentationEvaluation, SegmentationMetric } from './metrics.ts';

/** Options of {@link segmentation}. */
export interface SegmentationOptions {
  /**
   * 'cross-entropy', 'bce' (each class against the others), 'dice', 'jaccard', 'focal' or 'tversky' (missed pixels count more than false ones),
   * or a sum of them; 'cross-entropy+dice' by default.
   */
  readonly loss?: string | undefined;
  /** A factor for each class, of cross-entropy and of the focal loss: above 1, its pixels count more. None by default. */
  readonly classWeights?: readonly number[] | undefined;
  /** Of the focal loss; 2 by default. */
  readonly focalGamma?: number | undefined;
}

/** An image whose pixels the model got wrong. */
export interface MaskMistake {
  /** The image's place in the data set. */
  readonly index: number;
  /** Mean over the classes that are there or found. */
  readonly meanIoU: number;
}

/** The scores of masks and how many images they are of. */
export interface MaskEvaluation extends SegmentationEvaluation {
  readonly images: number;
}

/** What the metric of segmentation tells. */
export type SegmentationResults = ImageValues<MaskEvaluation, MaskMistake>;

/**
 * The task of a class for each pixel: a model gives logits [N, classes, H, W], or one output for a foreground, or `{ out, aux }`; the scores are the mean
 * IoU, the mean Dice coefficient and the share of pixels that are right. Pixels of 255 are neither learned nor scored.
 * @param options Which loss, factors of classes.
 * @throws ArgumentError for another loss.
 * @example
 * const task = segmentation({ loss: 'cross-entropy+dice' }); // fit(model, { task, train, epochs: 5 })
 */
export function segmentation(options: SegmentationOptions = {}): Task<MaskedImage, SegmentationResults> {
  checkOptions('segmentation', options, { loss: true, classWeights: true, focalGamma: true });
  const { loss = 'cross-entropy+dice', classWeights, focalGamma } = options;
  const lossOf = maskLoss(loss, { classWeights, focalGamma });
  return {
    ...SEGMENTATION_KIND,
    collate: stackMasks,
    forward: forwardMasks,
    loss(outputs, { labels }, context) {
      checkMasks(outputs.logits!, context);
      return withAuxiliary(outputs, ({ logits }) => lossOf(logits!, labels!));
    },
    metric: () => new MaskMetric(),
  };
}

/** A batch of images [N, C, H, W] and their masks [N, H, W]. @throws ArgumentError where their shapes differ. */
function stackMasks(samples: readonly MaskedImage[]): HostBatch {
  const { shape, path } = samples[0]!;
  const [size, area] = [sizeOf(shape), shape[1] * shape[2]];
  const images = new Float32Array(samples.length * size);
  const masks = new Int32Array(samples.length * area);
  for (const [i, sample] of samples.entries()) {
    if (!sameShape(sample.shape, shape))
      throw new ArgumentError(
        `${sample.path}: images of a batch must have one shape, got ${formatShape(sample.shape)} beside ${formatShape(shape)} of ${path}. Give the transform a crop, or resize to [height, width].`,
      );
    images.set(sample.image, i * size);
    masks.set(sample.mask, i * area);
  }
  return {
    inputs: { images: { data: images, shape: [samples.length, ...shape] } },
    targets: { labels: { data: masks, shape: [samples.length, shape[1], shape[2]] } },
    indices: samples.map(({ index }) => index),
    paths: samples.map((sample) => sample.path),
  };
}

/** The logits of each pixel, and in training those of an auxiliary head. */
function forwardMasks(model: AnyModule, { images }: Tensors): Tensors {
  const given: Tensor | { readonly out: Tensor; readonly aux?: Tensor } = model.forward(images);
  if (given instanceof Tensor) return { logits: given };
  return given.aux && model.training ? { logits: given.out, auxLogits: given.aux } : { logits: given.out };
}

/** @throws ArgumentError for outputs of another size than the masks, or labels that the model has no output for. */
function checkMasks({ shape }: Tensor, { batch, data }: Pick<LossContext, 'batch' | 'data'>): void {
  const { data: labels, shape: wanted } = batch.targets.labels!;
  const [N, outputs, ...sides] = shape;
  if (!sameShape([N!, ...sides], wanted))
    throw new ArgumentError(
      `segmentation: expected outputs [${wanted[0]}, classes, ${wanted.slice(1).join(', ')}] for masks ${formatShape(wanted)}, got ${formatShape(shape)}. Choose a network that segments, as unet.`,
    );
  const { classes = [] } = data as Dataset<MaskedImage>;
  const known = outputs === 1 ? 2 : outputs!;
  if (classes.length > known)
    throw new ArgumentError(
      `segmentation: expected an output for each of the ${classes.length} classes, got a model with ${outputs}. Build it with { numClasses: ${classes.length} }.`,
    );
  const area = wanted[1]! * wanted[2]!;
  const at = (labels as Int32Array).findIndex((label) => label >= known && label !== IGNORED);
  if (at < 0) return;
  throw new ArgumentError(
    `segmentation: expected labels from 0 to ${known - 1}, or 255, got ${labels[at]} in ${batch.paths[Math.floor(at / area)]}.`,
  );
}

/** How many of the worst images are kept. */
const WORST = 12;

/** The classes of pixels: of logits [classes, area] the highest; of one output the foreground where it is above 0. */
export function labelsOf(logits: ArrayLike<number>, classes: number): Uint8Array {
  const area = logits.length / classes;
  const found = new Uint8Array(area);
  for (let i = 0; i < area; i++) {
    if (classes === 1) found[i] = logits[i]! > 0 ? 1 : 0;
    for (let k = 1; k < classes; k++) if (logits[k * area + i]! > logits[found[i]! * area + i]!) found[i] = k;
  }
  return found;
}

/** Gathers what {@link SegmentationResults} tells. */
class MaskMetric implements Metric<SegmentationResults> {
  #all: SegmentationMetric | undefined;
  #images = 0;
  #worst: MaskMistake[] = [];

  update({ logits }: HostTensors, { targets: { labels }, indices }: Pick<HostBatch, 'targets' | 'indices'>): void {
    const [, outputs, height, width] = logits!.shape as [number, number, number, number];
    const [area, classes] = [height * width, Math.max(2, outputs)];
    this.#all ??= new SegmentationMetric(classes);
    for (const [n, index] of indices.entries()) {
      const scores = logits!.data.subarray(n * outputs * area, (n + 1) * outputs * area);
      const one = new SegmentationMetric(classes).add(
        labelsOf(scores, outputs),
        labels!.data.subarray(n * area, (n + 1) * area),
      );
      const { confusion, meanIoU } = one.evaluate();
      this.#all.addConfusion(confusion);
      if (meanIoU !== null) this.#worst.push({ index, meanIoU });
    }
    this.#images += indices.length;
    this.#worst = this.#worst.sort((a, b) => a.meanIoU - b.meanIoU || a.index - b.index).slice(0, WORST);
  }

  scores(): Scores {
    const { meanIoU, meanDice, pixelAccuracy } = this.#all?.evaluate() ?? NOTHING;
    return { meanIoU, meanDice, pixelAccuracy };
  }

  values(): SegmentationResults | null {
    if (!this.#all) return null;
    return { evaluation: { ...this.#all.evaluate(), images: this.#images }, mistakes: this.#worst };
  }
}

const NOTHING: Readonly<Record<'meanIoU' | 'meanDice' | 'pixelAccuracy', Measured>> = {
  meanIoU: null,
  meanDice: null,
  pixelAccuracy: null,
};
