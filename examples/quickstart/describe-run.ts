/** Puts the quickstart's two runs into the form that the report is drawn from. `finetune` does this by itself. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, relative } from 'node:path';
import type { DeviceInfo } from 'regraft';
import { type ImageFolder, thumbnail } from 'regraft/data';
import type { SmallResNet } from 'regraft/models';
import {
  type EpochRecord,
  evaluateLogits,
  type FinetuneResult,
  type FitResult,
  type FreezingProof,
  predictLogits,
  version,
  worstMistakes,
} from 'regraft/train';
import { parts, timed } from './timed.ts';
import { TRUNK } from './trunk.ts';

export interface Run {
  /** The options of the command. */
  readonly values: { readonly out: string; readonly epochs: string; readonly train: string; readonly test: string };
  readonly device: DeviceInfo;
  readonly train: ImageFolder;
  readonly test: ImageFolder;
  /** The fine-tuned one. */
  readonly model: SmallResNet;
  readonly transfer: FitResult;
  /** The one from random weights. */
  readonly untrained: SmallResNet;
  readonly scratch: FitResult;
  readonly proof: FreezingProof;
  /** When all of it began, by `performance.now()`. */
  readonly began: number;
}

/** What `renderReport` wants to know. The weights of the last epoch count, so that no choice is made by the test pictures. */
export async function describeRun(run: Run): Promise<FinetuneResult> {
  const { values, device, train, test, model, transfer, untrained, scratch, proof } = run;
  const { logits, labels, classes, indices } = await timed('scoring', () => predictLogits(model, test));
  const learned = await timed('scoring', () => predictLogits(untrained, train));
  const mistakes = worstMistakes(logits, labels, classes).map(async ({ index, label, predicted, ...rest }) => {
    const { path } = test.samples[indices[index]!]!;
    const [is, taken] = [test.classes[label]!, test.classes[predicted]!];
    return {
      path: relative(values.out, path),
      thumbnail: await thumbnail(path, 128),
      label: is,
      predicted: taken,
      ...rest,
    };
  });
  const parameters = model.parameters();
  const count = (list: typeof parameters) => list.reduce((sum, { size }) => sum + size, 0);
  const trainable = count(parameters.filter((p) => p.requires_grad));
  const { history } = transfer;
  const training = (records: readonly EpochRecord[]) => records.reduce((sum, { seconds }) => sum + seconds, 0);
  const validation = [...history, ...scratch.history].reduce((sum, r) => sum + (r.validationSeconds ?? 0), 0);
  const [first, ...later] = history;
  const { learningRate } = first!;
  const options = (['epochs', 'train', 'test', 'out'] as const).map((name) => `--${name} ${values[name]}`);
  return {
    task: 'image-classification',
    version,
    date: new Date().toISOString(),
    command: 'npm run quickstart',
    reproduce: `npm run quickstart -- ${options.join(' ')}`,
    model: {
      name: 'SmallResNet',
      weights: { source: `examples/quickstart/${basename(TRUNK)}`, sha256: sha256(await readFile(TRUNK)) },
      parameters: { total: count(parameters), trainable },
    },
    data: {
      source: `${values.out}/photos`,
      classes: train.classes,
      trainImages: train.length,
      validationImages: test.length,
      skipped: transfer.skipped,
    },
    hyperparameters: {
      optimizer: 'adamw',
      learningRate,
      weightDecay: 0.01,
      batchSize: 16,
      seed: 0,
      kept: 'the last epoch',
    },
    phases: [{ name: 'head', epochs: history.length, learningRate, trainableParameters: trainable, frozenUntil: 'fc' }],
    history,
    stepLosses: transfer.stepLosses,
    bestEpoch: history.length,
    evaluation: evaluateLogits(logits, labels, classes),
    worstMistakes: await timed('thumbnails', () => Promise.all(mistakes)),
    frozen: proof,
    adapter: device,
    seconds: {
      total: (performance.now() - run.began) / 1000,
      parts: {
        ...parts,
        'fine-tuning, first epoch, where shaders are compiled': training([first!]),
        ...(later.length > 0 && { 'fine-tuning, later epochs': training(later) }),
        'training from scratch': training(scratch.history),
        validation,
      },
    },
    peakGpuBytes: null,
    comparisons: [
      {
        name: 'from scratch',
        history: scratch.history,
        score: scratch.history.at(-1)!.validationAccuracy,
        trainingScore: evaluateLogits(learned.logits, learned.labels, classes).accuracy,
      },
    ],
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
