/** Graphs of ONNX and TF.js, any classifier of images, out of their files: to fine-tune, or as they are. */
import { openSource } from '#files';
import { classificationTransforms } from '../data/transforms/compose.ts';
import { withImagesFirst } from '../io/onnx/layout.ts';
import { readProgram } from '../io/onnx/program.ts';
import { checkClassifierGraph, onnxEntry, outputsOf } from '../models/onnx/entry.ts';
import { OnnxModel } from '../models/onnx/model.ts';
import { prepared } from '../models/onnx/prepared.ts';
import type { InputRange } from './input-range.ts';
import { readLabels } from './labels-file.ts';
import type { Classifier } from './model-folder.ts';
import { INPUT_RANGES } from './open-keras.ts';

/** What the file of a graph does not tell. */
export interface GraphClassifierOptions {
  /** How its images are scaled; ImageNet's mean and deviation by default. */
  readonly inputRange?: InputRange | null | undefined;
  /** A file with the names of its outputs. */
  readonly labels?: string | undefined;
}

/** The graph in the file at `path`, ONNX's or TF.js's, to fine-tune: it has no classes, and gives logits. @throws WeightFileError for a file that cannot be read; ArgumentError for a graph that takes or gives anything else than a classifier of images. */
export async function graphStart(path: string, inputRange: InputRange | null | undefined): Promise<Classifier> {
  const file = await openSource(path);
  try {
    const isTf = /^\s*\{/.test(new TextDecoder('latin1').decode(await file.read(0, Math.min(64, file.size))));
    const read = isTf ? (await import('../io/tfjs/program.ts')).readGraphProgram : readProgram;
    const graph = prepared(withImagesFirst(await read(file)));
    const model = new OnnxModel(graph);
    model.fromLogits = true;
    model.eval();
    checkClassifierGraph(path, model);
    const name = `onnx.${nameOf(path)}`;
    const { input } = onnxEntry(model.topology(), name);
    const range = inputRange && INPUT_RANGES[inputRange];
    return { model, name, classes: [], transforms: classificationTransforms({ ...input, ...range }) };
  } finally {
    await file.close();
  }
}

/** What a graph is called: by its file, or by the folder of a `model.json`. */
function nameOf(path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== '');
  const [folder, file = ''] = [parts.at(-2), parts.at(-1)];
  if (file === 'model.json' && folder !== undefined && folder !== '.' && folder !== '..') return folder;
  return file.replace(/\.(onnx|json)$/i, '');
}

/**
 * The graph in the file at `path` as it is: its classes are those of a file of labels, else `class 0`, `class 1` …
 * @throws as {@link graphStart}
 */
export async function graphClassifier(
  path: string,
  { inputRange, labels }: GraphClassifierOptions = {},
): Promise<Classifier> {
  const start = await graphStart(path, inputRange);
  const model = start.model as OnnxModel;
  const length = outputsOf(model.getSubmodule(model.graph.head));
  const classes = labels ? await readLabels(labels, length) : Array.from({ length }, (_, i) => `class ${i}`);
  return { ...start, classes };
}

/** What is told of a graph's own classifier where nobody said how its images were scaled. */
export const UNTOLD_SCALING =
  "does not tell how its images were scaled: ImageNet's mean and deviation are taken. --input-range says another.";
