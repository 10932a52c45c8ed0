/** Samples to a batch: on the host, and from there to tensors. */
import type { HostTensor, HostTensors } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { LabelledImage } from './dataset.ts';
import { type Label, stackLabels } from './labels.ts';

/** A batch in host memory: named parts, each with samples along its first axis. */
export interface HostBatch {
  /** What the network is given. */
  readonly inputs: HostTensors;
  /** What its outputs are compared with. */
  readonly targets: HostTensors;
  /** The samples' places in the data set. */
  readonly indices: readonly number[];
  readonly paths: readonly string[];
}

/** What a DataLoader yields for images. */
export interface Batch {
  /** Float32 [N, C, H, W]. */
  readonly images: Tensor;
  /** Int32 [N], or float targets [N, K]. */
  readonly labels: Tensor;
  /** The samples' places in the data set. */
  readonly indices: readonly number[];
  readonly paths: readonly string[];
}

/** A batch of images, [N, C, H, W], and their labels. @throws ArgumentError where their shapes differ. */
export function stack(samples: readonly LabelledImage[]): HostBatch {
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
  const labels = stackedLabels(
    samples.map((s) => s.label),
    (at) => samples[at]!.path,
  );
  return {
    inputs: { images: { data: images, shape: [samples.length, ...first.shape] } },
    targets: { labels },
    indices: samples.map((s) => s.index),
    paths: samples.map((s) => s.path),
  };
}

/** Labels as {@link stackLabels} lays them, with their shape: int32 [N], or float targets [N, K]. */
export function stackedLabels(labels: readonly Label[], nameOf: (at: number) => string): HostTensor {
  const data = stackLabels(labels, nameOf);
  const { length } = labels;
  return { data, shape: data instanceof Int32Array ? [length] : [length, data.length / length] };
}

/** The batch with its parts as tensors, each under its name. */
export async function toTensors({ inputs, targets, indices, paths }: HostBatch): Promise<Batch> {
  // Loaded here, when the first batch is made: reading images alone needs no tensors and no device.
  const { tensor } = await import('../tensor/factory.ts');
  const parts = Object.entries({ ...inputs, ...targets });
  const tensors = Object.fromEntries(parts.map(([name, { data, shape }]) => [name, tensor(data, shape)]));
  return { ...(tensors as Pick<Batch, 'images' | 'labels'>), indices, paths };
}
