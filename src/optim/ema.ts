/** An exponential moving average of a model's weights, which often generalises better than the last of them. */
import { check, DECAY, whole } from '../core/check.ts';
import { type StateDict, type TensorData, toFloat32 } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkInstance, checkOptions, type OptionNames } from '../core/options.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import { internal, recordAssign, recordElementwise } from '../graph/record.ts';
import { dispose, readBack } from '../graph/run.ts';
import { slotValue, type Value } from '../graph/value.ts';
import { movingTensors } from '../nn/frozen-tensors.ts';
import { type AnyModule, Module } from '../nn/module.ts';
import { Parameter } from '../nn/parameter.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Options of {@link EMA}, with PyTorch's defaults. */
export interface EMAOptions {
  /** The share that the average keeps at each update; 0.999 by default. */
  readonly decay?: number;
  /**
   * Averages running statistics too, in float; off by default, where the average goes with the model's own. Counters are the model's always.
   */
  readonly useBuffers?: boolean;
  /** Begins with a lower share, min(decay, (1 + n) / (10 + n)) at update n: short runs then forget where they began. Off by default. */
  readonly warmUp?: boolean;
}

const OPTIONS: OptionNames<EMAOptions> = { decay: true, useBuffers: true, warmUp: true };

/** How a training loop averages: running statistics too, and short runs as well. */
export const AVERAGE: Pick<EMAOptions, 'useBuffers' | 'warmUp'> = { useBuffers: true, warmUp: true };

/** What {@link EMA.stateDict} gives. */
export interface EMAState {
  /** Updates so far. */
  readonly updates: number;
  /** The averages under the names that the model's state dict has. */
  readonly state: StateDict;
}

/**
 * The moving average of what a model trains, as PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)`: average = decay · average +
 * (1 - decay) · weight, the first time the weight itself. What is frozen is not averaged and takes no memory.
 * @see https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
 * @example
 * const ema = new EMA(model, { decay: 0.99 });
 * for (let k = 0; k < 3; k++)
 *   step(() => {
 *     crossEntropy(model.forward(images), labels).backward();
 *     optimizer.step();
 *     optimizer.zeroGrad();
 *     ema.update();
 *   });
 * const predictions = await ema.applied(() => predictLogits(model, validation));
 */
export class EMA {
  readonly #model: AnyModule;
  readonly #options: Required<EMAOptions>;
  readonly #averages = new Map<Tensor, Value>();
  #updates = 0;

  /** @throws ArgumentError for a decay that is not from 0 to below 1. */
  constructor(model: AnyModule, options: EMAOptions = {}) {
    checkInstance('EMA', 'model', model, Module, 'a module', 'Write new EMA(model, { decay: 0.999 }).');
    checkOptions('EMA', options, OPTIONS);
    const { decay = 0.999, useBuffers = false, warmUp = false } = options;
    check('EMA', 'decay', decay, DECAY);
    this.#model = model;
    this.#options = { decay, useBuffers, warmUp };
  }

  /** Takes the present weights into the average. To be called after each step of the optimizer. */
  update(): void {
    const { decay, warmUp } = this.#options;
    const n = this.#updates++;
    const share = 1 - (warmUp ? Math.min(decay, (1 + n) / (10 + n)) : decay);
    const averaged = this.#averaged().map(([, tensor]) => tensor);
    internal(() => {
      this.#forgetAllBut(new Set(averaged));
      for (const tensor of averaged) {
        const known = this.#averages.get(tensor);
        const average = known ?? this.#newAverage(tensor);
        if (known) recordAssign('ema', 'a + (b - a) * s', average, [average, tensor.value], [share]);
        else recordAssign('ema.first', 'a', average, [tensor.value]);
      }
    });
  }

  /** Exchanges the model's weights and their averages, on the device; a second time puts them back. */
  swap(): void {
    internal(() => {
      for (const [{ value }, average] of this.#averages) {
        const own = recordElementwise('ema.own', 'a', [value], value.shape);
        recordAssign('ema.swap', 'a', value, [average]);
        recordAssign('ema.swap', 'a', average, [own]);
      }
    });
  }

  /** What `use` gives while the model has the averages as its weights; its own are put back afterwards. */
  async applied<T>(use: () => T | Promise<T>): Promise<T> {
    this.swap();
    try {
      return await use();
    } finally {
      this.swap();
    }
  }

  /** What a checkpoint holds. */
  async stateDict(): Promise<EMAState> {
    const known = this.#averaged().filter(([, tensor]) => this.#averages.has(tensor));
    const entries = known.map(async ([name, tensor]): Promise<[string, TensorData]> => {
      const data = await readBack(this.#averages.get(tensor)!);
      return [name, { shape: [...tensor.shape], dtype: 'float32', data }];
    });
    return { updates: this.#updates, state: new Map(await Promise.all(entries)) };
  }

  /** Takes up where {@link stateDict} left off. @throws ArgumentError for averages that the model has no place for. */
  loadStateDict({ updates, state }: EMAState): void {
    check('EMA', 'updates', updates, whole(0));
    const averaged = new Map(this.#averaged());
    for (const [name, { shape }] of state) {
      const tensor = averaged.get(name);
      if (!tensor) throw new ArgumentError(`EMA: the saved state has '${name}', which the model does not train.`);
      if (!sameShape(shape, tensor.shape))
        throw new ArgumentError(
          `EMA: the saved average of ${name} is ${formatShape(shape)}, expected ${formatShape(tensor.shape)}.`,
        );
    }
    this.#updates = updates;
    this.#forgetAllBut(new Set([...state.keys()].map((name) => averaged.get(name)!)));
    for (const [name, values] of state) {
      const tensor = averaged.get(name)!;
      const { data } = this.#averages.get(tensor) ?? this.#newAverage(tensor);
      data.host = Float32Array.from(toFloat32(values));
      data.touch();
    }
  }

  /** What there is an average of: parameters that are trained, and the floats among the buffers that move. */
  #averaged(): [string, Tensor][] {
    const { useBuffers } = this.#options;
    const isAveraged = (tensor: Tensor) => tensor instanceof Parameter || (useBuffers && tensor.dtype === 'float32');
    return movingTensors(this.#model).filter(([, tensor]) => isAveraged(tensor));
  }

  #newAverage(tensor: Tensor): Value {
    const { shape } = tensor;
    const average = slotValue(shape, 'float32', () => new Float32Array(sizeOf(shape)));
    this.#averages.set(tensor, average);
    return average;
  }

  #forgetAllBut(kept: ReadonlySet<Tensor>): void {
    for (const [tensor, average] of this.#averages)
      if (!kept.has(tensor)) {
        dispose(average);
        this.#averages.delete(tensor);
      }
  }
}
