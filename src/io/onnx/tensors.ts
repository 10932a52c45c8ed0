/** Tensors of ONNX files: raw bytes, typed lists, or another file beside the model. Sizes are checked before anything is allocated. */
import { BYTES_PER_ELEMENT, type StoredArray, type StoredDType, type TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import {
  checkInside,
  count,
  elementsOf,
  fileKey,
  isPlainPath,
  isShape,
  plural,
  printable,
  readRange,
} from '../base/bytes.ts';
import { COST, MemoryBudget } from '../base/memory.ts';
import { DATA_TYPES, EXTERNAL, type TensorProto } from './schema.ts';

/** `TensorProto.DataType` by number, those that weights come in. */
export const ONNX_DTYPES: ReadonlyMap<number, StoredDType> = new Map([
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'float64'],
  [16, 'bfloat16'],
]);

/** Reads tensors one after the other; the file of external data that was read last stays open until {@link close}. */
export class TensorReader {
  readonly #source: ByteSource;
  #external: { location: string; file: ByteSource; budget: MemoryBudget } | undefined;
  readonly #budget: MemoryBudget;
  /** Budgets of the files beside the first, by every spelling of their names. */
  readonly #beside = new Map<string, MemoryBudget>();

  constructor(source: ByteSource) {
    this.#source = source;
    this.#budget = MemoryBudget.ofTensors(source);
  }

  /** Whether a tensor's numbers are of a kind that is read, and the shape it has. @throws WeightFileError */
  describe(tensor: TensorProto): { dtype: StoredDType; shape: readonly number[] } {
    const dtype = ONNX_DTYPES.get(tensor.dataType);
    const label = `tensor '${printable(tensor.name)}'`;
    if (!dtype)
      throw this.#fault(
        `${label} has data type ${DATA_TYPES[tensor.dataType] ?? tensor.dataType}: expected one of ` +
          `${[...ONNX_DTYPES.keys()].map((code) => DATA_TYPES[code]).join(', ')}.`,
      );
    if (!isShape(tensor.dims) || !Number.isSafeInteger(sizeOf(tensor.dims) * BYTES_PER_ELEMENT[dtype]))
      throw this.#fault(
        `${label}: its dims (${printable(tensor.dims.slice(0, 8).join(', '))}) are no sizes of a tensor.`,
      );
    return { dtype, shape: tensor.dims };
  }

  /** The elements of a tensor, in an array of their own. @throws WeightFileError */
  async read(tensor: TensorProto): Promise<TensorData> {
    const { dtype, shape } = this.describe(tensor);
    const label = `tensor '${printable(tensor.name)}'`;
    if (Object.hasOwn(tensor, 'segment')) throw this.#fault(`${label} is stored in segments, which are not read.`);
    const length = sizeOf(shape) * BYTES_PER_ELEMENT[dtype];
    if (tensor.dataLocation === EXTERNAL) {
      const bytes = await this.#readExternal(tensor, length, label);
      return { shape, dtype, data: elementsOf(dtype, bytes) };
    }
    this.#take(length);
    return { shape, dtype, data: this.#inline(tensor, dtype, shape, label) };
  }

  async close(): Promise<void> {
    await this.#external?.file.close();
    this.#external = undefined;
  }

  #inline(tensor: TensorProto, dtype: StoredDType, shape: readonly number[], label: string): StoredArray {
    const width = BYTES_PER_ELEMENT[dtype];
    const n = sizeOf(shape);
    const whole = tensor.rawData?.length
      ? tensor.rawData
      : dtype === 'float32'
        ? tensor.floatData
        : dtype === 'float64'
          ? tensor.doubleData
          : undefined;
    const listed = whole ?? (dtype === 'int64' ? tensor.int64Data : tensor.int32Data) ?? new Uint8Array(0);
    // Numbers of a list are of any length: their count is known when they have been read.
    if (whole ? whole.length !== n * width : n > listed.length)
      throw this.#fault(
        `${label} ${formatShape(shape)} of ${dtype} takes ${whole ? count(n * width) : `at least ${count(n)}`} bytes, ` +
          `but has ${count(listed.length)}. The file is truncated or damaged.`,
      );
    if (whole || n === 0) return elementsOf(dtype, Uint8Array.from(whole ?? []));
    const data = elementsOf(dtype, new Uint8Array(n * width));
    const end = dtype === 'int64' ? readLongs(listed, data as BigInt64Array) : readInts(listed, data as Int32Array);
    if (end !== listed.length)
      throw this.#fault(
        `${label} ${formatShape(shape)} has a list of numbers that is not ${plural(n, 'element')} long.`,
      );
    return data;
  }

  async #readExternal(tensor: TensorProto, length: number, label: string): Promise<Uint8Array<ArrayBuffer>> {
    const fields = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const location = fields.get('location') ?? '';
    const number = (key: string, otherwise: number): number => {
      const text = fields.get(key) ?? String(otherwise);
      const n = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (!Number.isSafeInteger(n))
        throw this.#fault(`${label}: its external ${key} '${printable(text)}' is no number of bytes.`);
      return n;
    };
    if (!isPlainPath(location))
      throw this.#fault(`${label} lies in '${printable(location)}': expected a plain path inside the model's folder.`);
    const offset = number('offset', 0);
    const declared = number('length', length);
    if (declared !== length)
      throw this.#fault(
        `${label} ${formatShape(tensor.dims)} takes ${count(length)} bytes, but its external data declares ${count(declared)}.`,
      );
    const { file, budget } = await this.#open(location, label);
    checkInside(file, offset, length, label);
    budget.take(length, `the tensors of ${printable(this.#source.name)}`);
    this.#take(length);
    return readRange(file, offset, length, label);
  }

  async #open(location: string, label: string): Promise<{ file: ByteSource; budget: MemoryBudget }> {
    if (this.#external?.location === location) return this.#external;
    if (!this.#source.beside)
      throw this.#fault(`${label} lies in another file ('${printable(location)}'). Pass the path or URL of the model.`);
    await this.close();
    const file = await this.#source.beside(location);
    const key = fileKey(location);
    const budget = this.#beside.get(key) ?? MemoryBudget.ofBeside(file);
    if (!this.#beside.has(key)) this.#budget.addFile(file);
    this.#beside.set(key, budget);
    this.#external = { location, file, budget };
    return this.#external;
  }

  #take(bytes: number): void {
    this.#budget.take(COST.tensor + bytes, 'its tensors');
  }

  #fault(detail: string): WeightFileError {
    return new WeightFileError(this.#source.name, detail);
  }
}

/** Packed varints into `out`, each as its lowest bits; gives where they end, or -1 if they end too soon. */
function readInts(bytes: Uint8Array, out: Int32Array): number {
  let p = 0;
  for (let i = 0; i < out.length; i++) {
    let value = 0;
    let byte = 128;
    for (let shift = 0; byte >= 128; shift += 7) {
      if (p >= bytes.length || shift > 63) return -1;
      byte = bytes[p++]!;
      if (shift < 32) value |= (byte & 127) << shift;
    }
    out[i] = value;
  }
  return p;
}

function readLongs(bytes: Uint8Array, out: BigInt64Array): number {
  let p = 0;
  for (let i = 0; i < out.length; i++) {
    let value = 0n;
    let byte = 128;
    for (let shift = 0n; byte >= 128; shift += 7n) {
      if (p >= bytes.length || shift > 63n) return -1;
      byte = bytes[p++]!;
      value |= BigInt(byte & 127) << shift;
    }
    out[i] = value;
  }
  return p;
}
