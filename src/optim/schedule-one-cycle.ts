/** The one-cycle schedule: the rate goes up and down once, momentum against it. */
import { check, within } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import {
  checkOptimizer,
  LRScheduler,
  perGroup,
  type ScheduledOptimizer,
  type ScheduleState,
  STEPS,
} from './schedule-base.ts';

/** Options of {@link OneCycleLR}. */
export interface OneCycleOptions {
  /** Length of the cycle in steps; or else `epochs` and `stepsPerEpoch`. */
  totalSteps?: number;
  /** With `stepsPerEpoch`, in place of `totalSteps`. */
  epochs?: number;
  /** Updates in an epoch. */
  stepsPerEpoch?: number;
  /** Share of the cycle in which the rate rises (default 0.3). */
  pctStart?: number;
  /** Shape of the rise and the fall: 'cos' (the default) or 'linear'. */
  annealStrategy?: 'cos' | 'linear';
  /** Move momentum (SGD) or the first beta (Adam) against the rate (default true). */
  cycleMomentum?: boolean;
  /** Momentum where the rate is highest; 0.85 by default. */
  baseMomentum?: number | readonly number[];
  /** Momentum where the rate is lowest; 0.95 by default. */
  maxMomentum?: number | readonly number[];
  /** The first rate is `maxLr / divFactor` (default 25), the last that divided by `finalDivFactor` (default 1e4). */
  divFactor?: number;
  /** The last rate is the first divided by this; 1e4 by default. */
  finalDivFactor?: number;
  /** Down to the first rate by a mirrored phase, then to the last one (default false: straight to the last one). */
  threePhase?: boolean;
}

const OPTIONS: OptionNames<OneCycleOptions> = {
  totalSteps: true,
  epochs: true,
  stepsPerEpoch: true,
  pctStart: true,
  annealStrategy: true,
  cycleMomentum: true,
  baseMomentum: true,
  maxMomentum: true,
  divFactor: true,
  finalDivFactor: true,
  threePhase: true,
};

/**
 * Up to `maxLr`, then down to nearly nothing: one cycle, stepped once a batch.
 * @throws ArgumentError when stepped past its end, as PyTorch does.
 * @see https://arxiv.org/abs/1708.07120
 */
export class OneCycleLR extends LRScheduler {
  readonly type = 'OneCycleLR';
  readonly #maxLrs: readonly number[];
  readonly #totalSteps: number;
  readonly #phases: readonly { end: number; from: CyclePoint; to: CyclePoint }[];
  readonly #anneal: (start: number, end: number, share: number) => number;
  readonly #finalDivFactor: number;
  readonly #momentum: { base: readonly number[]; max: readonly number[] } | undefined;

  constructor(optimizer: ScheduledOptimizer, maxLr: number | readonly number[], options: OneCycleOptions) {
    checkOptimizer(optimizer);
    checkOptions('OneCycleLR', options, OPTIONS);
    const maxLrs = perGroup('OneCycleLR', 'maxLr', maxLr, optimizer);
    optimizer.paramGroups.forEach((group, i) => {
      group.initialLr = maxLrs[i]! / (options.divFactor ?? 25);
    });
    super(optimizer);
    const { epochs, stepsPerEpoch, pctStart = 0.3 } = options;
    if (options.totalSteps === undefined && (epochs === undefined || stepsPerEpoch === undefined))
      throw new ArgumentError('OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch.');
    const total = check('OneCycleLR', 'totalSteps', options.totalSteps ?? epochs! * stepsPerEpoch!, STEPS);
    check('OneCycleLR', 'pctStart', pctStart, within(0, 1));
    this.#maxLrs = maxLrs;
    this.#totalSteps = total;
    this.#finalDivFactor = options.finalDivFactor ?? 1e4;
    this.#anneal = options.annealStrategy === 'linear' ? annealLinear : annealCosine;
    const top = pctStart * total - 1;
    this.#phases = options.threePhase
      ? [
          { end: top, from: 'initial', to: 'max' },
          { end: 2 * pctStart * total - 2, from: 'max', to: 'initial' },
          { end: total - 1, from: 'initial', to: 'min' },
        ]
      : [
          { end: top, from: 'initial', to: 'max' },
          { end: total - 1, from: 'max', to: 'min' },
        ];
    if (options.cycleMomentum !== false) {
      if (optimizer.paramGroups.some((group) => group.momentum === undefined && group.betas === undefined))
        throw new ArgumentError(
          'OneCycleLR: expected an optimizer with momentum or betas, got neither. Pass { cycleMomentum: false }.',
        );
      this.#momentum = {
        base: perGroup('OneCycleLR', 'baseMomentum', options.baseMomentum ?? 0.85, optimizer),
        max: perGroup('OneCycleLR', 'maxMomentum', options.maxMomentum ?? 0.95, optimizer),
      };
    }
    this.apply();
  }

  override loadState(state: ScheduleState): void {
    super.loadState(state);
    this.apply(); // the momentum too
  }

  protected nextLr(_lr: number, index: number): number {
    const t = this.lastEpoch;
    if (t > this.#totalSteps)
      throw new ArgumentError(`OneCycleLR: expected at most ${this.#totalSteps} steps (totalSteps), got ${t}.`);
    const at = Math.max(
      0,
      this.#phases.findIndex(({ end }, i) => t <= end || i === this.#phases.length - 1),
    );
    const { end, from, to } = this.#phases[at]!;
    const start = at === 0 ? 0 : this.#phases[at - 1]!.end;
    const share = (t - start) / (end - start);
    if (this.#momentum) {
      const { base, max } = this.#momentum;
      const momentumAt = (point: CyclePoint): number => (point === 'max' ? base : max)[index]!;
      const momentum = this.#anneal(momentumAt(from), momentumAt(to), share);
      const group = this.optimizer.paramGroups[index]!;
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else group.momentum = momentum;
    }
    const lrAt = (point: CyclePoint): number =>
      point === 'max'
        ? this.#maxLrs[index]!
        : point === 'initial'
          ? this.baseLrs[index]!
          : this.baseLrs[index]! / this.#finalDivFactor;
    return this.#anneal(lrAt(from), lrAt(to), share);
  }
}

type CyclePoint = 'initial' | 'max' | 'min';

function annealCosine(start: number, end: number, share: number): number {
  return end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1);
}

function annealLinear(start: number, end: number, share: number): number {
  return (end - start) * share + start;
}
