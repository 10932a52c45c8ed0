/** Opening a saved model: its folder, a zip of one as the browser page gives it, or its weight file alone. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteSource, openSource } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { checkOneOf, checkOptions, checkPath } from '../core/options.ts';
import { transformFromJSON } from '../data/transforms/compose.ts';
import { indexOfFolder } from '../device/file-source-node.ts';
import { readTextFile } from '../io/base/text.ts';
import { formatOf } from '../io/formats.ts';
import { readWeightFile, readWeights, targetOf, type WeightFile } from '../io/index.ts';
import { requireOurs } from '../io/read.ts';
import { isZip, readZipDirectory, readZipEntry } from '../io/zip/zip.ts';
import { classesOf, type ModelEntry } from '../models/define.ts';
import { guessNetwork } from '../models/guess-network.ts';
import { isNetwork, networkEntry, networkName } from '../models/registry.ts';
import { entryOf } from '../models/topology.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { descriptionIn, MODEL_FILES, type ModelDescription, parseDescription } from './model-description.ts';
import { type Classifier, ofTask } from './model-folder.ts';
import { graphClassifier } from './open-graph.ts';
import { INPUT_RANGES, type KerasClassifierOptions, kerasClassifier } from './open-keras.ts';

type Described = Pick<ModelDescription, 'model' | 'task' | 'topology' | 'classes' | 'transforms'>;

/** Options of {@link openModel}. */
export interface OpenModelOptions<T extends TaskName = typeof DEFAULT_TASK> extends KerasClassifierOptions {
  /** The task that the model is of, or 'auto' for whatever it is; image classification by default. */
  readonly task?: T | 'auto' | undefined;
}

/** A model that is still to be built. */
interface SavedModel extends Omit<Classifier<TaskName>, 'model'> {
  readonly entry: ModelEntry;
  readonly state: StateDict;
}

/**
 * Opens what {@link regraft/train!saveModel | saveModel} wrote or the browser page exported: the folder, the page's `.zip`, `model.safetensors` alone, or
 * what {@link regraft/convert!convert | convert} made of one of these: `.safetensors` or `.onnx`. Keras models too: `.h5`, `.keras`, TF.js's `model.json`,
 * and zips of these, as Teachable Machine exports them. Folders of timm's and transformers' networks, as the Hugging Face hub has them. And graphs
 * of ONNX and TF.js that classify images, whose classes are `class 0`, `class 1` … without labels.
 * The model is in evaluation mode.
 * @param path Of the folder or the file.
 * @param options For Keras models and graphs: what their files may not tell. And the task that the model is of, 'auto' for whatever it is: image
 * classification by default.
 * @throws RegraftError if it is none of these or is damaged, in one line that says what is wrong.
 * @example
 * const classifier = await openModel('runs/insects');
 * console.log(classifier.name, classifier.classes);
 */
export async function openModel<T extends TaskName = typeof DEFAULT_TASK>(
  path: string,
  { task, ...options }: OpenModelOptions<T> = {},
): Promise<Classifier<T>> {
  checkPath('openModel', 'the model', path, 'Pass the folder that regraft finetune --out wrote.');
  checkOptions('openModel', options, { inputRange: true, labels: true });
  if (options.inputRange !== undefined)
    checkOneOf('openModel', 'inputRange', options.inputRange, Object.keys(INPUT_RANGES));
  const there = await stat(path).catch(() => null);
  if (!there) throw noModel(path, 'there is no such file or folder');
  const found = there.isDirectory() ? await readFolder(path, options) : await readFileOf(path, options);
  if ('model' in found) return ofTask(path, found, task);
  if (options.labels !== undefined || options.inputRange !== undefined)
    throw new ArgumentError(
      `${path}: is a fine-tuned model, which has its own labels and transforms. Leave those options out.`,
    );
  const { entry, state, ...known } = found;
  const model = await entry.create({ numClasses: known.classes.length });
  if (known.task !== DEFAULT_TASK) entry.signed?.(model);
  model.loadStateDict(state, { copy: false });
  return ofTask(path, { model: model.eval(), ...known }, task);
}

/** What the description says is checked before the weights are read. */
async function saved(description: Described, read: () => Promise<StateDict>): Promise<SavedModel> {
  const { model, task = DEFAULT_TASK, classes, transforms } = description;
  const known = {
    task,
    name: networkName(model),
    entry: await entryOf(description),
    classes,
    transforms: transformFromJSON(transforms),
  };
  return { ...known, state: await read() };
}

/** How often a folder is read again that holds two models, and how long to wait before: a run may just be saving there. */
const RETRIES = { times: 3, milliseconds: 150 } as const;

