/** Predictions as they are printed: lines for people, CSV, JSON. */

import { formatPercent } from '../core/format.ts';
import { padded, widest } from '../device/columns.ts';
import type { ImagePrediction } from '../runs/index.ts';
import { csvRow, jsonText, print } from './output.ts';

/** One way to print predictions, one by one. */
export interface PredictionOutput {
  /** @param name the file's name for people */
  add(prediction: ImagePrediction, name: string): void;
  /** After the last one. */
  end(): void;
}

/** What the columns are made for. */
export interface OutputOptions {
  readonly topK: number;
  /** All names that are to come. */
  readonly names: readonly string[];
  readonly labels: readonly string[];
}

/** Columns are as wide as their longest text, up to so many cells. */
const WIDEST = 48;

const widthOf = (texts: readonly string[]) => Math.min(widest(texts), WIDEST);

/** A line a file: its name, then the classes, each with how sure the model is. */
export function lineOutput({ names, labels }: OutputOptions): PredictionOutput {
  const [name, label] = [widthOf(names), widthOf(labels)];
  const cell = (score: ImagePrediction['top'][number]) =>
    `${padded(score.label, label)}  ${padded(formatPercent(score.probability), 6, true)}`;
  return {
    add: ({ top }, file) => print([padded(file, name), ...top.map(cell)].join('  ')),
    end: () => {},
  };
}

/** A row a file under a head; further classes in columns of their own. */
export function csvOutput({ topK, labels }: OutputOptions): PredictionOutput {
  const further = Array.from({ length: Math.min(topK, labels.length) - 1 }, (_, k) => k + 2);
  print(csvRow(['file', 'label', 'probability', ...further.flatMap((k) => [`label_${k}`, `probability_${k}`])]));
  return {
    add: ({ file, top }) => print(csvRow([file, ...top.flatMap(({ label, probability }) => [label, probability])])),
    end: () => {},
  };
}

/** One array. */
export function jsonOutput(): PredictionOutput {
  let before = '[\n';
  return {
    add(prediction) {
      process.stdout.write(before + jsonText(prediction).replace(/^/gm, '  '));
      before = ',\n';
    },
    end: () => process.stdout.write(before === '[\n' ? '[]\n' : '\n]\n'),
  };
}
