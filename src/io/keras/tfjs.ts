/**
 * TF.js models: `model.json` with a Keras topology, or a graph (../tfjs reads that), and a manifest of weights, which lie in shards beside it.
 * Format: https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts
 */
import { halfToFloat, type StoredDType, type TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, elementsOf, fileKey, isPlainPath, isShape, plural, printable, shown } from '../base/bytes.ts';
import type { ModelFormat, ReadOptions, WeightFile } from '../base/format.ts';
import { isRecord, jsonObject } from '../base/json.ts';
import { COST, MemoryBudget } from '../base/memory.ts';
import { layersFor } from './description.ts';

/** Topologies of the largest published networks take a few megabytes. */
const JSON_LIMIT = 64 << 20;
const JSON_DEPTH = 100;

/** Bytes of an element as it lies in a shard. */
const PACKED_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

/** Bytes of an element as it is read, at most. */
const WIDEST = 4;

/** The quantization of a tensor: value = stored * scale + min, or float16. */
interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
  /** Bytes in the shards. */
  readonly bytes: number;
}

interface Group {
  readonly paths: readonly string[];
  readonly entries: readonly Entry[];
}

export const tfjs: ModelFormat = {
  name: 'TF.js (model.json)',
  extensions: ['.json'],
  holds: 'layers',
  matches(head) {
    const text = new TextDecoder('latin1').decode(head);
    return /^\s*\{/.test(text) && /"(modelTopology|weightsManifest|format|generatedBy|convertedBy)"/.test(text);
  },
  read,
  async filesBeside(source) {
    return groupsOf(source.name, await parseModel(source)).flatMap(({ paths }) => paths);
  },
  async writeModel(model, context) {
    const { tfjsFiles } = await import('./tfjs-write.ts');
    const keras = layersFor(model, context);
    return tfjsFiles(context.name, keras.topology(2), await keras.tfjsState());
  },
};

async function read(source: ByteSource, { expected }: ReadOptions): Promise<WeightFile> {
  const model = await parseModel(source);
  const isGraph = isGraphModel(model);
  if (isGraph && expected)
    throw fault(
      source.name,
      'is a TF.js graph model (a frozen TensorFlow graph): a network of its own, and no weights of another. Open it by tfjs.loadGraphModel, or give it as --model.',
    );
  const { state, notes } = await readTensors(source, model);
  return {
    state,
    metadata: isGraph ? { format: 'graph-model' } : metadataOf(model),
    format: tfjs.name,
    notes,
    namesInFile: new Map([...state.keys()].map((name) => [name, name])),
  };
}

/** Whether a `model.json` is a frozen TensorFlow graph, which has no layers. */
export function isGraphModel({ format, modelTopology }: Readonly<Record<string, unknown>>): boolean {
  return format === 'graph-model' || (isRecord(modelTopology) && Array.isArray(modelTopology.node));
}

/** The tensors of a `model.json`, out of its shards. @throws WeightFileError */
export async function readTensors(
  source: ByteSource,
  model: Readonly<Record<string, unknown>>,
): Promise<Pick<WeightFile, 'state' | 'notes'>> {
  const groups = groupsOf(source.name, model);
  const state = new Map<string, TensorData>();
  const budget = MemoryBudget.ofTensors(source);
  for (const group of groups) {
    const bytes = await readShards(source, group, budget);
    let offset = 0;
    for (const entry of group.entries) {
      if (state.has(entry.name)) throw fault(source.name, `lists weight '${printable(entry.name)}' twice.`);
      state.set(entry.name, unpack(entry, bytes.slice(offset, offset + entry.bytes)));
      offset += entry.bytes;
    }
  }
  const quantized = groups.flatMap(({ entries }) => entries.flatMap((e) => e.quantization?.dtype ?? []));
  const kinds = [...new Set(quantized)].join(', ');
  return {
    state,
    notes:
      quantized.length === 0 ? [] : [`${plural(quantized.length, 'tensor')} quantised to ${kinds}: read as float32.`],
  };
}

/** The content of a `model.json`. @throws WeightFileError for what is no JSON object, or too large. */
export async function parseModel(source: ByteSource): Promise<Record<string, unknown>> {
  if (source.size > JSON_LIMIT)
    throw fault(source.name, `has ${count(source.size)} bytes of JSON: at most ${count(JSON_LIMIT)} are read.`);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  return jsonObject(source, text, JSON_DEPTH);
}

/** Everything the manifest says, checked before a shard is opened. */
function groupsOf(file: string, model: Readonly<Record<string, unknown>>): Group[] {
  const manifest = model.weightsManifest;
  if (!Array.isArray(manifest)) throw fault(file, `expected a list weightsManifest, got ${shown(manifest)}.`);
  const seen = new Set<string>();
  return manifest.map((group: unknown, i) => {
    const { paths, weights } = isRecord(group) ? group : {};
    if (!Array.isArray(paths) || !paths.every((p) => typeof p === 'string') || !Array.isArray(weights))
      throw fault(file, `group ${count(i)} of its weightsManifest: expected paths and weights.`);
    for (const path of paths as string[]) {
      if (!isPlainPath(path))
        throw fault(file, `names the shard '${printable(path)}': expected a plain relative path.`);
      // One shard read many times is how a small file asks for much memory.
      const key = fileKey(path);
      if (seen.has(key)) throw fault(file, `names the shard '${printable(path)}' twice.`);
      seen.add(key);
    }
    return { paths: paths as string[], entries: weights.map((weight) => entryOf(file, weight)) };
  });
}

function entryOf(file: string, weight: unknown): Entry {
  const { name, dtype, shape, quantization } = isRecord(weight) ? weight : {};
  if (typeof name !== 'string') throw fault(file, 'a weight of its manifest has no name.');
  const label = `weight '${printable(name)}'`;
  if (!Array.isArray(shape) || !isShape(shape)) throw fault(file, `${label}: its shape is no list of sizes.`);
  if (typeof dtype !== 'string' || !['float32', 'float16', 'int32', 'bool', 'uint8'].includes(dtype))
    throw fault(file, `${label} has dtype '${shown(dtype)}': expected float32, float16, int32, uint8 or bool.`);
  const packed = quantization === undefined ? undefined : quantizationOf(file, label, quantization);
  const bytes = sizeOf(shape) * PACKED_BYTES[packed?.dtype ?? dtype]!;
  if (!Number.isSafeInteger(bytes)) throw fault(file, `${label}: ${formatShape(shape)} has too many elements.`);
  return { name, dtype: dtype as StoredDType, shape, quantization: packed, bytes };
}

function quantizationOf(file: string, label: string, value: unknown): Quantization {
  const { dtype, scale = 1, min = 0 } = isRecord(value) ? value : {};
  if (dtype !== 'uint8' && dtype !== 'uint16' && dtype !== 'float16')
    throw fault(file, `${label} is quantised to '${shown(dtype)}': expected uint8, uint16 or float16.`);
  if (!Number.isFinite(scale) || !Number.isFinite(min))
    throw fault(file, `${label}: its quantisation has no finite scale and min.`);
  return { dtype, scale: scale as number, min: min as number };
}

/** The shards of a group behind one another: one file open at a time, and no more read than the manifest asks for. */
async function readShards(
  source: ByteSource,
  { paths, entries }: Group,
  budget: MemoryBudget,
): Promise<Uint8Array<ArrayBuffer>> {
  const expected = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts: Uint8Array[] = [];
  let found = 0;
  for (const path of paths) {
    if (!source.beside)
      throw fault(
        source.name,
        `its weights lie in other files (${printable(path)}). Pass the path or URL of model.json.`,
      );
    const shard = await source.beside(path);
    try {
      found += shard.size;
      budget.addFile(shard);
      if (found <= expected) parts.push(await shard.read(0, shard.size));
    } finally {
      await shard.close();
    }
  }
  if (found !== expected)
    throw fault(
      source.name,
      `its manifest asks for ${count(expected)} bytes in ${paths.map(printable).join(', ')}, but there are ${count(found)}. ` +
        'A shard is truncated or of another model: get it again.',
    );
  for (const { shape } of entries) budget.take(COST.tensor + WIDEST * sizeOf(shape), 'its tensors');
  const bytes = new Uint8Array(expected);
  let offset = 0;
  for (let part = parts.shift(); part; part = parts.shift()) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function unpack({ dtype, shape, quantization }: Entry, bytes: Uint8Array<ArrayBuffer>): TensorData {
  if (!quantization) return { shape, dtype, data: elementsOf(dtype, bytes) };
  const { dtype: packed, scale, min } = quantization;
  const stored = packed === 'uint8' ? bytes : new Uint16Array(bytes.buffer);
  const value = packed === 'float16' ? halfToFloat : (q: number) => q * scale + min;
  if (dtype !== 'float32' && dtype !== 'float16')
    return { shape, dtype: 'int32', data: Int32Array.from(stored, (q) => Math.round(value(q))) };
  const data = new Float32Array(stored.length);
  for (let i = 0; i < data.length; i++) data[i] = value(stored[i]!);
  return { shape, dtype: 'float32', data };
}

/** The topology as Keras files have it too: `model_config`, JSON text. */
function metadataOf(model: Record<string, unknown>): Record<string, string> {
  const topology = isRecord(model.modelTopology) ? model.modelTopology : {};
  // TF.js writes its own models with the configuration at the top, Keras's converter puts it into model_config.
  const config = isRecord(topology.model_config) ? topology.model_config : topology;
  const metadata: Record<string, string> = {};
  if (typeof config.class_name === 'string') metadata.model_config = JSON.stringify(config);
  if (typeof topology.keras_version === 'string') metadata.keras_version = printable(topology.keras_version);
  return metadata;
}

function fault(file: string, detail: string): WeightFileError {
  return new WeightFileError(file, detail);
}
