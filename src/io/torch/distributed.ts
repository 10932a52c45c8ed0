/**
 * Checkpoints of `torch.distributed.checkpoint`: a folder with a pickle, `.metadata`, that says which pieces each tensor is made of, and
 * a file for each rank, `__0_0.distcp`, in which every piece lies as `torch.save` wrote it.
 */
import { BYTES_PER_ELEMENT, type StoredDType } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, sameShape, sizeOf, stridesOf } from '../../core/shape.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { FilesBeside } from '../base/beside.ts';
import {
  bytesOf,
  checkInside,
  count,
  isPlainPath,
  isShape,
  plural,
  printable,
  readRange,
  shown,
} from '../base/bytes.ts';
import type { ReadOptions, WeightFile } from '../base/format.ts';
import { COST, MemoryBudget } from '../base/memory.ts';
import { readZipDirectory } from '../zip/zip.ts';
import { checkByteOrder, readPickle, rootOf } from './archive.ts';
import { TensorRef, TorchRules } from './objects.ts';
import { PickleGlobal, type PickleRules, unpickle } from './pickle.ts';
import { StandIn } from './pickle-stand-in.ts';
import { readState } from './state.ts';
import { readTensors } from './tensors.ts';

type Dict = ReadonlyMap<unknown, unknown>;
type Shape = readonly number[];

/** A part of a tensor, and where it is. */
interface Piece {
  readonly offsets: Shape;
  readonly sizes: Shape;
  readonly path: string;
  /** In bytes, in its file. */
  readonly offset: number;
  readonly length: number;
}

interface Entry {
  readonly tensor: TensorRef;
  readonly pieces: readonly Piece[];
}

const CLASSES = 'torch.distributed.checkpoint.metadata.';
const DTYPES: ReadonlySet<string> = new Set(Object.keys(BYTES_PER_ELEMENT));

/** @throws WeightFileError */
export async function readDistributed(source: ByteSource, options: ReadOptions, format: string): Promise<WeightFile> {
  const { root, entries } = contentOf(source, await readMetadata(source));
  const files = new FilesBeside(source, '.metadata');
  try {
    for (const path of pathsOf(entries)) await files.size(path);
    return await readState(
      root,
      { isWhole: () => true, read: ({ key }) => joined(entries.get(key)!, key, source, files) },
      { name: source.name, size: source.size + files.total },
      format,
      options,
    );
  } finally {
    await files.close();
  }
}

/** The files of the ranks. */
export async function filesOfRanks(source: ByteSource): Promise<readonly string[]> {
  return pathsOf(contentOf(source, await readMetadata(source)).entries);
}

function pathsOf(entries: ReadonlyMap<string, Entry>): string[] {
  return [...new Set([...entries.values()].flatMap(({ pieces }) => pieces.map(({ path }) => path)))];
}

async function readMetadata(source: ByteSource): Promise<unknown> {
  const bytes = await readRange(source, 0, source.size, 'its pickle');
  const known = new TorchRules();
  const rules: PickleRules = { standIns: true, find: (name) => known.find(name) };
  const place = { name: source.name, offset: 0, available: bytes.length };
  return unpickle(bytes, rules, place, MemoryBudget.ofObjects(source)).value;
}

/** The attributes of an object of a class; undefined for anything else. */
function fieldsOf(value: unknown, className: string): Dict | undefined {
  if (!(value instanceof StandIn) || value.name !== className) return undefined;
  const state = value.parts.slice(1).findLast((part) => part instanceof Map);
  return state instanceof Map ? state : undefined;
}

