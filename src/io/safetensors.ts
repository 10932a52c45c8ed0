/**
 * safetensors: eight bytes of header length, a JSON header, the tensors' bytes.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { BYTES_PER_ELEMENT, type StateDict, type StoredDType, type TensorData } from '../core/dtype.ts';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import type { ByteSource } from '../device/byte-source.ts';
import { bytesOf, count, elementsOf, isShape, LITTLE_ENDIAN, plural, printable, readRange } from './base/bytes.ts';
import { checkWritable, converted, writtenDType } from './base/cast.ts';
import type { ModelFormat, WeightFile, WriteOptions } from './base/format.ts';
import { headerFault, isRecord, jsonCost } from './base/json.ts';
import { COST, MemoryBudget } from './base/memory.ts';

const DTYPES: Readonly<Record<string, StoredDType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};
const CODES = new Map(Object.entries(DTYPES).map(([code, dtype]) => [dtype, code]));
/** The reference implementation's. */
const HEADER_LIMIT = 100_000_000;
/** An object of objects of arrays of numbers. */
const HEADER_DEPTH = 3;

export const safetensors: ModelFormat = {
  name: 'safetensors',
  extensions: ['.safetensors'],
  holds: 'tensors',
  matches: (head) => head[8] === 0x7b,
  read,
  writeState: safetensorsChunks,
};

interface Entry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** First byte of its elements, from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

async function read(source: ByteSource): Promise<WeightFile> {
  if (!LITTLE_ENDIAN) throw new WeightFileError(source.name, 'weight files are read on little-endian machines only.');
  const prefix = await readRange(source, 0, 8, 'the header length');
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(HEADER_LIMIT, source.size - 8)))
    throw new WeightFileError(
      source.name,
      `declares a header of ${count(length)} bytes: expected at most ${count(Math.min(HEADER_LIMIT, source.size - 8))}. ` +
        'It is truncated, damaged or no safetensors file.',
    );
  const start = 8 + Number(length);
  const header = parseHeader(source, await readRange(source, 8, Number(length), 'the header'));
  const metadata = metadataOf(source.name, header);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => entryOf(source.name, name, value));
  checkLayout(source.name, entries, source.size - start);

  MemoryBudget.ofTensors(source).take(COST.tensor * entries.length + source.size - start, 'its tensors');
  const state: StateDict = new Map();
  for (const { name, dtype, shape, begin, end } of entries) {
    const bytes = await readRange(source, start + begin, end - begin, `tensor '${printable(name)}'`);
    state.set(name, { shape, dtype, data: elementsOf(dtype, bytes) });
  }
  const namesInFile = new Map([...state.keys()].map((name) => [name, name]));
  return { state, metadata, format: safetensors.name, notes: [], namesInFile };
}

function parseHeader(source: ByteSource, bytes: Uint8Array): Record<string, unknown> {
  const file = source.name;
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    MemoryBudget.ofObjects(source).take(jsonCost(text), 'its header');
    header = JSON.parse(text);
  } catch (error) {
    if (error instanceof WeightFileError) throw error;
    throw new WeightFileError(file, 'its header is not valid JSON. It is damaged or no safetensors file.');
  }
  if (!isRecord(header)) throw new WeightFileError(file, 'its header is no JSON object.');
  const fault = headerFault(text, HEADER_DEPTH);
  if (fault && 'duplicate' in fault)
    throw new WeightFileError(file, `its header has '${printable(fault.duplicate)}' twice.`);
  if (fault)
    throw new WeightFileError(file, `its header is nested deeper than the ${HEADER_DEPTH} levels of a tensor's entry.`);
  return header;
}

function metadataOf(file: string, header: Record<string, unknown>): Record<string, string> {
  if (!Object.hasOwn(header, '__metadata__')) return {};
  const metadata = header.__metadata__;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw new WeightFileError(file, 'its __metadata__ holds more than text.');
  return metadata as Record<string, string>;
}

