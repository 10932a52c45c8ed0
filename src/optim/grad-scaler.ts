/**
 * Dynamic loss scaling, as `torch.amp.GradScaler`. Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740.
 *
 * All of it happens on the device: whether a gradient overflowed, the skipping of that step and the next scale, so nothing is read back
 * and a training step stays one plan.
 */
import { above, check } from '../core/check.ts';
import { ArgumentError, RegraftError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { internal, recordAssign, recordElementwise } from '../graph/record.ts';
import { readBack } from '../graph/run.ts';
import { hostValue, slotValue, type Value } from '../graph/value.ts';
import { accumulate } from '../ops/elementwise.ts';
import { reduceAxes } from '../ops/reduce.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { AnyOptimizer } from './optimizer.ts';

/** Options of {@link GradScaler}, with PyTorch's defaults. */
export interface GradScalerOptions {
  /** 2 ** 16 by default. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` updates without overflow; 2 by default. */
  readonly growthFactor?: number;
  /** What it is multiplied by after an overflow; 0.5 by default. */
  readonly backoffFactor?: number;
  /** 2000 by default. */
  readonly growthInterval?: number;
  /** false makes `scale` and `step` what they are without a scaler; true by default. */
  readonly enabled?: boolean;
}

const OPTIONS: OptionNames<GradScalerOptions> = {
  initScale: true,
  growthFactor: true,
  backoffFactor: true,
  growthInterval: true,
  enabled: true,
};

/** What {@link GradScaler.stateDict} gives. */
export interface GradScalerState {
  readonly scale: number;
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  /** Updates since the last overflow or growth. */
  readonly growthTracker: number;
}

/** How far an optimizer is since the last update(), and whether its gradients overflowed: 1, else 0. */
interface Progress {
  stage: 'ready' | 'unscaled' | 'stepped';
  readonly foundInf: Tensor;
}

/**
 * Multiplies the loss, so that gradients in float16 do not vanish, and divides the gradients again before they are used. A step whose
 * gradients are not all finite changes nothing and lowers the scale.
 * @example
 * step(() => {
 *   const loss = autocast(() => crossEntropy(model.forward(images), labels));
 *   scaler.scale(loss).backward();
 *   scaler.step(optimizer);
 *   scaler.update();
 *   optimizer.zeroGrad();
 *   return loss;
 * });
 */
export class GradScaler {
  readonly #enabled: boolean;
  #numbers: { growthFactor: number; backoffFactor: number; growthInterval: number };
  readonly #scale: Value;
  readonly #tracker: Value = slotValue([], 'float32', Float32Array.of(0));
  readonly #progress = new Map<AnyOptimizer, Progress>();

  /** @throws ArgumentError for factors that do not grow, or back off. */
  constructor(options: GradScalerOptions = {}) {
    checkOptions('GradScaler', options, OPTIONS);
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000, enabled = true } = options;
    check('GradScaler', 'growthFactor', growthFactor, above(1));
    if (!(backoffFactor > 0 && backoffFactor < 1))
      throw new ArgumentError(`GradScaler: backoffFactor must be between 0 and 1, got ${backoffFactor}.`);
    this.#enabled = enabled;
    this.#numbers = { growthFactor, backoffFactor, growthInterval };
    this.#scale = slotValue([], 'float32', Float32Array.of(initScale));
  }

  /** The loss times the scale: call backward() on it. */
  scale(loss: Tensor): Tensor {
    return this.#enabled ? loss.float().mul(new Tensor(this.#scale)) : loss;
  }

  /**
   * Divides the optimizer's gradients by the scale: before clipping them. {@link step} does it where this was not called.
   * @throws RegraftError the second time before {@link update}.
   */
  unscale(optimizer: AnyOptimizer): void {
    if (!this.#enabled) return;
    const progress = this.#progressOf(optimizer);
    if (progress.stage !== 'ready') throw misplaced('unscale', progress.stage);
    progress.stage = 'unscaled';
    internal(() => {
      const inverse = recordElementwise('inverseScale', 'T(1) / a', [this.#scale], []);
      let overflows: Value | null = null;
      for (const p of optimizer.paramGroups.flatMap((group) => group.params as Tensor[])) {
        if (!p.requires_grad || !p.grad) continue;
        const g = p.grad.value;
        overflows = accumulate(overflows, overflowsIn(g));
        p.grad = new Tensor(recordElementwise('unscale', 'a * b', [g, inverse], g.shape));
      }
      const none = () => hostValue([], 'float32', Float32Array.of(0));
      recordAssign('foundInf', 'a', progress.foundInf.value, [overflows ?? none()]);
    });
  }

  /**
   * `optimizer.step()`, which changes nothing where a gradient is infinite or NaN.
   * @throws RegraftError the second time before {@link update}.
   */
  step(optimizer: AnyOptimizer): void {
    if (!this.#enabled) {
      optimizer.step();
      return;
    }
    const progress = this.#progressOf(optimizer);
    if (progress.stage === 'stepped') throw misplaced('step', progress.stage);
    if (progress.stage === 'ready') this.unscale(optimizer);
    progress.stage = 'stepped';
    optimizer.step(progress.foundInf);
  }

  /** Sets the next scale. To be called once an iteration, after the steps of all optimizers. */
  update(): void {
    if (!this.#enabled) return;
    const { growthFactor, backoffFactor, growthInterval } = this.#numbers;
    const [scale, tracker] = [this.#scale, this.#tracker];
    internal(() => {
      let found: Value | null = null;
      for (const progress of this.#progress.values()) {
        if (progress.stage === 'ready') continue;
        found = accumulate(found, progress.foundInf.value);
        progress.stage = 'ready';
      }
      if (!found) throw new RegraftError('GradScaler: update() was called before step().');
      recordAssign('backoff', 'select(a, a * s, b > T(0))', scale, [scale, found], [backoffFactor]);
      recordAssign('growthTracker', 'select(a + T(1), T(0), b > T(0))', tracker, [tracker, found]);
      // A scale that would become infinite stays.
      const grown = 'select(a, a * s, (b >= t) & (a * s <= T(3.4028234e38)))';
      recordAssign('growth', grown, scale, [scale, tracker], [growthFactor, growthInterval]);
      recordAssign('growthTracker', 'select(a, T(0), a >= s)', tracker, [tracker], [growthInterval]);
    });
  }

  /** The scale as it is now, read back. */
  async getScale(): Promise<number> {
    return (await readBack(this.#scale))[0]!;
  }

  /** What a checkpoint holds. */
  async stateDict(): Promise<GradScalerState> {
    const [[scale], [growthTracker]] = await Promise.all([readBack(this.#scale), readBack(this.#tracker)]);
    return { scale: scale!, ...this.#numbers, growthTracker: growthTracker! };
  }

  /** Takes up where {@link stateDict} left off. */
  loadStateDict({ scale, growthTracker, ...numbers }: GradScalerState): void {
    this.#numbers = numbers;
    for (const [slot, value] of [[this.#scale, scale] as const, [this.#tracker, growthTracker] as const]) {
      slot.data.host = Float32Array.of(value);
      slot.data.touch();
    }
  }

  /** Whether it scales at all. */
  isEnabled(): boolean {
    return this.#enabled;
  }

  #progressOf(optimizer: AnyOptimizer): Progress {
    let progress = this.#progress.get(optimizer);
    if (!progress) {
      progress = { stage: 'ready', foundInf: new Tensor(slotValue([], 'float32', Float32Array.of(0))) };
      this.#progress.set(optimizer, progress);
    }
    return progress;
  }
}

/** 1 where an element is infinite or NaN, else 0. Written so that a comparison with NaN, which is false, says so. */
function overflowsIn(g: Value): Value {
  const flags = recordElementwise('overflow', 'select(T(1), T(0), abs(a) <= T(3.4028234e38))', [g], g.shape);
  return reduceAxes(
    'max',
    flags,
    g.shape.map((_, d) => d),
    false,
  );
}

function misplaced(method: string, stage: Progress['stage']): RegraftError {
  const before = stage === 'stepped' ? 'step' : 'unscale';
  return new RegraftError(
    `GradScaler: ${method}() was called after ${before}() on the same optimizer. Call update() in between.`,
  );
}
