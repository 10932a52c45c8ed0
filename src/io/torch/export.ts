/**
 * Archives of `torch.export.save` (`.pt2`): each model's weights as bytes in entries of their own, and JSON that says which tensors they
 * are. The graph of the program is not read.
 */
import { BYTES_PER_ELEMENT, type StoredDType } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape } from '../../core/shape.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, isShape, listed, printable, shown } from '../base/bytes.ts';
import type { ReadOptions, WeightFile } from '../base/format.ts';
import { isRecord, jsonObject } from '../base/json.ts';
import { readZipDirectory, readZipEntry, type ZipEntry } from '../zip/zip.ts';
import { checkByteOrder, storagesIn } from './archive.ts';
import { MadeDict } from './left-out.ts';
import { lastElement, type StorageRef, TensorRef } from './objects.ts';
import { readState } from './state.ts';

const CONFIG = /^((?:[^/]+\/)?)data\/weights\/([^/]+)_weights_config\.json$/;
const JSON_DEPTH = 20;
/** By the numbers of torch._export's ScalarType. */
const DTYPES: Readonly<Record<number, StoredDType>> = {
  ...{ 1: 'uint8', 2: 'int8', 3: 'int16', 4: 'int32', 5: 'int64' },
  ...{ 6: 'float16', 7: 'float32', 8: 'float64', 12: 'bool', 13: 'bfloat16' },
};

type Directory = ReadonlyMap<string, ZipEntry>;

/** @throws WeightFileError */
export async function readExport(source: ByteSource, options: ReadOptions, format: string): Promise<WeightFile> {
  const directory = await readZipDirectory(source);
  const configs = [...directory.keys()].flatMap((name) => CONFIG.exec(name) ?? []);
  const [config, root = '', model = ''] = configs;
  if (config === undefined) throw new WeightFileError(source.name, 'has no list of weights. It is damaged.');
  if (configs.length > 3) {
    throw new WeightFileError(
      source.name,
      `holds ${configs.length / 3} models, '${printable(model)}' and others. Export one alone.`,
    );
  }
  await checkByteOrder(source, directory.get(`${root}byteorder`));
  const storages = new Map<string, StorageRef>();
  const state = new MadeDict();
  for (const [name, payload] of await entriesOf(source, directory, config))
    state.set(name, tensorOf(source, directory, `${root}data/weights/`, name, payload, storages));
  const constants = `${root}data/constants/${model}_constants_config.json`;
  const others = directory.has(constants) ? await entriesOf(source, directory, constants) : [];
  if (others.length > 0) state.notes.push(`Left out, as its state dict does: ${listed(others.map(([name]) => name))}.`);
  return readState(
    state,
    storagesIn(source, directory, `${root}data/weights`, storages.values()),
    source,
    format,
    options,
  );
}

/** The tensors and objects that an entry of the archive lists. */
async function entriesOf(source: ByteSource, directory: Directory, path: string): Promise<[string, unknown][]> {
  const text = new TextDecoder().decode(await readZipEntry(source, directory.get(path)!));
  const { config } = jsonObject(source, text, JSON_DEPTH);
  if (!isRecord(config))
    throw new WeightFileError(
      source.name,
      `expected an object config in '${printable(path)}', got '${shown(config)}'.`,
    );
  return Object.entries(config);
}

function tensorOf(
  source: ByteSource,
  directory: Directory,
  folder: string,
  name: string,
  payload: unknown,
  storages: Map<string, StorageRef>,
): TensorRef {
  const label = `tensor '${printable(name)}'`;
  const fail = (detail: string): never => {
    throw new WeightFileError(source.name, `${label} ${detail}`);
  };
  const { path_name: key, use_pickle: isPickled, tensor_meta: meta } = isRecord(payload) ? payload : {};
  if (isPickled === true) return fail('is pickled, being of a class of its own: it is not read.');
  if (typeof key !== 'string' || !isRecord(meta)) return fail('is declared in an unknown way.');
  const dtype = DTYPES[Number(meta.dtype)];
  if (!dtype) return fail(`has type '${shown(meta.dtype)}', which is not read.`);
  const [shape, strides, start] = [meta.sizes, meta.strides, [meta.storage_offset]].map(integers);
  if (!shape || !isShape(shape) || strides?.length !== shape.length || !start)
    return fail('has sizes, strides or an offset that are no numbers.');
  const size = (directory.get(`${folder}${key}`)?.size ?? 0) / BYTES_PER_ELEMENT[dtype];
  if (!Number.isInteger(size)) return fail(`lies in bytes that are no whole number of ${dtype}.`);
  const storage = storages.get(key) ?? { key, dtype, size };
  if (storage.dtype !== dtype) return fail(`is of ${dtype}, and its bytes of ${storage.dtype}.`);
  const offset = start[0]!;
  const last = lastElement(offset, shape, strides);
  if (last >= size)
    return fail(`${formatShape(shape)} needs ${count(last + 1)} elements; '${printable(key)}' has ${count(size)}.`);
  storages.set(key, storage);
  return new TensorRef(storage, offset, shape, strides);
}

/** The numbers in `[{ as_int: 3 }]`; undefined where one is no size. */
function integers(list: unknown): readonly number[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const numbers = list.map((n: unknown) => (isRecord(n) ? n.as_int : undefined));
  return numbers.every((n) => isShape([n])) ? (numbers as number[]) : undefined;
}
