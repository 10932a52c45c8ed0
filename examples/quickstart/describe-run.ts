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
import { TRUNK } from './trunk.ts';

export interface Run {
  readonly out: string;
  readonly device: DeviceInfo;
  readonly train: ImageFolder;
  readonly test: ImageFolder;
  /** The fine-tuned one. */
  readonly model: SmallResNet;
  readonly transfer: FitResult;
  readonly scratch: FitResult;
  readonly proof: FreezingProof;
  readonly batchSize: number;
  /** Wall clock so far. */
  readonly seconds: number;
}

/** What `renderReport` wants to know. The weights of the last epoch count, so that no choice is made by the test pictures. */
export async function describeRun(run: Run): Promise<FinetuneResult> {
  const { out, device, train, test, model, transfer, scratch, proof, batchSize } = run;
  const { logits, labels, classes, indices } = await predictLogits(model, test);
  const mistakes = worstMistakes(logits, labels, classes).map(async ({ index, label, predicted, ...rest }) => {
    const { path } = test.samples[indices[index]!]!;
    const [is, taken] = [test.classes[label]!, test.classes[predicted]!];
    return { path: relative(out, path), thumbnail: await thumbnail(path, 128), label: is, predicted: taken, ...rest };
  });
  const parameters = model.parameters();
  const count = (list: typeof parameters) => list.reduce((sum, { size }) => sum + size, 0);
  const trainable = count(parameters.filter((p) => p.requires_grad));
  const time = ({ history }: FitResult, wanted = (_: EpochRecord): boolean => true) =>
    history.filter(wanted).reduce((sum, { seconds }) => sum + seconds, 0);
  const [whole, fromCache] = [time(transfer, ({ cached }) => !cached), time(transfer, ({ cached }) => cached)];
  const { length: epochs } = transfer.history;
  const { learningRate } = transfer.history[0]!;
  return {
    version,
    date: new Date().toISOString(),
    command: 'npm run quickstart',
    reproduce: 'npm run quickstart',
    model: {
      name: 'SmallResNet',
      weights: { source: `examples/quickstart/${basename(TRUNK)}`, sha256: sha256(await readFile(TRUNK)) },
      parameters: { total: count(parameters), trainable },
    },
    data: {
      source: `${out}/photos`,
      classes: train.classes,
      trainImages: train.length,
      validationImages: test.length,
      skipped: transfer.skipped,
    },
    hyperparameters: { optimizer: 'adamw', batchSize, seed: 0, weights: 'those of the last epoch' },
    phases: [{ name: 'head', epochs, learningRate, trainableParameters: trainable, frozenUntil: 'fc' }],
    history: transfer.history,
    stepLosses: transfer.stepLosses,
    bestEpoch: epochs,
    evaluation: evaluateLogits(logits, labels, classes),
    worstMistakes: await Promise.all(mistakes),
    frozen: proof,
    adapter: device,
    seconds: {
      total: run.seconds,
      parts: {
        'training, whole network': whole,
        'training, trunk cached': fromCache,
        'training from scratch': time(scratch),
        'pictures, tests and the rest': run.seconds - whole - fromCache - time(scratch),
      },
    },
    peakGpuBytes: null,
    comparisons: [
      {
        name: 'from scratch',
        history: scratch.history,
        accuracy: scratch.history.at(-1)!.validationAccuracy,
        note: 'its last epoch, all parameters trained',
      },
    ],
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
