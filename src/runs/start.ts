/** What a run starts from: a weight file, published weights, a fine-tuned model, or nothing. */
import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { namesInWords } from '../core/format.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import type { Transform, TransformJSON } from '../data/transforms/transform.ts';
import { indexOfFolder } from '../device/file-source-node.ts';
import { readWeightFile } from '../io/index.ts';
import type { ModelEntry } from '../models/define.ts';
import { graft } from '../models/graft.ts';
import { namingNetwork } from '../models/guess-network.ts';
import { weightsByName } from '../models/published.ts';
import { isNetwork } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { notFinite } from '../train/finite.ts';
import type { Progress } from '../train/progress.ts';
import type { Checkpoint, WeightsPlace } from './checkpoint.ts';
import type { InputRange } from './input-range.ts';
import { descriptionIn, MODEL_FILES } from './model-description.ts';
import { type Classifier, isModelFolder } from './model-folder.ts';
import { graphStart } from './open-graph.ts';
import { kerasStart } from './open-keras.ts';
import { openModel } from './open-model.ts';
import { onnxModelAt } from './open-onnx.ts';
import { digestOfFile, type OpenedWeights } from './open-weights.ts';
import type { FinetuneSettings } from './options.ts';
import { isCached } from './weights-on-disk.ts';

/** A folder of another machine: to look there is to ask that machine. */
const isShare = (path: string): boolean => /^[\\/]{2}/.test(path);
const isURL = (source: string): boolean => /^[a-z][a-z\d+.-]+:/i.test(source);

/** Files that may be a whole model, beside ONNX's. */
const WHOLE = /\.(safetensors|keras|h5|hdf5|json|zip)$/i;

/**
 * The model at `path` that needs no other network: a run's folder, the weight file of one, a Keras model or a graph of ONNX or TF.js unless
 * `network` is the name of another; null for weights alone.
 */
export async function wholeModelAt(
  path: string,
  network: string | undefined,
  inputRange: InputRange | null | undefined,
): Promise<Classifier<TaskName> | null> {
  if (isURL(path) || !existsSync(path)) return null;
  if (isModelFolder(path)) return openModel<TaskName>(path, { task: 'auto' });
  const file = weightFileOf(path);
  const isNamed = network !== undefined && isNetwork(network);
  if (/\.onnx$/i.test(file)) return onnxModelAt(file, isNamed, inputRange);
  if (!WHOLE.test(indexOfFolder(file) ?? file)) return null;
  const { metadata, ...read } = await readWeightFile(file);
  const { model, transforms } = metadata;
  if (descriptionIn(path, metadata) || (model !== undefined && transforms !== undefined))
    return openModel<TaskName>(path, { task: 'auto' });
  if (isNamed) return null;
  if (metadata.format === 'graph-model') return graphStart(indexOfFolder(file) ?? file, inputRange);
  if (metadata.model_config === undefined) return null;
  return kerasStart(path, { metadata, ...read }, { inputRange: inputRange ?? undefined });
}

/**
 * What has the weights, of a file, a run's folder, that of a TF.js model, or one that is opened by its index.
 * @throws ArgumentError for another folder.
 */
export function weightFileOf(path: string): string {
  if (isModelFolder(path)) return join(path, MODEL_FILES.weights);
  const description = join(path, MODEL_FILES.description);
  if (existsSync(description)) return description;
  if (indexOfFolder(path) !== undefined) return path;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new ArgumentError(
      `${path}: is a folder without ${MODEL_FILES.description} and ${MODEL_FILES.weights}; expected a weight file or the folder of a fine-tuned model.`,
    );
  return path;
}

/** @throws ArgumentError for a network whose outputs are not one row for each image: only programs train and run those yet. */
export function requireImages(op: string, { name, task }: Pick<ModelEntry, 'name' | 'task'>): void {
  if (task !== 'segmentation') return;
  throw new ArgumentError(
    `${op}: ${name} is a network of segmentation, which programs train and run with the task segmentation() of regraft/train. Name one that tells what an image shows, as squeezenet1_1.`,
  );
}

/** How a fine-tuned model wants its images, or null where it was not by the usual chain. */
export function presetOf(transforms: Transform): ImagePreset | null {
  const chain = (transforms.toJSON().transforms ?? []) as readonly TransformJSON[];
  const [resize, crop, toTensor, normalize] = ['Resize', 'CenterCrop', 'ToTensor', 'Normalize'].map((name, i) =>
    chain[i]?.name === name ? chain[i] : undefined,
  );
  if (typeof resize?.size !== 'number' || typeof crop?.size !== 'number' || !toTensor || !normalize) return null;
  const { mean, std } = normalize as unknown as Pick<ImagePreset, 'mean' | 'std'>;
  const interpolation = (resize.interpolation ?? 'bilinear') as ImagePreset['interpolation'];
  const { channels } = toTensor as Pick<ImagePreset, 'channels'>;
  return { resize: resize.size, crop: crop.size, ...(channels && { channels }), mean, std, interpolation };
}

/** A model to train, and which of its outputs were trained already. */
export interface StartModel {
  readonly model: Module;
  readonly kept: readonly boolean[];
}

