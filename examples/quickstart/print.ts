/** What the quickstart says on the terminal. */
import type { DeviceInfo } from 'regraft';
import type { ImageFolder } from 'regraft/data';
import type { Module } from 'regraft/nn';
import {
  type EpochRecord,
  type FinetuneResult,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
} from 'regraft/train';

/** Terminals want plain spaces. */
function print(text = ''): void {
  console.log(text.replaceAll('\u00a0', ' '));
}

export function printStart(device: DeviceInfo, photos: string, train: ImageFolder, test: ImageFolder): void {
  print(`Adapter   ${device.description}${device.software ? ' (software)' : ''}`);
  print(`Pictures  ${photos}: ${train.length} to train on, ${test.length} to test on`);
  print(`Classes   ${train.classes.join(', ')}`);
}

export function printHeading(text: string, model: Module): void {
  const parameters = model.parameters();
  const trainable = parameters.filter((p) => p.requires_grad);
  const count = (list: typeof parameters) => formatCount(list.reduce((sum, { size }) => sum + size, 0));
  const trained =
    trainable.length < parameters.length ? `${count(trainable)} of ${count(parameters)}` : `all ${count(parameters)}`;
  print(`\n${text}; trains ${trained} parameters`);
  print('  epoch   loss   accuracy      time');
}

export function printEpoch({ epoch, trainLoss, validationAccuracy, seconds, cached }: EpochRecord): void {
  const columns = [
    String(epoch).padStart(7),
    (trainLoss ?? Number.NaN).toFixed(2).padStart(7),
    formatPercent(validationAccuracy).padStart(11),
    formatDuration(seconds).padStart(10),
  ];
  print(columns.join('') + (cached ? '  pretrained part kept' : ''));
}

export function printOutcome(run: FinetuneResult, report: string): void {
  const { data, frozen, evaluation, comparisons = [], history, seconds } = run;
  const row = (name: string, accuracy: number | null, epochs: number) =>
    print(
      `  ${name.padEnd(17)}  ${formatPercent(accuracy).padStart(8)}  after ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
    );
  print(`\nAccuracy on ${data.validationImages} new pictures, having learned from the same ${data.trainImages}:`);
  row('transfer learning', evaluation!.accuracy, history.length);
  for (const { name, score, trainingScore, history } of comparisons) {
    row(name, score, history.length);
    print(
      `  ${' '.repeat(17)}  ${formatPercent(trainingScore ?? null).padStart(8)}  on the ${data.trainImages} that it learned from${(trainingScore ?? 0) >= 0.9 ? ', by heart' : ''}`,
    );
  }
  print();
  print(
    `Frozen    ${frozen.tensors} tensors (${formatBytes(frozen.bytes)}), ${frozen.changedBytes === 0 ? 'the same byte for byte' : `${formatCount(frozen.changedBytes)} bytes changed`}`,
  );
  print(`Time      ${formatDuration(seconds.total)}`);
  print(`Report    ${report}`);
}
