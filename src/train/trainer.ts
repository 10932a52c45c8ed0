/** Steps of training: gradients of a batch, and updates of the trainable parameters. */

import type { AnyModule } from '../nn/module.ts';
import { clipGradNorm, scaleGrad } from '../optim/clip.ts';
import type { EMA } from '../optim/ema.ts';
import type { GradScaler } from '../optim/grad-scaler.ts';
import type { AnyOptimizer } from '../optim/optimizer.ts';
import type { Task, Tensors } from '../tasks/task.ts';
import { autocast } from '../tensor/autocast.ts';
import { step } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Batches, LoadedBatch } from './batches.ts';
import { checkLoss } from './fit-checks.ts';

/** Options of {@link Trainer}. */
export interface TrainerOptions {
  /** Batches whose gradients make one update, as one batch of all their samples would. */
  readonly accumulate: number;
  readonly clipGradNorm?: number | undefined;
  /** Loss scaling; one that is switched off in float32. */
  readonly scaler: GradScaler;
  /** Follows the weights from update to update. */
  readonly ema?: EMA | undefined;
  /** Computes in float16 where it can. */
  readonly mixed: boolean;
}

/** Loss and sums of a batch, on the GPU. */
export interface StepResult {
  readonly loss: Tensor;
  /** The task's sums. */
  readonly sums: Tensors;
}

/** Trains a model on batches, one at a time. */
export class Trainer {
  readonly #model: AnyModule;
  readonly #task: Task;
  readonly #optimizer: AnyOptimizer;
  readonly #options: TrainerOptions;
  /** Batches and samples whose gradients wait for the next update. */
  #batches = 0;
  #samples = 0;

  constructor(model: AnyModule, task: Task, optimizer: AnyOptimizer, options: TrainerOptions) {
    this.#model = model;
    this.#task = task;
    this.#optimizer = optimizer;
    this.#options = options;
  }

  /** The parameters that are trained now. Looked up anew each time: layers may be frozen, unfrozen or replaced in mid-run. */
  get trainable(): Tensor[] {
    const grouped = this.#optimizer.paramGroups.flatMap((group) => group.params);
    const all = new Set<Tensor>([...this.#model.parameters(), ...grouped]);
    return [...all].filter((p) => p.requires_grad);
  }

  dropGradients(): void {
    for (const p of this.trainable) p.grad = null;
  }

  /** Forward and backward over a batch, and the update where its turn has come. @returns also whether it was. */
  async step(batches: Batches, batch: LoadedBatch): Promise<StepResult & { readonly updated: boolean }> {
    const { accumulate, scaler, mixed } = this.#options;
    const count = batch.indices.length;
    this.#batches++;
    this.#samples += count;
    const updated = this.#batches === accumulate;
    const result = await batches.run(batch, this.trainable, (forward, targets) =>
      step(() => {
        const { outputs, loss } = autocast({ enabled: mixed }, () => {
          const outputs = forward();
          const context = { training: true, batch, data: batches.loader.dataset };
          return { outputs, loss: checkLoss(this.#task.loss(outputs, targets, context)) };
        });
        scaler.scale(accumulate > 1 ? loss.mul(count) : loss).backward();
        if (updated) this.#update();
        return { loss, sums: this.#task.sums?.(outputs, targets) ?? {} };
      }),
    );
    if (updated) this.#batches = this.#samples = 0;
    return { ...result, updated };
  }

  /** The update of an epoch's last batches, where they were fewer than an update takes. @returns whether there was one. */
  finish(): boolean {
    if (this.#batches === 0) return false;
    step(() => this.#update());
    this.#batches = this.#samples = 0;
    return true;
  }

  #update(): void {
    const { accumulate, clipGradNorm: norm, scaler, ema } = this.#options;
    const params = this.trainable;
    scaler.unscale(this.#optimizer);
    if (accumulate > 1) scaleGrad(params, 1 / this.#samples);
    if (norm !== undefined) clipGradNorm(params, norm);
    scaler.step(this.#optimizer);
    scaler.update();
    ema?.update();
    this.dropGradients();
  }
}