function entryOf(file: string, name: string, value: unknown): Entry {
  const { dtype: code, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (typeof code !== 'string' || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2)
    throw new WeightFileError(
      file,
      `tensor '${printable(name)}': expected dtype, shape and data_offsets in the header.`,
    );
  if (!Object.hasOwn(DTYPES, code))
    throw new WeightFileError(
      file,
      `tensor '${printable(name)}' has dtype '${printable(code)}': expected one of ${Object.keys(DTYPES).join(', ')}.`,
    );
  const dtype = DTYPES[code]!;
  const [begin, end] = offsets;
  if (!isShape(shape) || !isShape([begin]) || !isShape([end]) || begin > end)
    throw new WeightFileError(file, `tensor '${printable(name)}': its shape or data_offsets are no sizes.`);
  if (end - begin !== sizeOf(shape) * BYTES_PER_ELEMENT[dtype])
    throw new WeightFileError(
      file,
      `tensor '${printable(name)}' ${formatShape(shape)} of ${dtype} takes ${count(sizeOf(shape) * BYTES_PER_ELEMENT[dtype])} bytes, ` +
        `but its data_offsets span ${count(end - begin)}.`,
    );
  return { name, dtype, shape, begin, end };
}

/** The tensors must cover the rest of the file, each byte once. */
function checkLayout(file: string, entries: readonly Entry[], available: number): void {
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end > available)
      throw new WeightFileError(
        file,
        `tensor '${printable(name)}' ends at byte ${count(end)} of the data, but the file has ${count(available)}. ` +
          'It is truncated or damaged: get it again.',
      );
    if (begin !== position)
      throw new WeightFileError(
        file,
        begin < position
          ? `tensor '${printable(name)}' begins at byte ${count(begin)} of the data, inside the tensor before it.`
          : `leaves ${plural(begin - position, 'byte')} before tensor '${printable(name)}' unused.`,
      );
    position = end;
  }
  if (position !== available)
    throw new WeightFileError(file, `leaves ${plural(available - position, 'byte')} at its end unused.`);
}

/**
 * The bytes of a safetensors file. The header lists the tensors in the state's order; their data is laid out by falling
 * element size, so that each is aligned. Tensors are converted one by one, as the chunks are asked for.
 *
 * @throws ArgumentError if a tensor's data does not fit its shape, or a value is too large for `dtype`.
 */
export function* safetensorsChunks(state: StateDict, options: WriteOptions = {}): Generator<Uint8Array> {
  checkWritable(safetensors.name, state);
  const entries = [...state].map(([name, tensor]) => {
    if (name === '__metadata__') throw new ArgumentError("safetensors: no tensor may be named '__metadata__'.");
    const dtype = writtenDType(tensor.dtype, options.dtype);
    return { name, tensor, dtype, begin: 0, end: 0 };
  });
  const layout = [...entries].sort((a, b) => BYTES_PER_ELEMENT[b.dtype] - BYTES_PER_ELEMENT[a.dtype]);
  let position = 0;
  for (const entry of layout) {
    entry.begin = position;
    entry.end = position += entry.tensor.data.length * BYTES_PER_ELEMENT[entry.dtype];
  }
  yield headerBytes(entries, options.metadata);
  for (const { name, tensor, dtype } of layout) yield bytesOf(converted(safetensors.name, name, tensor, dtype));
}

function headerBytes(
  entries: readonly { name: string; tensor: TensorData; dtype: StoredDType; begin: number; end: number }[],
  metadata: WriteOptions['metadata'],
): Uint8Array {
  const fields: [string, unknown][] = entries.map(({ name, tensor, dtype, begin, end }) => [
    name,
    { dtype: CODES.get(dtype), shape: tensor.shape, data_offsets: [begin, end] },
  ]);
  if (metadata && Object.keys(metadata).length > 0) fields.unshift(['__metadata__', metadata]);
  // Written field by field: as one object, names such as '0' would move to the front.
  const json = `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > HEADER_LIMIT)
    throw new ArgumentError(
      `safetensors: the header would take ${count(length)} bytes; at most ${count(HEADER_LIMIT)} can be read.`,
    );
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}