/** The tensors with their pieces, and the dictionaries that they were saved in. */
function contentOf(source: ByteSource, value: unknown): { root: unknown; entries: Map<string, Entry> } {
  const fail = (detail: string): never => {
    throw new WeightFileError(source.name, detail);
  };
  const metadata = fieldsOf(value, `${CLASSES}Metadata`);
  const [declared, places, paths] = ['state_dict_metadata', 'storage_data', 'planner_data'].map((k) =>
    metadata?.get(k),
  );
  if (!(declared instanceof Map) || !(places instanceof Map))
    return fail('is no metadata of torch.distributed.checkpoint: it does not say which tensors it has, and where.');
  const pieces = piecesOf(places, fail);
  const budget = MemoryBudget.ofObjects(source);
  const root = new Map<unknown, unknown>();
  const entries = new Map<string, Entry>();
  for (const [name, what] of declared) {
    if (typeof name !== 'string') return fail(`has a tensor whose name is no text: ${shown(name)}.`);
    const fields = fieldsOf(what, `${CLASSES}TensorStorageMetadata`);
    const entry = fields && entryOf(name, fields, pieces.get(name) ?? new Map(), fail);
    if (entry) entries.set(name, entry);
    const path = paths instanceof Map ? paths.get(name) : undefined;
    const keys = Array.isArray(path) && path.length > 0 ? path : [name];
    budget.take((COST.container + COST.entry) * keys.length, 'its dictionaries');
    put(root, keys, entry?.tensor ?? what, () =>
      fail(`has two things under '${printable(keys.map(shown).join('.'))}'.`),
    );
  }
  return { root, entries };
}

function put(root: Map<unknown, unknown>, keys: readonly unknown[], value: unknown, clash: () => never): void {
  let dict = root;
  for (const key of keys.slice(0, -1)) {
    if (!dict.has(key)) dict.set(key, new Map());
    const inside = dict.get(key);
    if (!(inside instanceof Map)) clash();
    dict = inside as Map<unknown, unknown>;
  }
  if (dict.has(keys.at(-1))) clash();
  dict.set(keys.at(-1), value);
}

type Fail = (detail: string) => never;
const placeOf = (offsets: unknown): string => (isSizes(offsets) ? offsets.join() : '');
const isSizes = (value: unknown): value is Shape => Array.isArray(value) && isShape(value);

/** Where pieces lie: by the tensor's name, and the piece's offsets in it. */
function piecesOf(places: Dict, fail: Fail): Map<string, Map<string, Dict>> {
  const found = new Map<string, Map<string, Dict>>();
  for (const [key, value] of places) {
    const index = fieldsOf(key, `${CLASSES}MetadataIndex`);
    const info = fieldsOf(value, 'torch.distributed.checkpoint.filesystem._StorageInfo');
    const name = index?.get('fqn');
    if (!index || !info || typeof name !== 'string') return fail('says in an unknown way where its pieces are.');
    const own = found.get(name) ?? new Map<string, Dict>();
    own.set(placeOf(index.get('offset')), info);
    found.set(name, own);
  }
  return found;
}

function entryOf(name: string, fields: Dict, places: ReadonlyMap<string, Dict>, fail: Fail): Entry {
  const label = `tensor '${printable(name)}'`;
  const size = fields.get('size');
  const chunks = fields.get('chunks');
  const properties = fields.get('properties');
  const type =
    properties instanceof StandIn ? properties.parts.flat().find((p) => p instanceof PickleGlobal) : undefined;
  const dtype = type instanceof PickleGlobal ? type.name.replace('torch.', '') : '';
  if (!isSizes(size) || !Array.isArray(chunks)) return fail(`${label} is declared in an unknown way.`);
  if (!DTYPES.has(dtype)) return fail(`${label} has type '${printable(dtype)}', which is not read.`);
  const pieces = chunks.map((chunk): Piece => {
    const chunkFields = fieldsOf(chunk, `${CLASSES}ChunkStorageMetadata`);
    const [offsets, sizes] = ['offsets', 'sizes'].map((key) => chunkFields?.get(key));
    const info = places.get(placeOf(offsets));
    const [path, offset, length] = ['relative_path', 'offset', 'length'].map((key) => info?.get(key));
    const fits =
      isSizes(offsets) &&
      isSizes(sizes) &&
      offsets.length === size.length &&
      sizes.length === size.length &&
      offsets.every((o, i) => o + sizes[i]! <= size[i]!);
    if (!fits) return fail(`${label} ${formatShape(size)} has a piece that lies outside of it.`);
    if (typeof path !== 'string' || !isSizes([offset, length]))
      return fail(`does not say where the piece at ${formatShape(offsets)} of ${label} is.`);
    if (info?.get('transform_descriptors') !== undefined)
      return fail(`${label} is packed (${shown(info.get('transform_descriptors'))}): save it without extensions.`);
    if (!isPlainPath(path)) return fail(`${label} lies in '${printable(path)}', which is no plain path.`);
    return { offsets, sizes, path, offset: offset as number, length: length as number };
  });
  const covered = pieces.reduce((sum, { sizes }) => sum + sizeOf(sizes), 0);
  if (covered !== sizeOf(size))
    return fail(
      `${label} has ${count(sizeOf(size))} elements, its ${plural(pieces.length, 'piece')} ${count(covered)}.`,
    );
  const storage = { key: name, dtype: dtype as StoredDType, size: sizeOf(size) };
  return { tensor: new TensorRef(storage, 0, size, stridesOf(size)), pieces };
}

