/** ONNX files to fine-tune, and what is said of runs that start from a graph. */
import { openSource } from '#files';
import { ArgumentError } from '../core/errors.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import { readOnnxMetadata } from '../io/onnx/read.ts';
import { OnnxModel } from '../models/onnx/model.ts';
import type { TaskName } from '../tasks/kinds.ts';
import type { InputRange } from './input-range.ts';
import { descriptionIn } from './model-description.ts';
import type { Classifier } from './model-folder.ts';
import { graphStart } from './open-graph.ts';
import { openModel } from './open-model.ts';
import type { FinetuneSettings } from './options.ts';

/**
 * The model in the ONNX file at `path`: a fine-tuned one where it describes itself; any other graph, unless the file is of weights of a
 * network that has a name. A graph is to be fine-tuned: it has no classes, and gives logits.
 * @throws WeightFileError for a file that cannot be read; ArgumentError for a graph that takes or gives anything else than a classifier of images.
 */
export async function onnxModelAt(
  path: string,
  isNamed: boolean,
  inputRange: InputRange | null | undefined,
): Promise<Classifier<TaskName> | null> {
  const file = await openSource(path);
  try {
    if (descriptionIn(path, await readOnnxMetadata(file))) return openModel<TaskName>(path, { task: 'auto' });
  } finally {
    await file.close();
  }
  return isNamed ? null : graphStart(path, inputRange);
}

/** What is worth a note of a run that starts from `tuned`: where that is a graph out of a file, which does not tell how its images were scaled. */
export function notesOnGraph({ model, classes }: Classifier<TaskName>, settings: FinetuneSettings): readonly string[] {
  if (!(model instanceof OnnxModel) || classes.length > 0) return [];
  const { mean, std, inputRange } = settings;
  const isTold = inputRange !== null || (mean !== null && std !== null);
  const scaling =
    "The file does not tell how its images were scaled: ImageNet's mean and deviation are taken where --mean, --std or --input-range say nothing else.";
  return [...model.graph.notes, ...(isTold ? [] : [scaling])];
}

/** `preset` with the pixels normalised as the settings say. */
export function normalisedAs(preset: ImagePreset, { mean, std }: FinetuneSettings): ImagePreset {
  return { ...preset, ...(mean && { mean: ofChannels(mean) }), ...(std && { std: ofChannels(std) }) };
}

/** One number for all channels, or three. */
function ofChannels([first, second = first, third = first]: readonly number[]): ImagePreset['mean'] {
  return [first!, second!, third!];
}

/** @throws ArgumentError for a comparison with random weights: a graph does not tell how it was initialised. */
export function checkComparable(tuned: Classifier<TaskName> | null): void {
  if (tuned?.model instanceof OnnxModel)
    throw new ArgumentError(
      'finetune: a graph does not tell how its weights are initialised; leave compareFromScratch out.',
    );
}
