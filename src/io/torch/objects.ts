/** The names of a PyTorch checkpoint that are read, and the data that each stands for. Everything else is only stood in for. */
import { BYTES_PER_ELEMENT, type StoredDType } from '../../core/dtype.ts';
import { formatShape } from '../../core/shape.ts';
import { count, isShape, printable, shown } from '../base/bytes.ts';
import { COST } from '../base/memory.ts';
import { type PickleContext, PickleGlobal, type PickleRules, Stateful } from './pickle.ts';
import { StandIn } from './pickle-stand-in.ts';

interface StorageSize {
  /** Its name in the file. */
  readonly key: string;
  readonly dtype: string;
  /** Number of elements. */
  readonly size: number;
}

/** A stretch of the file that tensors view: named in the pickle, stored apart. */
export interface StorageRef extends StorageSize {
  readonly dtype: StoredDType;
}

/** A tensor whose elements have not been read. Every element lies inside its storage: that has been checked. */
export class TensorRef {
  readonly storage: StorageRef;
  /** Offset in elements, as the strides. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: StorageRef, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A storage, or in the oldest files a part of one. */
class StorageView {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly size: number;
  constructor(storage: StorageRef, offset: number, size: number) {
    this.storage = storage;
    this.offset = offset;
    this.size = size;
  }
}

/** numpy.dtype. */
class NumpyDType extends Stateful {
  readonly code: string;
  /** '>' where the bytes are in the other order. */
  order: unknown = '<';
  constructor(code: string) {
    super();
    this.code = code;
  }
  setState(state: unknown): void {
    if (Array.isArray(state)) this.order = state[1];
  }
}

const STORAGE_DTYPES: Readonly<Record<string, StoredDType>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};
/** Storages that are not read, by the bytes of an element. */
const OTHER_STORAGES: Readonly<Record<string, number>> = {
  ComplexFloatStorage: 8,
  ComplexDoubleStorage: 16,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QInt32Storage: 4,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
  UntypedStorage: 1,
};

const GLOBALS = new Map<string, PickleGlobal>();

/** @param call Not called where an argument is a stand-in: the result is then one too. */
function allow(names: readonly string[], call?: PickleGlobal['call']): void {
  const inert: PickleGlobal['call'] = (args, context) =>
    args[0] instanceof StandIn ? args[0].called(args) : call?.(args, context);
  for (const name of names) GLOBALS.set(name, new PickleGlobal(name, call && inert));
}

const TORCH_DTYPES =
  'float32 float float64 double float16 half bfloat16 int64 long int32 int int16 short int8 uint8 bool complex64 complex128';
allow(TORCH_DTYPES.split(' ').map((name) => `torch.${name}`));
allow(Object.keys(STORAGE_DTYPES).flatMap((name) => [`torch.${name}`, `torch.cuda.${name}`]));
for (const module of ['builtins', '__builtin__'])
  allow([`${module}.set`, `${module}.frozenset`], ([items = []], context) => new Set(list(items, context)));
allow(['collections.OrderedDict'], ([pairs], context) => dictionary(pairs, context));
allow(['collections.Counter'], ([counts], context) => dictionary(counts, context));
// Its argument would make the entries that are not there.
GLOBALS.set('collections.defaultdict', new PickleGlobal('collections.defaultdict', () => new Map()));
allow(['torch.Size'], ([sizes = []], context) => list(sizes, context));
allow(['torch.device'], ([type, index]) => (index === undefined ? shown(type) : `${shown(type)}:${shown(index)}`));
allow(['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'], rebuildTensor);
allow(['torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state'], ([tensor], context) => {
  if (!(tensor instanceof TensorRef)) context.fail(`a parameter ${context.at} holds no tensor.`);
  return tensor;
});
allow(['torch._tensor._rebuild_from_type_v2'], rebuildOfType);
// Protocol 2 spells bytes as latin-1 text; they stay that text, since only NumPy's scalars are ever looked at.
allow(['_codecs.encode'], ([text]) => text);
allow(['numpy.dtype'], ([code]) => new NumpyDType(typeof code === 'string' ? code : ''));
allow(['numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar'], numpyScalar);

/**
 * The rules for one file's pickles. They remember its storages, so that all tensors of one share it, and {@link storages}
 * lists them when the pickle has been run.
 */
export class TorchRules implements PickleRules {
  readonly standIns = true;
  readonly storages: Map<string, StorageRef> = new Map();
  /** Those of types that are not read. */
  readonly unread: Map<unknown, StorageSize> = new Map();

  find(name: string): PickleGlobal | undefined {
    return GLOBALS.get(name);
  }

  advice(name: string): string | undefined {
    const storage = name.replace(/^torch\.(cuda\.)?/, '');
    if (Object.hasOwn(OTHER_STORAGES, storage)) return 'Complex and quantised tensors are not read.';
    if (/^(torch\.nn\.|torchvision\.|timm\.|__main__\.|models?\.)/.test(name))
      return 'It seems to hold a whole pickled model: in Python, save model.state_dict() instead.';
    return undefined;
  }

