/** What tasks with one image in and one row of numbers out have in common. */
import { ArgumentError } from '../core/errors.ts';
import { namesInWords } from '../core/format.ts';
import { stack, stackedLabels } from '../data/collate.ts';
import type { LabelledImage } from '../data/dataset.ts';
import type { AnyModule } from '../nn/module.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { LossContext, Task, Tensors } from './task.ts';

/** Images to batches, and their labels without loading them. */
export const imageBatches: Pick<Task<LabelledImage>, 'collate' | 'targetsOf'> = {
  collate: stack,
  targetsOf(data, indices) {
    if (!data.label) return null;
    const labels = indices.map((index) => data.label!(index));
    return { labels: stackedLabels(labels, (at) => `sample ${indices[at]}`) };
  },
};

/** A model's outputs for images under `name`; those of an auxiliary head, which some give in training, under `auxLogits`. */
export function forwardImages(name: string): (model: AnyModule, inputs: Tensors) => Tensors {
  return (model, { images }) => {
    const given: Tensor | { readonly logits: Tensor; readonly auxLogits: Tensor } = model.forward(images);
    return given instanceof Tensor ? { [name]: given } : { [name]: given.logits, auxLogits: given.auxLogits };
  };
}

/**
 * The float targets of a batch, row-major.
 * @param each what there is an output and a target of: 'label', 'value'
 * @throws ArgumentError where they are classes, or not as many as the model has outputs.
 */
export function floatTargets(
  op: string,
  each: string,
  { batch }: Pick<LossContext, 'batch'>,
  outputs: Tensor,
): Float32Array {
  const { data, shape } = batch.targets.labels!;
  if (!(data instanceof Float32Array))
    throw new ArgumentError(
      `${op}: expected a float target for each ${each}, got a class for each sample. Give targets as a Float32Array, in every sample.`,
    );
  const wanted = shape[1]!;
  if (outputs.rank !== 2 || outputs.shape[1] !== wanted)
    throw new ArgumentError(
      `${op}: expected an output for each of the ${wanted} ${each}s, got a model with ${outputs.shape.at(-1)}. Graft a head of ${wanted}.`,
    );
  return data;
}

/** Rows of numbers, gathered batch by batch. */
export class Rows {
  #data = new Float32Array(0);
  #length = 0;

  /** Row-major, all rows so far. */
  get data(): Float32Array {
    return this.#data.subarray(0, this.#length);
  }

  add(rows: ArrayLike<number>): void {
    const needed = this.#length + rows.length;
    if (needed > this.#data.length) {
      const larger = new Float32Array(Math.max(needed, 2 * this.#data.length));
      larger.set(this.data);
      this.#data = larger;
    }
    this.#data.set(rows, this.#length);
    this.#length = needed;
  }
}

/** Factors as a run was given them. @throws ArgumentError unless there is one for each class or label. */
export function givenFactors(
  weights: readonly number[],
  names: readonly string[],
  one: string,
  many: string,
): readonly number[] {
  if (weights.length === names.length) return weights;
  throw new ArgumentError(
    `finetune: classWeights has ${weights.length} numbers, but there are ${names.length} ${many} (${namesInWords(names)}). Give one a ${one}, in this order.`,
  );
}