/** The bytes of a tensor, put together from its pieces. */
async function joined(
  { tensor, pieces }: Entry,
  name: string,
  source: ByteSource,
  files: FilesBeside,
): Promise<Uint8Array<ArrayBuffer>> {
  const { shape, storage } = tensor;
  const width = BYTES_PER_ELEMENT[storage.dtype];
  const out = new Uint8Array(storage.size * width);
  // Pieces have as many elements as the tensor: where none is written twice, none is missing.
  const written = new Uint8Array(pieces.length > 1 ? storage.size : 0);
  for (const piece of pieces) {
    if (sizeOf(piece.sizes) === 0) continue;
    const bytes = await files.use(piece.path, (file) => pieceOf(file, piece, storage.dtype, name));
    for (const { from, to, length } of runsOf(piece, shape)) {
      if (pieces.length > 1) {
        if (written.subarray(to, to + length).includes(1))
          throw new WeightFileError(source.name, `tensor '${printable(name)}' has pieces that overlap.`);
        written.fill(1, to, to + length);
      }
      out.set(bytes.subarray(from * width, (from + length) * width), to * width);
    }
  }
  return out;
}

/** Stretches of a piece that lie together in the tensor too, in elements. */
function* runsOf({ offsets, sizes }: Piece, shape: Shape): Generator<{ from: number; to: number; length: number }> {
  const strides = stridesOf(shape);
  // Axes behind this one are whole.
  let axis = shape.length - 1;
  while (axis > 0 && sizes[axis] === shape[axis]) axis--;
  const length = sizeOf(sizes.slice(Math.max(0, axis)));
  const index = new Array<number>(Math.max(0, axis)).fill(0);
  for (let from = 0; from < sizeOf(sizes); from += length) {
    const to = offsets.reduce((sum, o, i) => sum + (o + (index[i] ?? 0)) * strides[i]!, 0);
    yield { from, to, length };
    for (let i = index.length - 1; i >= 0 && ++index[i]! === sizes[i]; i--) index[i] = 0;
  }
}

/** The bytes of a piece: an archive of its own in the file of a rank, with one tensor. */
async function pieceOf(file: ByteSource, piece: Piece, dtype: StoredDType, name: string): Promise<Uint8Array> {
  const { offset, length, sizes } = piece;
  checkInside(file, offset, length, `tensor '${printable(name)}'`);
  const archive: ByteSource = {
    name: file.name,
    size: length,
    // Who reads a range checks it against the size first.
    read: (start, bytes) => file.read(offset + start, bytes),
    close: async () => {},
  };
  const directory = await readZipDirectory(archive);
  const root = rootOf(archive, directory);
  await checkByteOrder(archive, directory.get(`${root}byteorder`));
  const { value, storages } = await readPickle(archive, directory, `${root}data`);
  if (!(value instanceof TensorRef) || value.storage.dtype !== dtype || !sameShape(value.shape, sizes))
    throw new WeightFileError(
      file.name,
      `has at byte ${count(offset)} no piece ${formatShape(sizes)} of ${dtype} of tensor '${printable(name)}'.`,
    );
  const [data] = await readTensors([value], storages, archive);
  return bytesOf(data!);
}
