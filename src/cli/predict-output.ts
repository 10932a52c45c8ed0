/** Predictions as they are printed: lines for people, CSV, JSON. */
import { padded, widest } from '../device/columns.ts';
import type { ImagePrediction } from '../runs/index.ts';
import type { AnswerOptions } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import { csvRow, jsonText, print } from './output.ts';

/** A prediction of whatever task. */
type AnyPrediction = ImagePrediction<TaskName>;

/** One way to print predictions, one by one. */
export interface PredictionOutput {
  /** @param name the file's name for people */
  add(prediction: AnyPrediction, name: string): void;
  /** After the last one. */
  end(): void;
}

/** What the columns are made for. */
export interface OutputOptions extends AnswerOptions {
  readonly task: TaskName;
  /** All names that are to come. */
  readonly names: readonly string[];
  /** Names of the model's outputs. */
  readonly classes: readonly string[];
}

/** Columns are as wide as their longest text, up to so many cells. */
const WIDEST = 48;

const widthOf = (texts: readonly string[]) => Math.min(widest(texts), WIDEST);

/** A line a file: its name, then the answers, each with how sure the model is, or its number. */
export function lineOutput({ task, names, classes }: OutputOptions): PredictionOutput {
  const [name, label] = [widthOf(names), widthOf(classes)];
  return {
    add(prediction, file) {
      const answers = imageTask(task).told(prediction);
      const cells = answers.map((of) => `${padded(of.label, label)}  ${padded(of.text, 6, true)}`);
      print([padded(file, name), ...(cells.length > 0 ? cells : ['–'])].join('  '));
    },
    end: () => {},
  };
}

/** A row a file under a head. */
export function csvOutput({ task, classes, ...options }: OutputOptions): PredictionOutput {
  const { csv } = imageTask(task);
  print(csvRow(['file', ...csv.head(classes, options)]));
  return {
    add: (prediction) => print(csvRow([prediction.file, ...csv.row(prediction)])),
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
