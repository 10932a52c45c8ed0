/** Learning-rate schedules against PyTorch's recorded values (scripts/record-schedule-fixtures.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  ConstantLR,
  CosineAnnealingLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  type ScheduledGroup,
  type ScheduledOptimizer,
  SequentialLR,
  StepLR,
} from '../../src/optim/schedule.ts';

interface Fixture {
  readonly metrics: readonly number[];
  readonly cases: Readonly<Record<string, { readonly lrs: number[][]; readonly momenta: number[][] }>>;
}
const fixture = JSON.parse(readFileSync(new URL('../fixtures/schedules.json', import.meta.url), 'utf8')) as Fixture;

function optimizer(kind: 'sgd' | 'adam' = 'sgd'): ScheduledOptimizer {
  return {
    paramGroups: [0.1, 0.003].map(
      (lr): ScheduledGroup => (kind === 'sgd' ? { lr, momentum: 0.9 } : { lr, betas: [0.9, 0.999] }),
    ),
  };
}

const BUILD: Readonly<Record<string, (o: ScheduledOptimizer) => LRScheduler>> = {
  step: (o) => new StepLR(o, 3, { gamma: 0.5 }),
  multiStep: (o) => new MultiStepLR(o, [2, 5, 5, 8], { gamma: 0.1 }),
  exponential: (o) => new ExponentialLR(o, 0.93),
  cosine: (o) => new CosineAnnealingLR(o, 7, { etaMin: 1e-4 }),
  cosineToZero: (o) => new CosineAnnealingLR(o, 10),
  linear: (o) => new LinearLR(o),
  linearDown: (o) => new LinearLR(o, { startFactor: 1, endFactor: 0.2, totalIters: 6 }),
  constant: (o) => new ConstantLR(o, { factor: 0.25, totalIters: 4 }),
  lambda: (o) => new LambdaLR(o, [(e) => 0.95 ** e, (e) => 1 / (1 + e)]),
  oneCycle: (o) => new OneCycleLR(o, [0.5, 0.01], { totalSteps: 20 }),
  oneCycleLinear: (o) =>
    new OneCycleLR(o, 0.2, {
      epochs: 3,
      stepsPerEpoch: 5,
      pctStart: 0.4,
      annealStrategy: 'linear',
      divFactor: 10,
      finalDivFactor: 100,
    }),
  oneCycleThreePhase: (o) =>
    new OneCycleLR(o, 0.2, { totalSteps: 17, threePhase: true, baseMomentum: 0.8, maxMomentum: 0.9 }),
  oneCycleAdam: (o) => new OneCycleLR(o, 0.2, { totalSteps: 12 }),
  oneCycleNoMomentum: (o) => new OneCycleLR(o, 0.2, { totalSteps: 12, cycleMomentum: false }),
  plateau: (o) => new ReduceLROnPlateau(o, { patience: 2 }),
  plateauCooldown: (o) =>
    new ReduceLROnPlateau(o, {
      patience: 1,
      factor: 0.5,
      cooldown: 2,
      minLr: [0.01, 0.0001],
      threshold: 0.02,
      thresholdMode: 'abs',
    }),
  plateauMax: (o) => new ReduceLROnPlateau(o, { patience: 1, mode: 'max', eps: 1e-4 }),
  plateauMaxAbsolute: (o) =>
    new ReduceLROnPlateau(o, { patience: 0, mode: 'max', threshold: 0.05, thresholdMode: 'abs', factor: 0.9 }),
  warmUpThenCosine: (o) =>
    new SequentialLR(o, [new LinearLR(o, { startFactor: 0.01, totalIters: 4 }), new CosineAnnealingLR(o, 12)], [4]),
  threeInSequence: (o) =>
    new SequentialLR(
      o,
      [new ConstantLR(o, { factor: 0.1, totalIters: 4 }), new ExponentialLR(o, 0.8), new StepLR(o, 2)],
      [4, 9],
    ),
};

const optimizerOf = (name: string): ScheduledOptimizer => optimizer(name === 'oneCycleAdam' ? 'adam' : 'sgd');
const lrsOf = (o: ScheduledOptimizer): number[] => o.paramGroups.map((group) => group.lr);
const momentaOf = (o: ScheduledOptimizer): number[] =>
  o.paramGroups.map((group) => group.betas?.[0] ?? group.momentum!);

/** Equal to 1e-12 of the value: the same recurrence in float64, up to the last bits of cos and pow. */
function expectClose(actual: readonly number[], expected: readonly number[], at: string): void {
  expected.forEach((value, i) => {
    expect(Math.abs(actual[i]! - value), `${at}, group ${i}: ${actual[i]} for ${value}`).toBeLessThanOrEqual(
      1e-12 * Math.abs(value) + 1e-18,
    );
  });
}

