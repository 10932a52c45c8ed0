/**
 * The folder of a network as the Hugging Face hub has it: `config.json`, the weights and, of transformers, `preprocessor_config.json`
 * beside it. Where the network is one of ours, its weights come under our names, and the metadata are a saved model's.
 */
import type { StateDict } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, readRange } from '../base/bytes.ts';
import { translate } from '../base/fit-names.ts';
import { HEAD_BYTES, type ReadOptions, type WeightFile } from '../base/format.ts';
import { jsonObject } from '../base/json.ts';
import { safetensors } from '../safetensors.ts';
import { readShards, shardsOf } from '../shard-index.ts';
import { torchLegacy } from '../torch/legacy.ts';
import { torchZip } from '../torch/zip.ts';
import type { Config, HubModel, HubNetwork } from './config.ts';
import { timmModel } from './timm.ts';
import { transformersModel } from './transformers.ts';

const INDEX = /\.index\.json$/;
/** In the order in which they are looked for. */
const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];
const PROCESSOR = 'preprocessor_config.json';
const FILES = [safetensors, torchZip, torchLegacy];
/** Names of 20,000 classes take less. */
const JSON_LIMIT = 8 << 20;
const JSON_DEPTH = 20;

/** @throws WeightFileError for a folder without weights, or a damaged file. */
export async function readHubFolder(source: ByteSource, { key }: ReadOptions, format: string): Promise<WeightFile> {
  const config = await readConfig(source);
  const model = await modelOf(config, source);
  const read = await readBeside(source, key === undefined ? {} : { key }, format);
  if (typeof model?.is !== 'object')
    return model
      ? { ...read, notes: [...read.notes, `The folder ${refusalOf(model)}`], refusal: refusalOf(model) }
      : read;
  return renamed(read, model, model.is);
}

/** The files of the folder that `source`, its config, does not have in it. */
export async function filesOfHubFolder(source: ByteSource): Promise<readonly string[]> {
  const [name, file] = await weightsBeside(source);
  try {
    const processor = await source.beside!(PROCESSOR).catch(absent);
    await processor?.close();
    return [name, ...(INDEX.test(name) ? await shardsOf(file) : []), ...(processor ? [PROCESSOR] : [])];
  } finally {
    await file.close();
  }
}

async function modelOf(config: Config, source: ByteSource): Promise<HubModel | undefined> {
  if (typeof config.architecture === 'string') return timmModel(config);
  if (typeof config.model_type !== 'string') return undefined;
  const processor = await source.beside?.(PROCESSOR).catch(absent);
  if (!processor) return transformersModel(config, null);
  return transformersModel(config, await readConfig(processor).finally(() => processor.close()));
}

const refusalOf = ({ title, is }: HubModel): string =>
  `is of ${title}, which ${is}. Export it to ONNX: onnx.loadModel runs any graph.`;

/** The tensors under our names, with the metadata that make a saved model of them. */
function renamed(read: WeightFile, { title, classes, transforms }: HubModel, ours: HubNetwork): WeightFile {
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  for (const [from, tensor] of read.state) {
    const name = translate(from.replace(/^timm_model\./, ''), ours.names);
    state.set(name, { ...tensor, shape: ours.shape?.(name, tensor.shape) ?? tensor.shape });
    namesInFile.set(name, read.namesInFile.get(from) ?? from);
  }
  const notes = [
    `The folder is of ${title}: it is read as ${ours.network}.`,
    ...(ours.note === undefined ? [] : [ours.note]),
    ...(typeof transforms === 'string' ? [`It does not tell how its images are prepared: ${transforms}.`] : []),
  ];
  const metadata = {
    ...read.metadata,
    model: ours.network,
    ...(classes && { classes: JSON.stringify(classes) }),
    ...(typeof transforms === 'object' && { transforms: JSON.stringify(transforms) }),
  };
  return { ...read, state, namesInFile, metadata, notes: [...read.notes, ...notes] };
}

async function readConfig(source: ByteSource): Promise<Config> {
  if (source.size > JSON_LIMIT)
    throw new WeightFileError(
      source.name,
      `has ${count(source.size)} bytes of JSON: at most ${count(JSON_LIMIT)} are read.`,
    );
  const text = new TextDecoder().decode(await readRange(source, 0, source.size, 'the configuration'));
  return jsonObject(source, text, JSON_DEPTH);
}

async function readBeside(source: ByteSource, options: ReadOptions, format: string): Promise<WeightFile> {
  const [name, file] = await weightsBeside(source);
  try {
    if (INDEX.test(name)) return await readShards(file, options, format);
    const head = await file.read(0, Math.min(HEAD_BYTES, file.size));
    for (const one of FILES) if (await one.matches(head, file)) return { ...(await one.read(file, options)), format };
    throw new WeightFileError(file.name, 'has no weights: expected safetensors or a checkpoint of PyTorch.');
  } finally {
    await file.close();
  }
}

async function weightsBeside(source: ByteSource): Promise<readonly [string, ByteSource]> {
  for (const name of WEIGHTS) {
    const file = await source.beside?.(name).catch(absent);
    if (file) return [name, file];
  }
  throw new WeightFileError(source.name, `expected weights beside it, one of ${WEIGHTS.join(', ')}; there is none.`);
}

/** @throws what is no message that a file cannot be had. */
function absent(error: unknown): undefined {
  if (!(error instanceof WeightFileError)) throw error;
  return undefined;
}
