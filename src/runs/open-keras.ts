/** Keras models as classifiers: `.h5`, `.keras`, TF.js's `model.json`, and zips of them, as Teachable Machine exports them. */
import { ArgumentError } from '../core/errors.ts';
import { classificationTransforms, type ImagePreset } from '../data/transforms/compose.ts';
import type { Transform } from '../data/transforms/transform.ts';
import { plural } from '../io/base/bytes.ts';
import type { WeightFile } from '../io/index.ts';
import { keras } from '../models/index.ts';
import { ANY_SIDE, sideOf } from '../models/keras/entry.ts';
import { headOf, withHead } from '../models/keras/head.ts';
import { LEVELS, PREPROCESSING } from '../models/keras/preprocess.ts';
import { INPUT_RANGE, type InputRange } from './input-range.ts';
import { readLabels } from './labels-file.ts';
import type { Classifier } from './model-folder.ts';

/** What a network's pixels are scaled to, by what turns 0..1 into it. */
export const INPUT_RANGES: Readonly<Record<InputRange, Pick<ImagePreset, 'channels' | 'mean' | 'std'>>> = {
  '0..255': LEVELS,
  '0..1': { mean: [0, 0, 0], std: [1, 1, 1] },
  '-1..1': PREPROCESSING.tf,
  caffe: PREPROCESSING.caffe,
  torch: PREPROCESSING.torch,
};

/** What the file of a Keras model may not tell. */
export interface KerasClassifierOptions {
  /** How its images are scaled; by default as the file or its first layers tell. */
  readonly inputRange?: InputRange | undefined;
  /** A file with the names of its outputs; by default those in the model's file or beside it. */
  readonly labels?: string | undefined;
}

/**
 * A Keras model out of `file`, in evaluation mode, its last softmax left out, as a classifier's outputs are logits here.
 * @param path for messages.
 * @throws ArgumentError if it takes or gives anything else than a classifier of photos, or does not tell how its images are scaled.
 */
export async function kerasClassifier(
  path: string,
  file: WeightFile,
  options: KerasClassifierOptions = {},
): Promise<Classifier> {
  const model = loaded(file);
  const outputs = outputsOf(model);
  if (outputs === undefined || outputs < 2)
    throw new ArgumentError(
      `${path}: gives ${shown(model.outputShape)}; expected a score for each of two or more classes.`,
    );
  return classifierOf(path, file, model, outputs, options);
}

/**
 * A Keras model out of `file` to fine-tune: as {@link kerasClassifier}, but of what has another output, or features and no head, too.
 * It has no classes then.
 */
export async function kerasStart(
  path: string,
  file: WeightFile,
  options: KerasClassifierOptions = {},
): Promise<Classifier> {
  const model = loaded(file);
  const outputs = headOf(model) === undefined ? 0 : (outputsOf(model) ?? 0);
  return classifierOf(path, file, withHead(model), outputs < 2 ? 0 : outputs, options);
}

function loaded({ metadata, state }: WeightFile): keras.KerasModel {
  const model = new keras.KerasModel(JSON.parse(metadata.model_config!));
  model.loadStateDict(state, { copy: false });
  return model;
}

function outputsOf({ outputShape }: keras.KerasModel): number | undefined {
  return (outputShape.length === 2 ? outputShape[1] : undefined) ?? undefined;
}

async function classifierOf(
  path: string,
  { metadata }: WeightFile,
  model: keras.KerasModel,
  outputs: number,
  options: KerasClassifierOptions,
): Promise<Classifier> {
  const transforms = transformsOf(path, model, metadata, options);
  const classes = options.labels
    ? await readLabels(options.labels, outputs)
    : namesIn(path, outputs === 0 ? undefined : metadata.labels, outputs);
  model.fromLogits = true;
  model.trainable = true;
  return { model: model.eval(), name: `keras.${model.name}`, classes, transforms };
}

function namesIn(path: string, json: string | undefined, outputs: number): readonly string[] {
  const names = json === undefined ? undefined : (JSON.parse(json) as string[]);
  if (names && names.length !== outputs)
    throw new ArgumentError(`${path}: has ${outputs} outputs, but ${plural(names.length, 'label')} beside it.`);
  return names ?? Array.from({ length: outputs }, (_, i) => `class ${i}`);
}

function transformsOf(
  path: string,
  model: keras.KerasModel,
  metadata: WeightFile['metadata'],
  { inputRange }: KerasClassifierOptions,
): Transform {
  const { topology, layers } = model.graph;
  const entry = topology.layers[topology.calls[topology.inputs[0]!]!.layer]!.name;
  const shape = layers.find(({ name }) => name === entry)!.outputShape;
  const [, height, width, channels] = shape;
  if (topology.inputs.length !== 1 || shape.length !== 4 || channels !== 3 || height !== width)
    throw new ArgumentError(`${path}: takes ${shown(shape)}; expected square images of three channels.`);
  const range = inputRange ?? metadata.input_range ?? (scalesItself(layers) ? '0..255' : undefined);
  if (range === undefined || !Object.hasOwn(INPUT_RANGES, range))
    throw new ArgumentError(
      `${path}: does not tell how its images were scaled. Say it as the input range (--input-range): ${INPUT_RANGE.words}.`,
    );
  const side = sideOf(model) ?? ANY_SIDE;
  return classificationTransforms({ resize: side, crop: side, ...INPUT_RANGES[range as InputRange] });
}

/** Whether a model scales its images in its first layers. */
function scalesItself(layers: readonly keras.KerasLayer[]): boolean {
  for (const layer of layers) {
    const inner = layer.layers;
    if (inner && scalesItself(inner)) return true;
    if (layer.type === 'Rescaling' || layer.type === 'Normalization') return true;
    if (!inner && layer.type !== 'InputLayer' && !layer.type.startsWith('Random')) return false;
    if (inner && !inner.every(({ type }) => type === 'InputLayer' || type.startsWith('Random'))) return false;
  }
  return false;
}

function shown(shape: readonly (number | null)[]): string {
  return `(${shape.map((size) => size ?? 'None').join(', ')})`;
}