describe('schedules give the rates and momenta of PyTorch', () => {
  test('every recorded case has a row', () => {
    expect([...Object.keys(BUILD), 'chained'].sort()).toEqual(Object.keys(fixture.cases).sort());
  });

  test.each(Object.keys(BUILD))('%s', (name) => {
    const { lrs, momenta } = fixture.cases[name]!;
    const o = optimizerOf(name);
    const schedule = BUILD[name]!(o);
    lrs.forEach((expected, i) => {
      if (i > 0) schedule.step(fixture.metrics[i - 1]);
      expectClose(lrsOf(o), expected, `step ${i}`);
      expectClose(momentaOf(o), momenta[i]!, `momentum at step ${i}`);
      expect(schedule.getLastLr()).toEqual(lrsOf(o));
    });
  });

  test('two schedules on one optimizer multiply', () => {
    const o = optimizer();
    const schedules = [new LinearLR(o, { startFactor: 0.1, totalIters: 4 }), new ExponentialLR(o, 0.9)];
    fixture.cases.chained!.lrs.forEach((expected, i) => {
      if (i > 0) for (const schedule of schedules) schedule.step();
      expectClose(lrsOf(o), expected, `step ${i}`);
    });
  });
});

test.each(Object.keys(BUILD))('%s: resumed from a JSON state, it goes on as if never stopped', (name) => {
  const { lrs, momenta } = fixture.cases[name]!;
  for (const stop of [0, 1, 4, 9].filter((at) => at < lrs.length - 1)) {
    const first = BUILD[name]!(optimizerOf(name));
    for (let i = 0; i < stop; i++) first.step(fixture.metrics[i]);
    const o = optimizerOf(name);
    const second = BUILD[name]!(o);
    second.loadState(JSON.parse(JSON.stringify(first.state())));
    for (let i = stop; i < lrs.length; i++) {
      if (i > stop) second.step(fixture.metrics[i - 1]);
      expectClose(lrsOf(o), lrs[i]!, `stopped at ${stop}, step ${i}`);
      expectClose(momentaOf(o), momenta[i]!, `stopped at ${stop}, momentum at step ${i}`);
    }
  }
});

describe('what does not fit is refused in one line', () => {
  const o = (): ScheduledOptimizer => optimizer();
  test.each<[string, () => unknown]>([
    ['StepLR: stepSize must be a positive integer, got 0.', () => new StepLR(o(), 0)],
    ['LinearLR: startFactor must be above 0 and at most 1, got 0.', () => new LinearLR(o(), { startFactor: 0 })],
    ['LinearLR: endFactor must be between 0 and 1, got 2.', () => new LinearLR(o(), { endFactor: 2 })],
    ['ConstantLR: factor must be above 0 and at most 1, got 0.', () => new ConstantLR(o(), { factor: 0 })],
    ['OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch.', () => new OneCycleLR(o(), 1, { epochs: 3 })],
    [
      'OneCycleLR: expected 2 values of maxLr (one a group), got 3.',
      () => new OneCycleLR(o(), [1, 2, 3], { totalSteps: 4 }),
    ],
    [
      'OneCycleLR: pctStart must be between 0 and 1, got 3.',
      () => new OneCycleLR(o(), 1, { totalSteps: 9, pctStart: 3 }),
    ],
    [
      'OneCycleLR: expected an optimizer with momentum or betas, got neither. Pass { cycleMomentum: false }.',
      () => new OneCycleLR({ paramGroups: [{ lr: 1 }] }, 1, { totalSteps: 4 }),
    ],
    [
      'OneCycleLR: expected at most 2 steps (totalSteps), got 3.',
      () => {
        const schedule = new OneCycleLR(o(), 1, { totalSteps: 2 });
        for (let i = 0; i < 3; i++) schedule.step();
      },
    ],
    ['ReduceLROnPlateau: factor must be below 1, got 1.', () => new ReduceLROnPlateau(o(), { factor: 1 })],
    [
      'ReduceLROnPlateau: step expected a metric, got none. Pass the validation loss.',
      () => new ReduceLROnPlateau(o()).step(),
    ],
    [
      'SequentialLR: expected one milestone fewer than schedules, got 0 and 2.',
      () => {
        const shared = o();
        new SequentialLR(shared, [new StepLR(shared, 1), new StepLR(shared, 1)], []);
      },
    ],
    [
      'SequentialLR: expected schedules of one optimizer, got several optimizers.',
      () => new SequentialLR(o(), [new StepLR(o(), 1)], []),
    ],
    [
      'SequentialLR: cannot hold a ReduceLROnPlateau, which needs a metric.',
      () => {
        const shared = o();
        new SequentialLR(shared, [new ReduceLROnPlateau(shared)], []);
      },
    ],
    [
      'StepLR: expected the state of StepLR, got that of ExponentialLR.',
      () => new StepLR(o(), 1).loadState(new ExponentialLR(o(), 0.9).state()),
    ],
    [
      'StepLR: expected a state for 2 parameter groups, got one for 1.',
      () => new StepLR(o(), 1).loadState(new StepLR({ paramGroups: [{ lr: 1 }] }, 1).state()),
    ],
    [
      'StepLR: expected 2 parameter groups, got 3. Add groups before building the schedule.',
      () => {
        const paramGroups: ScheduledGroup[] = [{ lr: 1 }, { lr: 1 }];
        const schedule = new StepLR({ paramGroups }, 1);
        paramGroups.push({ lr: 1 });
        schedule.step();
      },
    ],
  ])('%s', (message, act) => {
    expect(act).toThrow(expect.objectContaining({ name: 'ArgumentError', message }));
  });
});
