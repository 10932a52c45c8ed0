/** Samples to a batch: on the host, and from there to tensors. */
import { ArgumentError } from '../core/errors.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Sample } from './dataset.ts';
import { type Labels, labelShape, stackLabels } from './labels.ts';

/** A batch in host memory. */
export interface HostBatch {
  /** Row-major floats of shape `shape`. */
  readonly images: Float32Array;
  readonly shape: readonly [N: number, C: number, H: number, W: number];
  readonly labels: Labels;
  /** The samples' places in the data set. */
  readonly indices: number[];
  readonly paths: string[];
}

/** What a DataLoader yields. */
export interface Batch {
  /** Float32 [N, C, H, W]. */
  readonly images: Tensor;
  /** Int32 [N], or float targets [N, K]. */
  readonly labels: Tensor;
  /** The samples' places in the data set. */
  readonly indices: number[];
  readonly paths: string[];
}

/** Lays the samples' images one after another. @throws ArgumentError where their shapes differ. */
export function stack(samples: readonly Sample[]): HostBatch {
  const first = samples[0];
  if (!first) throw new ArgumentError('collate: expected at least one sample, got none.');
  const size = sizeOf(first.shape);
  const images = new Float32Array(samples.length * size);
  samples.forEach(({ image, shape, path }, i) => {
    if (!sameShape(shape, first.shape))
      throw new ArgumentError(
        `${path}: images of a batch must have one shape, got ${formatShape(shape)} beside ${formatShape(first.shape)} of ${first.path}. End the transform's geometry with CenterCrop, RandomCrop, RandomResizedCrop or Resize([height, width]).`,
      );
    images.set(image, i * size);
  });
  return {
    images,
    shape: [samples.length, ...first.shape],
    labels: stackLabels(
      samples.map((s) => s.label),
      (at) => samples[at]!.path,
    ),
    indices: samples.map((s) => s.index),
    paths: samples.map((s) => s.path),
  };
}

/** The batch with images and labels as tensors. */
export async function toTensors({ images, shape, labels, indices, paths }: HostBatch): Promise<Batch> {
  // Loaded here, when the first batch is made: reading images alone needs no tensors and no device.
  const { tensor } = await import('../tensor/factory.ts');
  return { images: tensor(images, shape), labels: tensor(labels, labelShape(labels, indices.length)), indices, paths };
}
