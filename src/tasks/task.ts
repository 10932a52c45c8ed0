/** What a family of problems decides. The training loop, evaluation and the report ask a task and know no image, label or class themselves. */
import type { HostTensors } from '../core/dtype.ts';
import { formatPercent, formatValue } from '../core/format.ts';
import type { HostBatch } from '../data/collate.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import type { TableKind } from '../data/tables/labelling.ts';
import type { AnyModule } from '../nn/module.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A number that was measured; null where there is none, or it is NaN or infinite. */
export type Measured = number | null;

/** A score that a task gives for each epoch. */
export interface ScoreKind {
  /** In camelCase, as in 'accuracy' or 'meanIoU'. */
  readonly name: string;
  /** As in 'accuracy' or 'mean IoU', for tables and charts. */
  readonly title: string;
  readonly better: 'higher' | 'lower';
  readonly format: 'percent' | 'value';
}

/** A task of images before it is made: its name, the labels that it learns from, its scores. */
export interface TaskKind {
  /** As in 'image-classification'. */
  readonly name: string;
  readonly labels: TableKind;
  /** The best epoch goes by the first. */
  readonly scores: readonly ScoreKind[];
}

/** A score as it is read. */
export const formatScore = ({ format }: Pick<ScoreKind, 'format'>, value: Measured): string =>
  format === 'percent' ? formatPercent(value) : formatValue(value);

/** Scores by name. */
export type Scores = Readonly<Record<string, Measured>>;

/** Gathers scores over the batches of a data set, keeping no more of the outputs than they need. */
export interface Metric<Values = unknown> {
  /** Takes a batch's outputs, read back, with its targets. */
  update(outputs: HostTensors, batch: Pick<HostBatch, 'targets' | 'indices'>): void;
  /** One for each of the task's `scores`. */
  scores(): Scores;
  /** All there is to tell, for the report and `metrics.json`; null where outputs and targets are of another kind. */
  values(): Values | null;
}

/** Where a loss is computed. */
export interface LossContext {
  /** False on held-out samples, where what only helps training (smoothing) is left out. */
  readonly training: boolean;
  /** The batch on the host, to check it and to name its samples. */
  readonly batch: Pick<HostBatch, 'targets' | 'indices' | 'paths'>;
  readonly data: Dataset<Sample>;
}

/** A family of problems, as `fit` takes it. */
export interface Task<S extends Sample = Sample, Values = unknown> {
  /** As in 'image-classification'. */
  readonly name: string;
  /** The scores of an epoch; the best epoch goes by the first. */
  readonly scores: readonly ScoreKind[];
  /** Samples to a batch of named parts. */
  collate(samples: readonly S[]): HostBatch;
  /** The targets alone, without loading the inputs: cached activations stand for those. Null where the data set cannot tell them. */
  targetsOf?(data: Dataset<S>, indices: readonly number[]): HostTensors | null;
  /** Runs the model. `auxLogits` are the outputs of an auxiliary head, if it has one that helps training. */
  forward(model: AnyModule, inputs: Tensors): Tensors;
  /** The mean loss of the batch, a scalar: in training and on held-out samples. */
  loss(outputs: Tensors, targets: Tensors, context: LossContext): Tensor;
  /** Scores that are summed up while training, each the sum over the batch's samples as a scalar. */
  sums?(outputs: Tensors, targets: Tensors): Tensors;
  /** An empty metric. */
  metric(): Metric<Values>;
}

/** The loss of a batch, as a scalar, from the model's outputs and the targets: tensors, or records of them where there are several. */
export type Loss = (outputs: Tensor, targets: Tensor) => Tensor;

/** The task with another loss, which then trains and validates. */
export function withLoss<T extends Task<never>>(task: T, loss: Loss | undefined): T {
  if (!loss) return task;
  const own = (outputs: Tensors, targets: Tensors) => loss(alone(outputs), alone(targets));
  return { ...task, loss: (outputs: Tensors, targets: Tensors) => withAuxiliary(outputs, (o) => own(o, targets)) };
}

/** What the loss of an auxiliary head counts. */
const AUXILIARY = 0.4;

/** The loss of a batch with that of an auxiliary head, where there is one that anything trained depends on. */
export function withAuxiliary({ auxLogits, ...outputs }: Tensors, loss: (outputs: Tensors) => Tensor): Tensor {
  const own = loss(outputs);
  if (!auxLogits?.requires_grad) return own;
  const [name] = Object.keys(outputs);
  return own.add(loss({ [name!]: auxLogits }).mul(AUXILIARY));
}

/** The one tensor of a record, or the record. */
const alone = (tensors: Tensors): Tensor => {
  const all = Object.values(tensors);
  return all.length === 1 ? all[0]! : (tensors as never);
};
