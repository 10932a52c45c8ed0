/** The names that a PyTorch checkpoint may use, and the data that each stands for. Everything else is refused. */
import { BYTES_PER_ELEMENT, type StoredDType } from '../core/dtype.ts';
import { formatShape } from '../core/shape.ts';
import { count, isShape, printable, shown } from './bytes.ts';
import { COST } from './memory.ts';
import { type PickleContext, PickleGlobal, type PickleRules, Stateful } from './pickle.ts';

/** A stretch of the file that tensors view: named in the pickle, stored apart. */
export interface StorageRef {
  /** Its name in the file. */
  readonly key: string;
  readonly dtype: StoredDType;
  /** Number of elements. */
  readonly size: number;
}

/** A tensor whose elements have not been read. Every element lies inside its storage: that has been checked. */
export class TensorRef {
  readonly storage: StorageRef;
  /** In elements, as the strides. */
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

/** An object that is nothing but its attributes: argparse.Namespace, where checkpoints keep their options. */
class Namespace extends Stateful {
  readonly attributes = new Map<unknown, unknown>();
  setState(state: unknown, context: PickleContext): void {
    if (!(state instanceof Map))
      context.fail(`an argparse.Namespace ${context.at} has attributes that are no dictionary.`);
    context.take(COST.entry * state.size);
    for (const [name, value] of state) this.attributes.set(name, value);
  }
}

/** numpy.dtype, of numbers only. */
class NumpyDType extends Stateful {
  readonly code: string;
  constructor(code: string) {
    super();
    this.code = code;
  }
  setState(state: unknown, context: PickleContext): void {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (order !== '<' && order !== '|') context.fail(`a NumPy dtype ${context.at} is not little-endian.`);
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
const OTHER_STORAGES = [
  'ComplexFloatStorage',
  'ComplexDoubleStorage',
  'QInt8Storage',
  'QUInt8Storage',
  'QInt32Storage',
  'QUInt4x2Storage',
  'QUInt2x4Storage',
];

const GLOBALS = new Map<string, PickleGlobal>();
function allow(names: readonly string[], call?: PickleGlobal['call']): void {
  for (const name of names) GLOBALS.set(name, new PickleGlobal(name, call));
}

const TORCH_DTYPES =
  'float32 float float64 double float16 half bfloat16 int64 long int32 int int16 short int8 uint8 bool complex64 complex128';
allow(TORCH_DTYPES.split(' ').map((name) => `torch.${name}`));
allow(Object.keys(STORAGE_DTYPES).flatMap((name) => [`torch.${name}`, `torch.cuda.${name}`]));
for (const module of ['builtins', '__builtin__']) {
  allow(['dict', 'list', 'int', 'float', 'bool', 'str'].map((name) => `${module}.${name}`));
  allow([`${module}.set`, `${module}.frozenset`], ([items = []], context) => new Set(list(items, context)));
}
allow(['collections.OrderedDict'], ([pairs], context) => dictionary(pairs, context));
allow(['collections.Counter'], ([counts], context) => dictionary(counts, context));
allow(['collections.defaultdict'], () => new Map());
allow(['argparse.Namespace'], () => new Namespace());
allow(['torch.Size'], ([sizes = []], context) => list(sizes, context));
allow(['torch.device'], ([type, index]) => (index === undefined ? shown(type) : `${shown(type)}:${shown(index)}`));
allow(['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'], rebuildTensor);
allow(['torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state'], ([tensor], context) => {
  if (!(tensor instanceof TensorRef)) context.fail(`a parameter ${context.at} holds no tensor.`);
  return tensor;
});
// Protocol 2 spells bytes as latin-1 text; they stay that text, since only NumPy's scalars are ever looked at.
allow(['_codecs.encode'], ([text, encoding], context: PickleContext) => {
  if (typeof text !== 'string' || encoding !== 'latin1')
    context.fail(`bytes ${context.at} are spelled in an unknown way: expected latin1 text.`);
  return text;
});
allow(['numpy.dtype'], ([code], context: PickleContext) => {
  if (typeof code !== 'string') context.fail(`a NumPy dtype ${context.at} has no name.`);
  return new NumpyDType(code);
});
allow(['numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar'], numpyScalar);

/**
 * The rules for one file's pickles. They remember its storages, so that all tensors of one share it, and {@link storages}
 * lists them when the pickle has been run.
 */
export class TorchRules implements PickleRules {
  readonly storages: Map<string, StorageRef> = new Map();

  find(name: string): PickleGlobal | undefined {
    return GLOBALS.get(name);
  }

  advice(name: string): string | undefined {
    const storage = name.replace(/^torch\.(cuda\.)?/, '');
    if (OTHER_STORAGES.includes(storage)) return 'Complex and quantised tensors are not read.';
    if (/^(torch\.nn\.|torchvision\.|timm\.|__main__\.|models?\.)/.test(name))
      return 'It seems to hold a whole pickled model: in Python, save model.state_dict() instead.';
    return undefined;
  }

  /** `('storage', class, key, location, size)`, and in the old format a part of it: `(key, offset, size)`. */
  persistent(id: unknown, context: PickleContext): StorageView {
    const [kind, type, key, , size, view] = Array.isArray(id) ? id : [];
    if (kind !== 'storage') {
      const what = kind === 'module' ? 'a whole pickled model (save model.state_dict() instead)' : 'something unknown';
      context.fail(`a reference ${context.at} is to ${what}: expected a storage.`);
    }
    const dtype =
      type instanceof PickleGlobal ? STORAGE_DTYPES[type.name.slice(type.name.lastIndexOf('.') + 1)] : undefined;
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
  let last = offset;
  for (const [i, d] of shape.entries()) if (d > 1) last += (d - 1) * strides[i];
  if (!shape.includes(0) && !(last < view.size))
    context.fail(
      `a tensor ${context.at} with sizes ${formatShape(shape)}, strides ${formatShape(strides)} and offset ${count(offset)} ` +
        `needs ${count(last + 1)} elements; its storage '${printable(view.storage.key)}' has ${count(view.size)}.`,
    );
  return new TensorRef(view.storage, view.offset + offset, shape, strides);
}

/** One number of NumPy's, as training scripts leave among the metrics. */
function numpyScalar([dtype, value]: readonly unknown[], context: PickleContext): number | bigint | boolean {
  const bytes = typeof value === 'string' ? Uint8Array.from(value.slice(0, 16), (c) => c.charCodeAt(0)) : value;
  if (!(dtype instanceof NumpyDType) || !(bytes instanceof Uint8Array))
    context.fail(`a NumPy scalar ${context.at} is declared in an unknown way: expected a dtype and bytes.`);
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
  context.fail(`a NumPy scalar ${context.at} has dtype '${printable(dtype.code)}', which is not read.`);
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

/** Bytes that a storage takes in the file. */
export function storageBytes({ dtype, size }: StorageRef): number {
  return size * BYTES_PER_ELEMENT[dtype];
}
