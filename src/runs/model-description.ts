/** What a saved model's weights do not say by themselves: `model.json`, and the same as a weight file's metadata. */
import { WeightFileError } from '../core/errors.ts';
import type { TransformJSON } from '../data/transforms/transform.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { isTaskName } from '../tasks/kinds.ts';

/** The files of a model folder. `metrics.json` and `report.html` are there after fine-tuning. */
export const MODEL_FILES = {
  weights: 'model.safetensors',
  description: 'model.json',
  metrics: 'metrics.json',
  report: 'report.html',
} as const;

/** `model.json`. */
export interface ModelDescription {
  /** The version that wrote it. */
  readonly regraft: string;
  /** What it answers; image classification where nothing is said. */
  readonly task?: TaskName;
  /** As `modelEntry` knows it; of a Keras model or an ONNX graph its name. */
  readonly model: string;
  /** Of a Keras model: its layers and how they are connected, as Keras writes them. Of an ONNX graph: its nodes, without the weights. */
  readonly topology?: unknown;
  /** Path of the layer that makes the outputs. */
  readonly head: string;
  /** Names of the outputs, in their order: of classes, labels or numbers. */
  readonly classes: readonly string[];
  readonly transforms: TransformJSON;
}

/** The description as metadata of the weights: one file is the whole model then. */
export function metadataOf({ regraft, model, task, topology, ...lists }: ModelDescription): Record<string, string> {
  const [classes, transforms] = [JSON.stringify(lists.classes), JSON.stringify(lists.transforms)];
  const isGraph = (topology as { readonly format?: unknown } | null | undefined)?.format === 'onnx';
  const own = topology === undefined ? {} : { [isGraph ? 'onnx_graph' : 'model_config']: JSON.stringify(topology) };
  return { format: 'pt', regraft, model, ...(task && { task }), classes, transforms, ...own };
}

/** What {@link metadataOf} made; null for other weight files. @throws WeightFileError if it is damaged. */
export function descriptionIn(
  path: string,
  {
    model,
    task,
    classes,
    transforms,
    model_config,
    onnx_graph: topology = model_config,
  }: Readonly<Record<string, string>>,
): Pick<ModelDescription, 'model' | 'task' | 'topology' | 'classes' | 'transforms'> | null {
  if (model === undefined || classes === undefined || transforms === undefined) return null;
  const own = `${task === undefined ? '' : `"task":${JSON.stringify(task)},`}${topology === undefined ? '' : `"topology":${topology},`}`;
  return parseDescription(
    path,
    `{"model":${JSON.stringify(model)},${own}"classes":${classes},"transforms":${transforms}}`,
  );
}

/** @throws WeightFileError for what is no description. */
export function parseDescription(path: string, text: string): ModelDescription {
  let description: Partial<ModelDescription> | null;
  try {
    description = JSON.parse(text);
  } catch {
    description = null;
  }
  const { model, task, classes, transforms } = description ?? {};
  const named = Array.isArray(classes) && classes.length > 0 && classes.every((c) => typeof c === 'string');
  if (typeof model !== 'string' || !named || typeof transforms !== 'object')
    throw new WeightFileError(path, "is damaged: expected regraft's description of a model with its classes.");
  if (task !== undefined && !isTaskName(task))
    throw new WeightFileError(path, `is of the task '${task}', which this version of regraft does not know.`);
  return description as ModelDescription;
}
