/**
 * Learning-rate schedules with PyTorch's names, rules and values.
 *
 * A schedule writes the next learning rate into the optimizer's parameter groups at every `step()`, computed from the
 * rate that is there, so that several schedules on one optimizer multiply, as in PyTorch. Building a schedule already
 * applies its value for step 0; call `step()` after `optimizer.step()`, once an epoch or once a batch as you count.
 */
import { check, within } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkFunction, checkNumber, checkOptions, shown } from '../core/options.ts';
import { LRScheduler, perGroup, type ScheduledOptimizer, type ScheduleState, STEPS } from './schedule-base.ts';
import { ReduceLROnPlateau } from './schedule-plateau.ts';

export { LRScheduler, type ScheduledGroup, type ScheduledOptimizer, type ScheduleState } from './schedule-base.ts';
export { OneCycleLR, type OneCycleOptions } from './schedule-one-cycle.ts';
export { ReduceLROnPlateau, type ReduceOnPlateauOptions } from './schedule-plateau.ts';

const FACTOR = within(Number.MIN_VALUE, 1, 'above 0 and at most 1');

/** Multiplies the rate by `gamma` (default 0.1) every `stepSize` steps. */
export class StepLR extends LRScheduler {
  readonly type = 'StepLR';
  readonly #stepSize: number;
  readonly #gamma: number;
  constructor(optimizer: ScheduledOptimizer, stepSize: number, options: { gamma?: number } = {}) {
    super(optimizer);
    checkOptions('StepLR', options, { gamma: true });
    this.#stepSize = check('StepLR', 'stepSize', stepSize, STEPS);
    this.#gamma = checkNumber('StepLR', 'gamma', options.gamma ?? 0.1);
    this.apply();
  }
  protected nextLr(lr: number): number {
    return this.lastEpoch > 0 && this.lastEpoch % this.#stepSize === 0 ? lr * this.#gamma : lr;
  }
}

/** Multiplies the rate by `gamma` (default 0.1) at each of `milestones`; one named twice counts twice. */
export class MultiStepLR extends LRScheduler {
  readonly type = 'MultiStepLR';
  readonly #milestones: readonly number[];
  readonly #gamma: number;
  constructor(optimizer: ScheduledOptimizer, milestones: readonly number[], options: { gamma?: number } = {}) {
    super(optimizer);
    checkOptions('MultiStepLR', options, { gamma: true });
    if (!Array.isArray(milestones))
      throw new ArgumentError(
        `MultiStepLR: expected milestones as an array, got ${shown(milestones)}. Write [30, 60].`,
      );
    this.#milestones = [...milestones];
    this.#gamma = checkNumber('MultiStepLR', 'gamma', options.gamma ?? 0.1);
    this.apply();
  }
  protected nextLr(lr: number): number {
    return lr * this.#gamma ** this.#milestones.filter((epoch) => epoch === this.lastEpoch).length;
  }
}

/** Multiplies the rate by `gamma` at every step. */
export class ExponentialLR extends LRScheduler {
  readonly type = 'ExponentialLR';
  readonly #gamma: number;
  constructor(optimizer: ScheduledOptimizer, gamma: number) {
    super(optimizer);
    this.#gamma = checkNumber('ExponentialLR', 'gamma', gamma);
    this.apply();
  }
  protected nextLr(lr: number): number {
    return this.lastEpoch === 0 ? lr : lr * this.#gamma;
  }
}

/** Multiplies the rate by `factor` (default 1/3) for the first `totalIters` (default 5) steps. */
export class ConstantLR extends LRScheduler {
  readonly type = 'ConstantLR';
  readonly #factor: number;
  readonly #totalIters: number;
  constructor(optimizer: ScheduledOptimizer, options: { factor?: number; totalIters?: number } = {}) {
    super(optimizer);
    checkOptions('ConstantLR', options, { factor: true, totalIters: true });
    this.#factor = check('ConstantLR', 'factor', options.factor ?? 1 / 3, FACTOR);
    this.#totalIters = check('ConstantLR', 'totalIters', options.totalIters ?? 5, STEPS);
    this.apply();
  }
  protected nextLr(lr: number): number {
    if (this.lastEpoch === 0) return lr * this.#factor;
    return this.lastEpoch === this.#totalIters ? lr * (1 / this.#factor) : lr;
  }
}

