/**
 * Hugging Face's index of a model in several files, `model.safetensors.index.json` or `pytorch_model.bin.index.json`: it says which of
 * the files beside it each tensor lies in.
 */
import { WeightFileError } from '../core/errors.ts';
import type { ByteSource } from '../device/byte-source.ts';
import { FilesBeside } from './base/beside.ts';
import { count, fileKey, listed, printable, readRange, shown } from './base/bytes.ts';
import { HEAD_BYTES, type ReadOptions, type WeightFile } from './base/format.ts';
import { isRecord, jsonObject } from './base/json.ts';
import { safetensors } from './safetensors.ts';
import { torchLegacy } from './torch/legacy.ts';
import { torchZip } from './torch/zip.ts';

/** Names of the largest published networks take a few megabytes. */
const JSON_LIMIT = 64 << 20;
const JSON_DEPTH = 20;
const SHARDS = [safetensors, torchZip, torchLegacy];

/** @throws WeightFileError */
export async function readShards(source: ByteSource, { key }: ReadOptions, format: string): Promise<WeightFile> {
  const shards = await parseIndex(source);
  const files = new FilesBeside(source, 'the index');
  const state: WeightFile['state'] = new Map();
  const namesInFile = new Map<string, string>();
  const notes = new Set<string>();
  const metadata: Record<string, string> = {};
  try {
    for (const [path, names] of shards) {
      const shard = await files.use(path, (file) => readShard(file, key === undefined ? {} : { key }));
      for (const note of shard.notes) notes.add(note);
      Object.assign(metadata, shard.metadata);
      const missing = new Set(names);
      const unlisted: string[] = [];
      for (const [name, tensor] of shard.state) {
        const inFile = shard.namesInFile.get(name) ?? name;
        if (!missing.delete(inFile)) {
          unlisted.push(name);
          continue;
        }
        if (state.has(name)) throw new WeightFileError(source.name, `has tensor '${printable(name)}' twice.`);
        state.set(name, tensor);
        namesInFile.set(name, inFile);
      }
      if (missing.size > 0)
        throw new WeightFileError(
          source.name,
          `lists tensor '${printable([...missing][0]!)}' in '${printable(path)}', which does not have it. The two are of different models.`,
        );
      if (unlisted.length > 0)
        notes.add(`Left out, being in '${printable(path)}' and not in its place in the index: ${listed(unlisted)}.`);
    }
  } finally {
    await files.close();
  }
  return { state, metadata, format, notes: [...notes], namesInFile };
}

/** The files beside an index. */
export async function shardsOf(source: ByteSource): Promise<readonly string[]> {
  return [...(await parseIndex(source)).keys()];
}

async function readShard(file: ByteSource, options: ReadOptions): Promise<WeightFile> {
  const head = await file.read(0, Math.min(HEAD_BYTES, file.size));
  for (const format of SHARDS) if (await format.matches(head, file)) return format.read(file, options);
  throw new WeightFileError(file.name, 'is no shard: expected safetensors or a checkpoint of PyTorch.');
}

/** The names of tensors by their files, in the order of the index. */
async function parseIndex(source: ByteSource): Promise<Map<string, string[]>> {
  const fail = (detail: string): never => {
    throw new WeightFileError(source.name, detail);
  };
  if (source.size > JSON_LIMIT)
    return fail(`has ${count(source.size)} bytes of JSON: at most ${count(JSON_LIMIT)} are read.`);
  const text = new TextDecoder().decode(await readRange(source, 0, source.size, 'the index'));
  const { weight_map: places } = jsonObject(source, text, JSON_DEPTH);
  if (!isRecord(places)) return fail(`expected an object weight_map, got '${shown(places)}'.`);
  const spelled = new Map<string, string>();
  const shards = new Map<string, string[]>();
  for (const [name, path] of Object.entries(places)) {
    if (typeof path !== 'string') return fail(`does not say which file tensor '${printable(name)}' is in.`);
    const first = spelled.get(fileKey(path)) ?? path;
    spelled.set(fileKey(path), first);
    const names = shards.get(first) ?? [];
    names.push(name);
    shards.set(first, names);
  }
  if (shards.size === 0) return fail('lists no tensors.');
  return shards;
}
