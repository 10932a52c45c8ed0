/** The schedule that watches a metric. */
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { LRScheduler, perGroup, type ScheduledOptimizer, type ScheduleState } from './schedule-base.ts';

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** 'min' (default) for a loss, 'max' for an accuracy. */
  mode?: 'min' | 'max';
  /** The rate is multiplied by this; 0.1 by default. */
  factor?: number;
  /** Steps without improvement that are let pass (default 10). */
  patience?: number;
  /** How much better counts as better (default 1e-4), relative to the best or absolute. */
  threshold?: number;
  /** Meaning of `threshold`: a share of the best value ('rel', the default) or a difference ('abs'). */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction in which nothing is counted (default 0). */
  cooldown?: number;
  /** No rate falls below this; 0 by default. */
  minLr?: number | readonly number[];
  /** A reduction by less than this is not made (default 1e-8). */
  eps?: number;
}

const OPTIONS: OptionNames<ReduceOnPlateauOptions> = {
  mode: true,
  factor: true,
  patience: true,
  threshold: true,
  thresholdMode: true,
  cooldown: true,
  minLr: true,
  eps: true,
};

/** Multiplies the rate by `factor` (default 0.1) when the metric given to `step(metric)` has stopped improving. */
export class ReduceLROnPlateau extends LRScheduler {
  readonly type = 'ReduceLROnPlateau';
  readonly #options: Required<Omit<ReduceOnPlateauOptions, 'minLr'>>;
  readonly #minLrs: readonly number[];
  #best: number;
  #badEpochs = 0;
  #cooldownLeft = 0;
  #reduce = false;

  constructor(optimizer: ScheduledOptimizer, options: ReduceOnPlateauOptions = {}) {
    super(optimizer);
    checkOptions('ReduceLROnPlateau', options, OPTIONS);
    const defaults = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      eps: 1e-8,
    } as const;
    this.#options = { ...defaults, ...options };
    if (this.#options.factor >= 1)
      throw new ArgumentError(`ReduceLROnPlateau: factor must be below 1, got ${this.#options.factor}.`);
    this.#minLrs = perGroup('ReduceLROnPlateau', 'minLr', options.minLr ?? 0, optimizer);
    this.#best = this.#worst;
  }

  /**
   * Looks at the metric of the epoch that ended, and reduces the rates if it has been flat for too long.
   * @throws ArgumentError without a metric.
   */
  override step(metric?: number): void {
    if (metric === undefined)
      throw new ArgumentError('ReduceLROnPlateau: step expected a metric, got none. Pass the validation loss.');
    const { patience, cooldown } = this.#options;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badEpochs = 0;
    } else this.#badEpochs++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badEpochs = 0;
    }
    this.#reduce = this.#badEpochs > patience;
    if (this.#reduce) {
      this.#cooldownLeft = cooldown;
      this.#badEpochs = 0;
    }
    super.step();
  }

  override state(): ScheduleState {
    const best = Number.isFinite(this.#best) ? this.#best : null;
    return { ...super.state(), plateau: { best, badEpochs: this.#badEpochs, cooldownLeft: this.#cooldownLeft } };
  }

  override loadState(state: ScheduleState): void {
    super.loadState(state);
    this.#best = state.plateau?.best ?? this.#worst;
    this.#badEpochs = state.plateau?.badEpochs ?? 0;
    this.#cooldownLeft = state.plateau?.cooldownLeft ?? 0;
  }

  protected nextLr(lr: number, index: number): number {
    if (!this.#reduce) return lr;
    const reduced = Math.max(lr * this.#options.factor, this.#minLrs[index]!);
    return lr - reduced > this.#options.eps ? reduced : lr;
  }

  get #worst(): number {
    return this.#options.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const bar = thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === 'min' ? metric < bar : metric > bar;
  }
}