  /** `('storage', class, key, location, size)`, and in the old format a part of it: `(key, offset, size)`. */
  persistent(id: unknown, context: PickleContext): StorageView | StandIn {
    const [kind, type, key, , size, view] = Array.isArray(id) ? id : [];
    if (kind !== 'storage') {
      const what = kind === 'module' ? 'a whole pickled model (save model.state_dict() instead)' : 'something unknown';
      const refusal = `a reference ${context.at} is to ${what}: expected a storage.`;
      return new StandIn(kind === 'module' && type instanceof StandIn ? type.name : 'a reference', refusal, [id]);
    }
    if (type instanceof StandIn) {
      const name = lastName(type.name);
      if (typeof key === 'string' && isSize(size) && Object.hasOwn(OTHER_STORAGES, name))
        this.unread.set(key, { key, dtype: name, size });
      return type.called(id);
    }
    const dtype = type instanceof PickleGlobal ? STORAGE_DTYPES[lastName(type.name)] : undefined;
    if (!dtype || typeof key !== 'string' || !isSize(size))
      context.fail(`a storage ${context.at} is declared in an unknown way: expected class, key, location and size.`);
    const known = this.storages.get(key);
    if (known && (known.dtype !== dtype || known.size !== size))
      context.fail(
        `storage '${printable(key)}' ${context.at} is declared as ${count(size)} ${dtype}, ` +
          `before as ${count(known.size)} ${known.dtype}.`,
      );
    const storage = known ?? { key, dtype, size };
    this.storages.set(key, storage);
    if (view === null || view === undefined) return new StorageView(storage, 0, size);
    const [, offset, length] = Array.isArray(view) ? view : [];
    if (!isSize(offset) || !isSize(length) || offset + length > size)
      context.fail(`a view of storage '${printable(key)}' ${context.at} reaches past its end.`);
    return new StorageView(storage, offset, length);
  }
}

/** `(storage, offset, size, strides, requires_grad, hooks, metadata?)`; the last three mean nothing here. */
function rebuildTensor(args: readonly unknown[], context: PickleContext): TensorRef {
  const [view, offset, shape, strides] = args;
  const sizesFit =
    view instanceof StorageView &&
    isSize(offset) &&
    Array.isArray(shape) &&
    Array.isArray(strides) &&
    shape.length === strides.length &&
    shape.length <= 64;
  if (!sizesFit || !isShape(shape) || !strides.every(isSize))
    context.fail(`a tensor ${context.at} is declared in an unknown way: expected storage, offset, sizes and strides.`);
  const last = lastElement(offset, shape, strides);
  if (!(last < view.size))
    context.fail(
      `a tensor ${context.at} with sizes ${formatShape(shape)}, strides ${formatShape(strides)} and offset ${count(offset)} ` +
        `needs ${count(last + 1)} elements; its storage '${printable(view.storage.key)}' has ${count(view.size)}.`,
    );
  return new TensorRef(view.storage, view.offset + offset, shape, strides);
}

/** The last element of a storage that a tensor has; -1 if it has none. */
export function lastElement(offset: number, shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return -1;
  return shape.reduce((last, d, i) => (d > 1 ? last + (d - 1) * strides[i]! : last), offset);
}

/** `(function, class, args, state)`: a tensor with attributes or of a class of its own, which mean nothing here. */
function rebuildOfType([rebuild, , args]: readonly unknown[], context: PickleContext): unknown {
  if (!(rebuild instanceof PickleGlobal) || !Array.isArray(args))
    context.fail(`a tensor ${context.at} is declared in an unknown way: expected a function and its arguments.`);
  // Itself, it would call itself without an end.
  const known = rebuild.name.startsWith('torch._utils.') ? rebuild.call : undefined;
  if (!known) context.fail(`a tensor ${context.at} is made by '${rebuild.name}', which makes none.`);
  return known(args, context);
}

/** A number of NumPy's, as training scripts leave among the metrics; undefined for anything else. */
function numpyScalar([dtype, value]: readonly unknown[]): number | bigint | boolean | undefined {
  const bytes = typeof value === 'string' ? Uint8Array.from(value.slice(0, 16), (c) => c.charCodeAt(0)) : value;
  if (!(dtype instanceof NumpyDType) || !(bytes instanceof Uint8Array) || dtype.order === '>') return undefined;
  const kind = dtype.code[0];
  const width = Number(dtype.code.slice(1));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === bytes.length) {
    if (kind === 'f' && width === 8) return view.getFloat64(0, true);
    if (kind === 'f' && width === 4) return view.getFloat32(0, true);
    if (kind === 'b' && width === 1) return view.getUint8(0) !== 0;
    if ((kind === 'i' || kind === 'u') && [1, 2, 4, 8].includes(width)) {
      let n = 0n;
      for (let i = width - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]!);
      return kind === 'i' ? BigInt.asIntN(8 * width, n) : n;
    }
  }
  return undefined;
}

function dictionary(items: unknown, context: PickleContext): Map<unknown, unknown> {
  if (items === undefined) return new Map();
  if (items instanceof Map) return new Map(items);
  return new Map(
    list(items, context).map((pair) => {
      const [key, value] = list(pair, context);
      return [key, value];
    }),
  );
}

function list(items: unknown, context: PickleContext): unknown[] {
  if (!Array.isArray(items)) context.fail(`a container ${context.at} is made of something that is no list.`);
  context.take(COST.slot * items.length);
  return items;
}

function isSize(n: unknown): n is number {
  return Number.isSafeInteger(n) && (n as number) >= 0;
}

function lastName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Bytes that a storage takes in the file. */
export function storageBytes({ dtype, size }: StorageSize): number {
  return size * (OTHER_STORAGES[dtype] ?? BYTES_PER_ELEMENT[dtype as StoredDType]);
}