/**
 * The model with a head for `classes`. Of a fine-tuned model the outputs of classes that it knows are kept, which `progress` tells.
 * @param opened null for random weights
 */
export async function buildModel(
  entry: ModelEntry,
  opened: OpenedWeights | null,
  tuned: Classifier<TaskName> | null,
  classes: readonly string[],
  settings: FinetuneSettings,
  progress: Progress | null,
): Promise<StartModel> {
  const kept = tuned ? await keepHead(tuned, entry, classes) : [];
  const model = tuned ? tuned.model : await pretrained(entry, opened, classes, settings, progress);
  if (tuned && opened) progress?.note(`Starts from ${opened.source}, ${headInWords(tuned, classes, kept)}`);
  if (settings.task !== null && settings.task !== DEFAULT_TASK) entry.signed?.(model);
  return { model, kept: classes.map((name) => kept.includes(name)) };
}

/** A network with the weights of a file and a new head, or with random weights. */
async function pretrained(
  entry: ModelEntry,
  opened: OpenedWeights | null,
  { length }: readonly string[],
  { model: name, key, stripPrefix }: FinetuneSettings,
  progress: Progress | null,
): Promise<Module> {
  if (!opened) return entry.create({ numClasses: length });
  // Checkpoints of earlier versions have neither.
  const names = { ...(key != null && { key }), ...(stripPrefix != null && { stripPrefix }) };
  const create = () =>
    entry.create({ weights: opened.file, newHead: true, ...names, onNote: (note) => progress?.note(note) });
  const model = await namingNetwork(opened.file, name, create, names);
  graft(entry, model, length);
  return model;
}

function headInWords(tuned: Classifier<TaskName>, classes: readonly string[], kept: readonly string[]): string {
  const fresh = classes.filter((name) => !kept.includes(name));
  if (fresh.length === 0) return 'with its head: it knows all classes.';
  if (kept.length > 0) return `with its head for ${namesInWords(kept)}; new: ${namesInWords(fresh)}.`;
  if (tuned.classes.length === 0) return 'with a new head.';
  return `with a new head: it knows none of the classes, only ${namesInWords(tuned.classes)}.`;
}

/** @throws WeightFileError where a model that was built from the weights `source` holds something that is not a number: nothing can be learned from there. */
export async function requireUsable(source: string, model: Module): Promise<void> {
  const name = notFinite(await model.stateDict());
  if (name === undefined) return;
  throw new WeightFileError(
    source,
    `expected weights that are numbers, got NaN or infinity in ${name}. Get the file again, or take other weights.`,
  );
}

/** Gives a fine-tuned model a head for `classes`, with the weights of those that it has by name. @returns those. */
async function keepHead({ model, classes: had }: Classifier<TaskName>, entry: ModelEntry, classes: readonly string[]) {
  const before = await model.getSubmodule(entry.head).stateDict();
  const layer = graft(entry, model, classes.length);
  const after = await layer.stateDict();
  const rows = classes.map((name) => had.indexOf(name));
  for (const [name, { data, shape }] of after) {
    const size = data.length / shape[0]!;
    const old = before.get(name)?.data as Float32Array;
    for (const [to, from] of rows.entries())
      if (from >= 0) (data as Float32Array).set(old.subarray(from * size, (from + 1) * size), to * size);
  }
  layer.loadStateDict(after);
  return classes.filter((name) => had.includes(name));
}

/** Where the weights of a run lie, for its checkpoint; null for those that do not lie anywhere here. */
export function placeOf(out: string, weights: string | null, sha256: string | undefined): WeightsPlace | null {
  if (weights === null || sha256 === undefined || isURL(weights) || !existsSync(weights)) return null;
  const path = resolve(weights);
  return { path, fromRun: relative(resolve(out), path), sha256 };
}

/**
 * The weights that a resumed run opens: those that are named now, else its own file, from wherever the command is run and
 * wherever the folder went. Nothing is fetched, and no other file read, that only the checkpoint asks for.
 * @throws ArgumentError if they must be named again; WeightFileError if the file is gone or another.
 */
export async function resumedWeights(
  out: string,
  named: string | null | undefined,
  { settings, start }: Checkpoint,
  entry: ModelEntry,
): Promise<string | null> {
  const { weights } = settings;
  if (named != null || weights === null) return named ?? weights;
  if (!start || isURL(weights)) {
    const record = isURL(weights) ? undefined : weightsByName(entry, weights);
    if (record && (await isCached(record))) return weights;
    throw new ArgumentError(
      `${out}: was begun with weights from ${record?.url ?? weights}, which are not fetched unless you name them: give them as weights again.`,
    );
  }
  const found = [start.path, resolve(out, start.fromRun)].find((path) => !isShare(path) && existsSync(path));
  if (found === undefined)
    throw new WeightFileError(
      start.path,
      `the weights that the run in ${out} was begun with are not there. Name the file where it is now as weights.`,
    );
  if ((await digestOfFile(weightFileOf(found))) !== start.sha256)
    throw new WeightFileError(
      found,
      `holds other weights than those that the run in ${out} was begun with. Name the file where they are now as weights.`,
    );
  // As it was typed where that names the same file from here: reports then read as before.
  return resolve(weights) === found ? weights : found;
}
