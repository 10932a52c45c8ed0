/** Rates that fall from stage to stage or are found, and averages of weights, in a run that is interrupted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { cifarResnet20 } from '../../src/models/index.ts';
import { readCheckpointFile } from '../../src/runs/checkpoint.ts';
import { CHECKPOINT_FILE, writeCheckpoint } from '../../src/runs/checkpoint-folder.ts';
import { finetune } from '../../src/runs/finetune.ts';
import { MODEL_FILES } from '../../src/runs/model-description.ts';
import type { OptimizerName } from '../../src/runs/option-row.ts';
import type { SettingsOptions } from '../../src/runs/options.ts';
import { freezeFor, groupsOf, optimizerFor, planPhases } from '../../src/runs/recipe.ts';
import { resolveSettings } from '../../src/runs/settings.ts';
import { faultOf } from '../data/photos.ts';
import { copyOf, type FinishedRun, finishedRun, outFolder } from './finished-run.ts';

let options: FinishedRun['options'];

beforeAll(async () => {
  await init();
  ({ options } = await finishedRun());
}, 240_000);

const settingsOf = (more: SettingsOptions = {}) =>
  resolveSettings(
    { weights: 'w.th', freezeUntil: 'layer2', lr: 0.5, unfrozenLr: 0.25, ...more, model: 'cifarResnet20' },
    cifarResnet20,
  );

describe('layer decay', () => {
  test('gives each stage a share of the rate of the next, the head first', async () => {
    const settings = settingsOf({ layerDecay: 0.5 });
    const [head, all] = planPhases(settings, cifarResnet20);
    const model = await cifarResnet20();
    const names = new Map(model.namedParameters().map(([name, p]) => [p, name]));
    freezeFor(model, head!);
    expect(groupsOf(model, head!, settings)).toMatchObject([{ lr: 0.5, params: [{}, {}] }]);
    freezeFor(model, all!);
    const groups = groupsOf(model, all!, settings);
    expect(groups.map(({ lr }) => lr)).toEqual([0.25, 0.125, 0.0625]);
    const stages = groups.map(({ params }) => [...new Set(params.map((p) => names.get(p)!.split('.')[0]))]);
    expect(stages).toEqual([['linear'], ['layer3'], ['layer2']]);
    const trainable = model.parameters().filter((p) => p.requires_grad);
    expect(new Set(groups.flatMap(({ params }) => params))).toEqual(new Set(trainable));
    // What stands before the first stage goes with it.
    model.unfreeze();
    const whole = groupsOf(model, { ...all!, stages: all!.stages.slice(1) }, settings);
    expect(names.get(whole.at(-1)!.params[0]!)).toBe('conv1.weight');
    expect(groupsOf(model, all!, settingsOf())).toEqual([{ params: model.parameters(), lr: 0.25 }]);
  });

  test.each(['adamw', 'adam', 'sgd'] as OptimizerName[])('the schedule scales all groups of %s', async (optimizer) => {
    const settings = settingsOf({ layerDecay: 0.5, optimizer });
    const phase = planPhases(settings, cifarResnet20).at(-1)!;
    const model = await cifarResnet20();
    freezeFor(model, phase);
    const built = optimizerFor(model, phase, settings, 4);
    for (let k = 0; k < 9; k++) built.schedule.step();
    const [first, ...rest] = built.optimizer.paramGroups.map(({ lr }) => lr);
    expect(first).toBeGreaterThan(0);
    expect(first).not.toBe(0.25);
    expect(rest.map((lr) => lr / first!)).toEqual([0.5, 0.25]);
  });
});

describe('a run with both', () => {
  const both = { freezeUntil: 'layer3', epochs: 4, headEpochs: 2, patience: 0, layerDecay: 0.75, ema: 0.9 } as const;
  const modelOf = (out: string) => readFileSync(join(out, MODEL_FILES.weights));
  let whole: string;
  let hyperparameters: object;

  beforeAll(async () => {
    whole = outFolder();
    ({ hyperparameters } = await finetune(options({ ...both, out: whole })));
  }, 240_000);

  test('tells both', () => {
    expect(hyperparameters).toMatchObject({ layerDecay: 0.75, ema: 0.9 });
  });

  test.each([1, 3])('goes on after epoch %i in the same bytes', async (epochs) => {
    const out = outFolder();
    const stop = new AbortController();
    const onEpoch = ({ epoch }: { epoch: number }) => epoch === epochs && stop.abort();
    const interrupted = finetune(options({ ...both, out, signal: stop.signal, onEpoch }));
    await expect(interrupted).rejects.toThrow();
    await finetune({ photos: options().photos, out, resume: true });
    expect(modelOf(out)).toEqual(modelOf(whole));
  });

  test('averages that are gone, or are not its own, are told', async () => {
    const checkpoint = await readCheckpointFile(join(whole, CHECKPOINT_FILE));
    const { ema } = checkpoint;
    const [name] = ema!.state.keys();
    for (const edited of [null, { ...ema!, state: new Map([...ema!.state].filter(([key]) => key !== name)) }]) {
      const out = copyOf(whole);
      await writeCheckpoint(out, { ...checkpoint, ema: edited });
      expect(await faultOf(() => finetune({ photos: options().photos, out, resume: true, epochs: 5 }), out)).toBe(
        `WeightFileError: ROOT/${CHECKPOINT_FILE}: is damaged: the tensors of its average are not those of the run. Delete it, and run without resume.`,
      );
    }
  });
});

test("'find' is the rate that a range test finds: the run is that with the number, to the last bit", async () => {
  const notes: string[] = [];
  const progress = { start() {}, update() {}, end() {}, note: (text: string) => void notes.push(text) };
  const [found, given] = [outFolder(), outFolder()];
  const { reproduce } = await finetune(options({ lr: 'find', epochs: 2, out: found, progress }));
  const [, lr] = /--lr (\S+)/.exec(reproduce)!;
  expect(notes).toContain(`Learning rate: ${lr}, a tenth of that at which the loss was lowest in a short trial.`);
  await finetune(options({ lr: Number(lr), epochs: 2, out: given }));
  const [one, other] = [found, given].map((out) => readFileSync(join(out, MODEL_FILES.weights)));
  expect(one).toEqual(other);
  // A run that goes on has the number.
  const { history } = await finetune({ photos: options().photos, out: found, lr: 'find', resume: true, epochs: 3 });
  expect(history).toHaveLength(3);
});
