/** What all learning-rate schedules share: the step count, the parameter groups, the state for a checkpoint. */
import { type Kind, whole } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { shown } from '../core/options.ts';

/** What a schedule sees of an optimizer. `initialLr` is written by the first schedule; `betas` are Adam's. */
export interface ScheduledOptimizer {
  readonly paramGroups: readonly ScheduledGroup[];
}

/** What a schedule reads and writes of a parameter group. */
export interface ScheduledGroup {
  lr: number;
  initialLr?: number | undefined;
  momentum?: number | undefined;
  betas?: readonly [number, number] | undefined;
}

/** A schedule's state for a checkpoint: JSON-able. */
export interface ScheduleState {
  readonly type: string;
  readonly lastEpoch: number;
  readonly baseLrs: readonly number[];
  readonly lastLrs: readonly number[];
  /** ReduceLROnPlateau: the best metric so far (null before the first) and its two counters. */
  readonly plateau?: { readonly best: number | null; readonly badEpochs: number; readonly cooldownLeft: number };
  /** SequentialLR: the states of its schedules, in order. */
  readonly schedules?: readonly ScheduleState[];
}

/** What all schedules share. Subclasses say how the rate of one group follows from the current one. */
export abstract class LRScheduler {
  /** The schedule's name, as the state records it. */
  abstract readonly type: string;
  readonly optimizer: ScheduledOptimizer;
  /** Steps done so far: 0 after construction. */
  lastEpoch = 0;
  /** Each group's rate at the start (`initialLr`). */
  baseLrs: number[];
  protected lastLrs: number[];

  /** @throws ArgumentError for what is no optimizer. */
  constructor(optimizer: ScheduledOptimizer) {
    checkOptimizer(optimizer);
    for (const group of optimizer.paramGroups) group.initialLr ??= group.lr;
    this.optimizer = optimizer;
    this.baseLrs = optimizer.paramGroups.map((group) => group.initialLr!);
    this.lastLrs = optimizer.paramGroups.map((group) => group.lr);
  }

  /** The rate of group `index` at step `lastEpoch`, from its present rate `lr`. */
  protected abstract nextLr(lr: number, index: number): number;

  /** Advances by one and writes the new rates. `metric` is read by {@link ReduceLROnPlateau} alone, which needs it. */
  step(_metric?: number): void {
    this.lastEpoch++;
    this.apply();
  }

  /** The rates that the last step wrote, one a group. */
  getLastLr(): number[] {
    return [...this.lastLrs];
  }

  /** Everything a resumed run needs. The options are not in it: build the schedule alike, then load. */
  state(): ScheduleState {
    return {
      type: this.type,
      lastEpoch: this.lastEpoch,
      baseLrs: [...this.baseLrs],
      lastLrs: this.getLastLr(),
    };
  }

  /**
   * Goes on from `state`, and writes its rates into the optimizer.
   * @throws ArgumentError if the state is of another schedule or for another number of groups.
   */
  loadState(state: ScheduleState): void {
    const groups = this.optimizer.paramGroups;
    const type = this.type;
    if (state.type !== type)
      throw new ArgumentError(`${type}: expected the state of ${type}, got that of ${state.type}.`);
    if (state.lastLrs.length !== groups.length)
      throw new ArgumentError(
        `${type}: expected a state for ${groups.length} parameter groups, got one for ${state.lastLrs.length}.`,
      );
    this.lastEpoch = state.lastEpoch;
    this.baseLrs = [...state.baseLrs];
    this.lastLrs = [...state.lastLrs];
    groups.forEach((group, i) => {
      group.lr = this.lastLrs[i]!;
      group.initialLr = this.baseLrs[i]!;
    });
  }

  /** Starts at step 0 from the base rates, whatever other schedules have done meanwhile. Used by {@link SequentialLR}. */
  restart(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.baseLrs[i]!;
    });
    this.lastEpoch = 0;
    this.apply();
  }

  protected apply(): void {
    const groups = this.optimizer.paramGroups;
    if (groups.length !== this.baseLrs.length)
      throw new ArgumentError(
        `${this.type}: expected ${this.baseLrs.length} parameter groups, got ${groups.length}. ` +
          'Add groups before building the schedule.',
      );
    this.lastLrs = groups.map((group, i) => this.nextLr(group.lr, i));
    groups.forEach((group, i) => {
      group.lr = this.lastLrs[i]!;
    });
  }
}

/** @throws ArgumentError for what has no parameter groups. */
export function checkOptimizer(optimizer: ScheduledOptimizer): void {
  if (Array.isArray(optimizer?.paramGroups)) return;
  throw new ArgumentError(`schedule: expected an optimizer, got ${shown(optimizer)}. Pass new AdamW(…), say.`);
}

/** Numbers of steps. */
export const STEPS: Kind<number> = whole(1, 'a positive integer');

/** One value for each parameter group. */
export function perGroup<T>(
  schedule: string,
  name: string,
  value: T | readonly T[],
  optimizer: ScheduledOptimizer,
): readonly T[] {
  const groups = optimizer.paramGroups.length;
  if (!Array.isArray(value)) return new Array<T>(groups).fill(value as T);
  if (value.length !== groups)
    throw new ArgumentError(`${schedule}: expected ${groups} values of ${name} (one a group), got ${value.length}.`);
  return value as readonly T[];
}
