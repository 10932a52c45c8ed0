/**
 * NumPy's `.npz`: a zip of an `.npy` file for each array, as `np.savez` and JAX's checkpoints are.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { BYTES_PER_ELEMENT, type StateDict, type StoredDType, type TensorData } from '../core/dtype.ts';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import type { ByteSource } from '../device/byte-source.ts';
import { bytesOf, count, elementsOf, isShape, joined, LITTLE_ENDIAN, printable } from './base/bytes.ts';
import { checkWritable, converted, writtenDType } from './base/cast.ts';
import type { ModelFormat, WeightFile, WriteOptions } from './base/format.ts';
import { COST, MemoryBudget } from './base/memory.ts';
import { zipChunks } from './zip/write.ts';
import { isZip, readZipDirectory, readZipEntry } from './zip/zip.ts';

/** Element types by NumPy's names; those of one byte have no order. */
const DTYPES: Readonly<Record<string, StoredDType>> = {
  '<f8': 'float64',
  '<f4': 'float32',
  '<f2': 'float16',
  '<i8': 'int64',
  '<i4': 'int32',
  '<i2': 'int16',
  '|i1': 'int8',
  '|u1': 'uint8',
  '|b1': 'bool',
};
const DESCRIPTIONS = new Map(Object.entries(DTYPES).map(([descr, dtype]) => [dtype, descr]));
const ENDING = '.npy';
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** The header's end is a multiple of this, so that elements can be mapped into memory. */
const ALIGNMENT = 64;

export const npz: ModelFormat = {
  name: 'NumPy (npz)',
  extensions: ['.npz'],
  holds: 'tensors',
  async matches(head, source) {
    if (!isZip(head)) return false;
    const names = [...(await readZipDirectory(source)).keys()];
    return names.length > 0 && names.every((name) => name.endsWith(ENDING));
  },
  read,
  writeState: npzChunks,
  storesMetadata: false,
};

async function read(source: ByteSource): Promise<WeightFile> {
  if (!LITTLE_ENDIAN) throw new WeightFileError(source.name, 'weight files are read on little-endian machines only.');
  const directory = await readZipDirectory(source);
  const budget = MemoryBudget.ofTensors(source);
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  for (const [path, entry] of directory) {
    budget.take(COST.tensor + 2 * entry.size, 'its arrays');
    const name = path.slice(0, -ENDING.length);
    state.set(name, arrayOf(await readZipEntry(source, entry), source.name, `array '${printable(name)}'`));
    namesInFile.set(name, path);
  }
  return { state, metadata: {}, format: npz.name, notes: [], namesInFile };
}

/** The array of an `.npy` file. */
function arrayOf(bytes: Uint8Array<ArrayBuffer>, file: string, label: string): TensorData {
  const { header, start } = headerOf(bytes, file, label);
  const descr = /'descr': ?'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order': ?(True|False)/.exec(header)?.[1];
  // Python 2 wrote 3L.
  const sizes = /'shape': ?\(([\dL, ]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined)
    throw new WeightFileError(
      file,
      `${label}: expected descr, fortran_order and shape in its header, got ${printable(header)}.`,
    );
  if (!Object.hasOwn(DTYPES, descr))
    throw new WeightFileError(
      file,
      `${label} has dtype '${printable(descr)}': expected one of ${Object.keys(DTYPES).join(', ')}.`,
    );
  const dtype = DTYPES[descr]!;
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  const elements = bytes.subarray(start);
  if (!isShape(shape))
    throw new WeightFileError(file, `${label}: its shape (${printable(sizes)}) has too many elements.`);
  if (elements.length !== sizeOf(shape) * BYTES_PER_ELEMENT[dtype])
    throw new WeightFileError(
      file,
      `${label} ${formatShape(shape)} of ${dtype} should take ${count(sizeOf(shape) * BYTES_PER_ELEMENT[dtype])} bytes, but has ${count(elements.length)}.`,
    );
  const tensor: TensorData = { shape, dtype, data: elementsOf(dtype, elements) };
  return order === 'True' ? rowMajor(tensor) : tensor;
}

/** The text of the header, a Python dictionary, and where the elements begin. */
function headerOf(bytes: Uint8Array, file: string, label: string): { header: string; start: number } {
  const [major = 0] = bytes.subarray(MAGIC.length);
  const at = major === 1 ? 10 : 12;
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || major < 1 || major > 3 || bytes.length < at)
    throw new WeightFileError(file, `${label} does not begin as .npy files do.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = at + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length)
    throw new WeightFileError(
      file,
      `${label} declares a header that ends at byte ${count(start)}, but has ${count(bytes.length)}.`,
    );
  return { header: new TextDecoder().decode(bytes.subarray(at, start)), start };
}

/** The elements of an array whose first axis runs fastest, which is how NumPy saves a transposed one. */
function rowMajor(tensor: TensorData): TensorData {
  const { shape } = tensor;
  const strides = stridesOf(shape);
  const data = tensor.data as Float32Array;
  const out = data.slice();
  const index = shape.map(() => 0);
  for (let from = 0; from < data.length; from++) {
    out[index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)] = data[from]!;
    for (let axis = 0; axis < shape.length && ++index[axis]! === shape[axis]; axis++) index[axis] = 0;
  }
  return { ...tensor, data: out };
}

/**
 * The bytes of an `.npz` file. Tensors are converted one by one, as the chunks are asked for.
 * @throws ArgumentError if a tensor's data does not fit its shape, NumPy has no such type, a value is too large for `dtype`, or there is
 * metadata: an archive of arrays has no place for text.
 */
function* npzChunks(state: StateDict, options: WriteOptions): Generator<Uint8Array> {
  checkWritable(npz.name, state);
  const keys = Object.keys(options.metadata ?? {});
  if (keys.length > 0)
    throw new ArgumentError(`${npz.name}: arrays have no place for metadata (${keys.join(', ')}). Leave it out.`);
  const tensors = [...state].map(([name, tensor]) => ({
    name,
    tensor,
    dtype: writtenDType(tensor.dtype, options.dtype),
  }));
  for (const { name, dtype } of tensors)
    if (!DESCRIPTIONS.has(dtype))
      throw new ArgumentError(`${npz.name}: ${name}: NumPy has no ${dtype}. Write it as float32 or float16.`);
  yield* zipChunks(
    tensors.map(({ name, tensor, dtype }) => ({
      name: name + ENDING,
      bytes: () => joined([headerBytes(dtype, tensor.shape), bytesOf(converted(npz.name, name, tensor, dtype))]),
    })),
  );
}

function headerBytes(dtype: StoredDType, shape: Shape): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${DESCRIPTIONS.get(dtype)}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT - 10;
  const head = Uint8Array.of(...MAGIC, 1, 0, length & 255, length >> 8);
  return joined([head, new TextEncoder().encode(`${text.padEnd(length - 1)}\n`)]);
}