/** Moves the rate linearly from `startFactor` (default 1/3) to `endFactor` (default 1) in `totalIters` (default 5) steps: the usual warm-up. */
export class LinearLR extends LRScheduler {
  readonly type = 'LinearLR';
  readonly #start: number;
  readonly #end: number;
  readonly #totalIters: number;
  constructor(
    optimizer: ScheduledOptimizer,
    options: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    super(optimizer);
    checkOptions('LinearLR', options, { startFactor: true, endFactor: true, totalIters: true });
    this.#start = check('LinearLR', 'startFactor', options.startFactor ?? 1 / 3, FACTOR);
    this.#end = check('LinearLR', 'endFactor', options.endFactor ?? 1, within(0, 1));
    this.#totalIters = check('LinearLR', 'totalIters', options.totalIters ?? 5, STEPS);
    this.apply();
  }
  protected nextLr(lr: number): number {
    if (this.lastEpoch === 0) return lr * this.#start;
    if (this.lastEpoch > this.#totalIters) return lr;
    const slope = this.#end - this.#start;
    return lr * (1 + slope / (this.#totalIters * this.#start + (this.lastEpoch - 1) * slope));
  }
}

/**
 * Half a cosine from the base rate down to `etaMin` (default 0) in `tMax` steps, then up again, without a jump.
 * @see https://arxiv.org/abs/1608.03983
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly type = 'CosineAnnealingLR';
  readonly #tMax: number;
  readonly #etaMin: number;
  constructor(optimizer: ScheduledOptimizer, tMax: number, options: { etaMin?: number } = {}) {
    super(optimizer);
    checkOptions('CosineAnnealingLR', options, { etaMin: true });
    this.#tMax = check('CosineAnnealingLR', 'tMax', tMax, STEPS);
    this.#etaMin = checkNumber('CosineAnnealingLR', 'etaMin', options.etaMin ?? 0);
    this.apply();
  }
  protected nextLr(lr: number, index: number): number {
    const t = this.lastEpoch;
    if (t === 0) return lr;
    // At the bottom of the curve the ratio below would be 0 / 0.
    if ((t - 1 - this.#tMax) % (2 * this.#tMax) === 0)
      return lr + ((this.baseLrs[index]! - this.#etaMin) * (1 - Math.cos(Math.PI / this.#tMax))) / 2;
    const wave = (u: number): number => 1 + Math.cos((Math.PI * u) / this.#tMax);
    return (wave(t) / wave(t - 1)) * (lr - this.#etaMin) + this.#etaMin;
  }
}

/** Sets the rate to the base rate times `factor(step)`: one function for all groups, or one for each. Functions are not part of the state. */
export class LambdaLR extends LRScheduler {
  readonly type = 'LambdaLR';
  readonly #factors: readonly ((epoch: number) => number)[];
  constructor(
    optimizer: ScheduledOptimizer,
    factor: ((epoch: number) => number) | readonly ((epoch: number) => number)[],
  ) {
    super(optimizer);
    this.#factors = perGroup('LambdaLR', 'factor', factor, optimizer);
    for (const f of this.#factors) checkFunction('LambdaLR', 'factor', f, '(epoch) => 0.95 ** epoch');
    this.apply();
  }
  protected nextLr(_lr: number, index: number): number {
    return this.baseLrs[index]! * this.#factors[index]!(this.lastEpoch);
  }
}

/**
 * One schedule after the other: `schedules[i + 1]` takes over at step `milestones[i]`, from the base rates.
 * @example
 * const warmUp = new LinearLR(optimizer, { startFactor: 0.01, totalIters: 5 });
 * new SequentialLR(optimizer, [warmUp, new CosineAnnealingLR(optimizer, 95)], [5]);
 */
export class SequentialLR extends LRScheduler {
  readonly type = 'SequentialLR';
  readonly #schedules: readonly LRScheduler[];
  readonly #milestones: readonly number[];

  constructor(optimizer: ScheduledOptimizer, schedules: readonly LRScheduler[], milestones: readonly number[]) {
    super(optimizer);
    if (!Array.isArray(schedules) || !Array.isArray(milestones))
      throw new ArgumentError(
        `SequentialLR: expected an array of schedules and one of milestones, got ${shown(schedules)} and ${shown(milestones)}.`,
      );
    if (schedules.length === 0 || milestones.length !== schedules.length - 1)
      throw new ArgumentError(
        `SequentialLR: expected one milestone fewer than schedules, got ${milestones.length} and ${schedules.length}.`,
      );
    if (schedules.some((schedule) => schedule.optimizer !== optimizer))
      throw new ArgumentError('SequentialLR: expected schedules of one optimizer, got several optimizers.');
    if (schedules.some((schedule) => schedule instanceof ReduceLROnPlateau))
      throw new ArgumentError('SequentialLR: cannot hold a ReduceLROnPlateau, which needs a metric.');
    this.#schedules = schedules;
    this.#milestones = milestones;
    schedules[0]!.restart();
    this.lastLrs = schedules[0]!.getLastLr();
  }

  override step(): void {
    this.lastEpoch++;
    const passed = this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    const schedule = this.#schedules[passed]!;
    if (passed > 0 && this.#milestones[passed - 1] === this.lastEpoch) schedule.restart();
    else schedule.step();
    this.lastLrs = schedule.getLastLr();
  }

  override state(): ScheduleState {
    return { ...super.state(), schedules: this.#schedules.map((schedule) => schedule.state()) };
  }

  override loadState(state: ScheduleState): void {
    const states = state.schedules ?? [];
    if (states.length !== this.#schedules.length && state.type === 'SequentialLR')
      throw new ArgumentError(
        `SequentialLR: expected the states of ${this.#schedules.length} schedules, got ${states.length}.`,
      );
    this.#schedules.forEach((schedule, i) => {
      if (states[i]) schedule.loadState(states[i]);
    });
    super.loadState(state);
  }

  protected nextLr(lr: number): number {
    return lr;
  }
}