async function readFolder(
  folder: string,
  options: KerasClassifierOptions,
  retries: number = RETRIES.times,
): Promise<SavedModel | Classifier> {
  if (!existsSync(join(folder, MODEL_FILES.description)) && indexOfFolder(folder) !== undefined)
    return readDescribed(folder, options);
  const [path, weights] = [MODEL_FILES.description, MODEL_FILES.weights].map((file) => join(folder, file)) as [
    string,
    string,
  ];
  if (!existsSync(path)) throw noModel(folder, `holds no ${MODEL_FILES.description}`);
  const json = await readTextFile(path);
  if (!existsSync(weights) && isTensorFlow(json)) return readDescribed(path, options);
  const description = parseDescription(path, json);
  let whole = true;
  const model = await saved(description, async () => {
    const { state, metadata } = await readWeightFile(weights);
    whole = sameModel(description, descriptionIn(weights, metadata));
    return state;
  });
  if (whole) return model;
  if (retries > 0) return sleep(RETRIES.milliseconds).then(() => readFolder(folder, options, retries - 1));
  throw new WeightFileError(
    folder,
    `its ${MODEL_FILES.description} and ${MODEL_FILES.weights} are of two models: saving was interrupted. Finish it by npx regraft finetune with --out ${folder} --resume, or save the model again.`,
  );
}

/** Whether a model.json is TF.js's, or Teachable Machine's. */
const isTensorFlow = (json: string): boolean => json.includes('"modelTopology"');

/** Whether the weights are those that `model.json` describes; files from elsewhere do not say. */
function sameModel(json: Described, weights: Described | null): boolean {
  const text = ({ model, task = DEFAULT_TASK, topology, classes, transforms }: Described) =>
    JSON.stringify([model, task, topology, classes, transforms]);
  return weights === null || text(json) === text(weights);
}

async function readFileOf(path: string, options: KerasClassifierOptions): Promise<SavedModel | Classifier> {
  const file = await openSource(path);
  try {
    return isZip(await file.read(0, Math.min(4, file.size)))
      ? await readZip(file, options)
      : await readDescribed(path, options);
  } finally {
    await file.close();
  }
}

async function readZip(file: ByteSource, options: KerasClassifierOptions): Promise<SavedModel | Classifier> {
  const entries = await readZipDirectory(file);
  const [text, weights] = [MODEL_FILES.description, MODEL_FILES.weights].map((name) => entries.get(name));
  const json = text && new TextDecoder().decode(await readZipEntry(file, text));
  // A PyTorch file and a Keras one are zip archives too.
  if (!weights && (!json || isTensorFlow(json))) return readDescribed(file.name, options);
  if (!text || !json || !weights)
    throw noModel(file.name, `is a zip archive without ${MODEL_FILES.description} and ${MODEL_FILES.weights}`);
  return saved(parseDescription(`${file.name}/${text.name}`, json), async () =>
    readWeights(new File([await readZipEntry(file, weights)], `${file.name}/${weights.name}`)),
  );
}

async function readDescribed(path: string, options: KerasClassifierOptions): Promise<SavedModel | Classifier> {
  const file = await readWeightFile(path);
  requireOurs(path, file);
  const { state, metadata } = file;
  const description = descriptionIn(path, await withClasses(file));
  if (!description && metadata.model_config !== undefined) return kerasClassifier(path, file, options);
  if (!description && metadata.format === 'graph-model') return graphClassifier(indexOfFolder(path) ?? path, options);
  if (!description) {
    const fault = await undescribed(path, state);
    if (fault.network !== undefined || formatOf(file).holds !== 'graph') throw fault;
    return graphClassifier(path, options);
  }
  return saved(description, async () => {
    if (formatOf(file).holds !== 'graph') return state;
    // Its batch norms may be part of the convolutions before them: only the network tells.
    const model = await (await entryOf(description)).create({ numClasses: description.classes.length });
    return readWeights(path, targetOf(model));
  });
}

/** The metadata with names of classes, where they tell a network and how its images are prepared: as the hub's folders do. */
async function withClasses({ state, metadata }: WeightFile): Promise<WeightFile['metadata']> {
  const { model, classes, transforms } = metadata;
  if (classes !== undefined || model === undefined || transforms === undefined || !isNetwork(model)) return metadata;
  const entry = await networkEntry(model);
  const count = classesOf(state, entry.head);
  return count === undefined ? metadata : { ...metadata, classes: JSON.stringify(await categoriesOf(entry, count)) };
}

/** The names of the classes that published weights have where there are as many outputs, else `class 0`, `class 1` … */
export async function categoriesOf({ categories }: ModelEntry, count: number): Promise<readonly string[]> {
  const names = (await categories?.()) ?? [];
  return names.length === count ? names : Array.from({ length: count }, (_, i) => `class ${i}`);
}

/** A file that holds weights and does not say what they are a model for. */
export class BareWeightsError extends ArgumentError {
  /** What the weights are of, where that can be told from them. */
  readonly network: string | undefined;

  constructor(message: string, network: string | undefined) {
    super(message);
    this.network = network;
  }
}

async function undescribed(path: string, state: StateDict): Promise<BareWeightsError> {
  const network = await guessNetwork(state);
  const what = network === undefined ? 'weights, but not of which network' : `the weights of ${network}`;
  const use = network === undefined ? 'Name the network and give the file' : `Name ${network} and give the file`;
  return new BareWeightsError(
    `${path}: holds ${what}, and no names of classes. ${use} as its weights: npx regraft predict ${network ?? 'NETWORK'} --weights ${path}`,
    network,
  );
}

function noModel(path: string, fault: string): ArgumentError {
  return new ArgumentError(
    `${path}: ${fault}; expected the folder of a fine-tuned model, as regraft finetune --out writes it.`,
  );
}
