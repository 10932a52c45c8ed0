/** Checkpoints of loops of one's own: what is loaded goes on bit for bit, and bad files change nothing. */
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { init, manualSeed, tensor } from '../../src/index.ts';
import { readWeightFile, writeWeights } from '../../src/io/index.ts';
import { BatchNorm2d, crossEntropy, Dropout, type Module, Sequential } from '../../src/nn/index.ts';
import { AdamW, GradScaler, type LRScheduler, ReduceLROnPlateau, SGD, StepLR } from '../../src/optim/index.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/runs/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { fill } from '../ops/inputs.ts';
import { Dropped, made, Normed, Plain } from './nets.ts';

beforeAll(async () => {
  await init();
});

type Kind = 'adamw' | 'sgd';

function begin(kind: Kind, make: () => Module = () => new Normed(new BatchNorm2d(4, { momentum: null }))) {
  const model = new Sequential(made(make), new Dropout(0.3));
  const [first, ...rest] = model.parameters();
  const groups = [{ params: [first!] }, { params: rest, lr: 0.02 }];
  const optimizer =
    kind === 'adamw' ? new AdamW(groups, { lr: 0.01 }) : new SGD(groups, { lr: 0.01, momentum: 0.9, dampening: 0.1 });
  return { model, optimizer, schedule: new StepLR(optimizer, 2) };
}

/** Steps `from` to `to`; the losses. */
async function train(
  { model, optimizer, schedule }: { model: Module; optimizer: AdamW | SGD; schedule: LRScheduler },
  from: number,
  to: number,
) {
  const losses: number[] = [];
  for (let k = from; k < to; k++) {
    const x = tensor(fill({ shape: [5, 3, 8, 8], kind: 'uniform' }, k) as Float32Array, [5, 3, 8, 8]);
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(x), tensor(Int32Array.of(0, 1, 2, 0, 1)));
    loss.backward();
    optimizer.step();
    schedule.step();
    losses.push(await loss.item());
  }
  return losses;
}

const bytes = async (model: Module) =>
  [...(await model.stateDict())].map(([name, { data }]) => [name, [...(data as Float32Array)]]);

test.each<Kind>(['adamw', 'sgd'])(
  '%s: what is resumed is what was never interrupted, dropout and rates included',
  async (kind) => {
    const path = join(temporaryFolder(), 'run.safetensors');
    manualSeed(3);
    const whole = begin(kind);
    await train(whole, 0, 3);
    await saveCheckpoint(path, { ...whole, extra: { epoch: 3, names: ['é'] } });
    const losses = await train(whole, 3, 6);
    manualSeed(99);
    const resumed = begin(kind);
    // Values of another time, which loading replaces.
    await train(resumed, 7, 8);
    expect(await loadCheckpoint(path, resumed)).toEqual({ epoch: 3, names: ['é'] });
    expect(await train(resumed, 3, 6)).toEqual(losses);
    expect(await bytes(resumed.model)).toEqual(await bytes(whole.model));
    expect(resumed.optimizer.paramGroups.map((g) => g.lr)).toEqual(whole.optimizer.paramGroups.map((g) => g.lr));
  },
);

test('a model alone; the file is written beside and renamed', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'm.safetensors');
  const [a, b] = [made(() => new Plain()), made(() => new Dropped())];
  await saveCheckpoint(path, { model: a });
  expect(await readdir(folder)).toEqual(['m.safetensors']);
  b.fc.bias!.set(Float32Array.of(1, 2, 3));
  expect(await loadCheckpoint(path, { model: b })).toBe(null);
  expect(await bytes(b)).toEqual(await bytes(a));
  await expect(saveCheckpoint(join(folder, 'none', 'm.safetensors'), { model: a })).rejects.toThrow('none');
  expect(existsSync(join(folder, 'none'))).toBe(false);
});

// biome-ignore lint/suspicious/noExplicitAny: JSON that is about to be damaged
test.each<[string, string, (json: any) => unknown]>([
  ['optimizer', 'betas null', ({ groups }) => Object.assign(groups[0], { betas: null })],
  ['optimizer', 'one beta', ({ groups }) => Object.assign(groups[0], { betas: [0.9] })],
  ['optimizer', 'a rate in words', ({ groups }) => Object.assign(groups[0], { lr: 'fast' })],
  ['schedule', 'no rates', ({ schedule }) => Object.assign(schedule, { lastLrs: undefined })],
  ['schedule', 'a rate null', ({ schedule }) => Object.assign(schedule, { lastLrs: [null] })],
  ['schedule', 'no epoch', ({ schedule }) => Object.assign(schedule, { lastEpoch: '1' })],
  ['schedule', 'no plateau', ({ schedule }) => Object.assign(schedule, { plateau: {} })],
  ['scaler', 'no scale', (json) => Object.assign(json, { scaler: {} })],
])('damage in its %s is told before anything changes: %s', async (part, _, damage) => {
  const path = join(temporaryFolder(), 'c.safetensors');
  const model = made(() => new Plain());
  const optimizer = new AdamW(model.parameters(), { lr: 1 });
  const state = { model, optimizer, schedule: new ReduceLROnPlateau(optimizer), scaler: new GradScaler() };
  await saveCheckpoint(path, state);
  state.schedule.step(0.5);
  expect(await loadCheckpoint(path, state)).toBe(null);
  const { state: tensors, metadata } = await readWeightFile(path);
  const json = JSON.parse(metadata.regraft_training!);
  damage(json);
  await writeWeights(path, tensors, { metadata: { regraft_training: JSON.stringify(json) } });
  optimizer.paramGroups[0]!.lr = 7;
  await expect(loadCheckpoint(path, state)).rejects.toThrow(
    `${path}: is damaged: its ${part} is not as saveCheckpoint writes it.`,
  );
  expect(optimizer.paramGroups[0]!.lr).toBe(7);
});

test('what does not fit changes nothing', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'c.safetensors');
  const run = begin('sgd');
  await saveCheckpoint(path, { model: run.model });
  await train(run, 0, 1);
  const before = await bytes(run.model);
  await expect(loadCheckpoint(path, run)).rejects.toThrow(
    `${path}: expected a checkpoint of optimizer and schedule too, got one without. Leave it out, or save it as well.`,
  );
  await saveCheckpoint(path, { ...begin('sgd') });
  const other = new SGD(run.model.parameters(), { lr: 1 });
  await expect(loadCheckpoint(path, { model: run.model, optimizer: other })).rejects.toThrow(
    'optimizer: the saved state has parameter groups of [1, 4], this one of [5].',
  );
  await expect(loadCheckpoint(path, { model: new Plain() })).rejects.toThrow(/^Plain: 3 missing keys/);
  await writeWeights(path, run.model.stateDict());
  await expect(loadCheckpoint(path, run)).rejects.toThrow(`${path}: is no checkpoint of saveCheckpoint.`);
  for (const damage of [
    'null',
    '{}',
    'no JSON',
    '{"random":[1],"groups":null,"schedule":null,"scaler":null}',
    '{"random":[1,2,3,4],"groups":[null],"schedule":null,"scaler":null}',
  ]) {
    await writeWeights(path, run.model.stateDict(), { metadata: { regraft_training: damage } });
    await expect(loadCheckpoint(path, run)).rejects.toThrow(`${path}: is damaged: it does not say what it holds.`);
  }
  await writeFile(path, 'rubbish');
  await expect(loadCheckpoint(path, run)).rejects.toThrow(path);
  expect(await bytes(run.model)).toEqual(before);
});
