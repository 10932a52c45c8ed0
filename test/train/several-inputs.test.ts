/** A network of two inputs and two outputs on its whole way: summary, hooks, training on a cached trunk, ONNX. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { HostBatch } from '../../src/data/collate.ts';
import type { Dataset, Sample } from '../../src/data/dataset.ts';
import { init, manualSeed, noGrad, tensor } from '../../src/index.ts';
import { onnxBytes, readWeights, targetOf } from '../../src/io/index.ts';
import { crossEntropy, mseLoss } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import type { Task, Tensors } from '../../src/tasks/task.ts';
import { fit } from '../../src/train/fit.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/train/training-checkpoint.ts';
import { NEEDS_ONNX_RUNTIME, onnxRuntime } from '../io/onnx-runtime.ts';
import { INPUTS, TwoInputs } from '../nn/two-inputs.ts';

beforeAll(async () => {
  await init();
});

interface Advert extends Sample {
  readonly ids: readonly number[];
  readonly values: readonly number[];
  readonly label: number;
  readonly size: number;
}

/** Adverts of four words and three numbers. */
class Adverts implements Dataset<Advert> {
  readonly length: number;
  loaded = 0;

  constructor(length: number) {
    this.length = length;
  }

  async get(index: number): Promise<Advert> {
    this.loaded++;
    return advert(index);
  }

  async key(index: number): Promise<string> {
    return String(index);
  }
}

function advert(index: number): Advert {
  const ids = [0, 1, 2, 3].map((k) => (index * 5 + k * k) % 6);
  const values = [0, 1, 2].map((k) => Math.sin(3 * index + k));
  return { ids, values, label: ids[0]! % 3, size: values[0]! + ids[1]!, index, path: `advert ${index}` };
}

const targetsOf = (adverts: readonly Advert[]) => ({
  label: { data: Int32Array.from(adverts, (a) => a.label), shape: [adverts.length] },
  size: { data: Float32Array.from(adverts, (a) => a.size), shape: [adverts.length, 1] },
});

const task: Task<Advert> = {
  name: 'adverts',
  scores: [],
  collate: (samples): HostBatch => ({
    inputs: {
      ids: { data: Int32Array.from(samples.flatMap((s) => s.ids)), shape: [samples.length, 4] },
      values: { data: Float32Array.from(samples.flatMap((s) => s.values)), shape: [samples.length, 3] },
    },
    targets: targetsOf(samples),
    indices: samples.map((s) => s.index),
    paths: samples.map((s) => s.path),
  }),
  targetsOf: (_, indices) => targetsOf(indices.map(advert)),
  forward: (model, inputs) => model.forward(inputs) as Tensors,
  loss: ({ logits, size }, targets) => crossEntropy(logits!, targets.label!).add(mseLoss(size!, targets.size!)),
  metric: () => ({ update: () => {}, scores: () => ({}), values: () => null }),
};

async function trained(cache: boolean) {
  manualSeed(5);
  const model = new TwoInputs().freezeUntil('logits');
  const train = new Adverts(11);
  const seen: string[] = [];
  const remove = model.logits.onForward((output, [input]) => seen.push(`${input!.shape} to ${output.shape}`));
  const optimizer = new SGD(model.parameters(), { lr: 0.05 });
  const { history } = await fit(model, { task, train, batchSize: 4, epochs: 3, optimizer, cache });
  remove();
  return { model, seen, loaded: train.loaded, history };
}

test('summary, then training on a cached trunk: the samples are loaded once, losses and weights are the same to the bit', async () => {
  const [cached, plain] = [await trained(true), await trained(false)];
  expect(cached.model.summary({ inputs: INPUTS })).toContain('logits [1, 3], size [1, 1]');
  expect(cached.history.map((record) => record.cached)).toEqual([false, true, true]);
  expect([cached.loaded, plain.loaded]).toEqual([11, 33]);
  expect(cached.history.map((r) => r.trainLoss)).toEqual(plain.history.map((r) => r.trainLoss));
  expect(cached.history[2]!.trainLoss!).toBeLessThan(cached.history[0]!.trainLoss!);
  expect(await cached.model.stateDict()).toEqual(await plain.model.stateDict());
  expect(cached.seen).toEqual(plain.seen);
  expect(cached.seen.slice(0, 3).sort()).toEqual(['3,8 to 3,3', '4,8 to 4,3', '4,8 to 4,3']);
}, 60_000);

test('the weights go through an ONNX file and a checkpoint', async () => {
  const model = new TwoInputs();
  const state = await model.stateDict();
  const read = new TwoInputs();
  read.loadStateDict(await readWeights(await onnxBytes(model, { inputs: INPUTS }), targetOf(read)));
  expect(await read.stateDict()).toEqual(state);
  const kept = new TwoInputs();
  const folder = await mkdtemp(join(tmpdir(), 'regraft-inputs-'));
  await saveCheckpoint(join(folder, 'kept.safetensors'), { model });
  await loadCheckpoint(join(folder, 'kept.safetensors'), { model: kept });
  await rm(folder, { recursive: true });
  expect(await kept.stateDict()).toEqual(state);
});

test.skipIf(!onnxRuntime)(
  `the trained network in ONNX Runtime (${NEEDS_ONNX_RUNTIME})`,
  async () => {
    const { model } = await trained(true);
    const bytes = await onnxBytes(model, { inputs: INPUTS });
    const { inputs } = task.collate([0, 1, 2, 3, 4].map(advert));
    const [ids, values] = [inputs.ids!, inputs.values!];
    const { InferenceSession, Tensor: RuntimeTensor } = onnxRuntime!;
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const theirs = await session.run({
      ids: new RuntimeTensor('int32', ids.data, ids.shape),
      values: new RuntimeTensor('float32', values.data, values.shape),
    });
    const ours = noGrad(() =>
      model.eval().forward({ ids: tensor(ids.data, ids.shape), values: tensor(values.data, values.shape) }),
    );
    for (const name of ['logits', 'size'] as const)
      for (const [i, value] of (await ours[name].data()).entries())
        expect(Math.abs(value - theirs[name]!.data[i]!)).toBeLessThan(1e-5);
  },
  60_000,
);
