/** ONNX files as messages: decoded within bounds, and the graph checked to be one that can be walked in order. */
import protobuf from 'protobufjs/light.js';
import { WeightFileError } from '../core/errors.ts';
import type { ByteSource } from '../device/byte-source.ts';
import { count, printable } from './bytes.ts';
import { type GraphProto, type ModelProto, messageType } from './onnx-schema.ts';

/** What protobuf messages may have. */
const SIZE_LIMIT = 2 ** 31 - 1;
/** A field can take two bytes of the file and a hundred of memory. Models of thousands of layers have some 100,000. */
const FIELD_LIMIT = 2_000_000;

/**
 * Decodes and checks a model. Tensors are views on `bytes`, not copies.
 * @throws WeightFileError
 */
export async function readModel(source: ByteSource): Promise<{ model: ModelProto; graph: GraphProto }> {
  const { name, size } = source;
  if (size > SIZE_LIMIT)
    throw new WeightFileError(
      name,
      `has ${count(size)} bytes: an ONNX file cannot have more than ${count(SIZE_LIMIT)}.`,
    );
  const model = decodeModel(name, await source.read(0, size));
  const { graph } = model;
  if (!graph) throw new WeightFileError(name, 'is an ONNX file without a graph. It is truncated or damaged.');
  if (graph.sparseInitializer.length > 0)
    throw new WeightFileError(
      name,
      `has ${count(graph.sparseInitializer.length)} sparse initialisers, which are not read.`,
    );
  checkGraph(name, graph);
  return { model, graph };
}

function decodeModel(file: string, bytes: Uint8Array): ModelProto {
  try {
    return messageType('ModelProto').decode(boundedReader(bytes)) as unknown as ModelProto;
  } catch (error) {
    if (error instanceof WeightFileError) throw error;
    throw new WeightFileError(
      file,
      `is no valid ONNX file (${printable(String((error as Error).message))}). It is truncated or damaged: get it again.`,
    );
  }
}

/** A reader that counts fields and gives 64-bit integers as numbers: those that are too large to be exact are no sizes. */
function boundedReader(bytes: Uint8Array): protobuf.Reader {
  // Not Reader.create: that reads Buffers by methods of theirs.
  const reader = new protobuf.Reader(bytes) as protobuf.Reader & { tag(): number };
  const tag = reader.tag;
  let fields = 0;
  reader.tag = () => {
    if (++fields > FIELD_LIMIT) throw new RangeError(`more than ${count(FIELD_LIMIT)} fields`);
    return tag.call(reader);
  };
  const int64 = (): number => {
    const start = reader.pos;
    let low = 0;
    for (let i = 0; i < 10 && reader.pos < reader.len; i++) {
      const byte = bytes[reader.pos++]!;
      low += (byte & 127) * 2 ** (7 * i);
      // Seven bytes are exact in a number; of more, ten mean a negative one.
      if (byte < 128) return i < 7 ? low : longOf(bytes.subarray(start, reader.pos));
    }
    throw new RangeError('index out of range');
  };
  return Object.assign(reader, { int64: int64 as unknown as protobuf.Reader['int64'] });
}

/** A varint of up to ten bytes as a signed 64-bit integer, rounded to a number. */
function longOf(bytes: Uint8Array): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * i);
  return Number(BigInt.asIntN(64, value));
}

/** Every value has one name and is made before it is used: so there are no cycles. */
function checkGraph(file: string, graph: GraphProto): void {
  const initialisers = new Set<string>();
  for (const { name } of graph.initializer) {
    if (initialisers.has(name)) throw new WeightFileError(file, `has two initialisers named '${printable(name)}'.`);
    initialisers.add(name);
  }
  const known = new Set(['', ...initialisers, ...graph.input.map(({ name }) => name)]);
  for (const [i, { input, output, name, opType }] of graph.node.entries()) {
    const label = `node ${count(i)} of its graph (${printable(opType)}${name && ` '${printable(name)}'`})`;
    const unknown = input.find((value) => !known.has(value));
    if (unknown !== undefined)
      throw new WeightFileError(
        file,
        graph.node.some((node) => node.output.includes(unknown))
          ? `${label} uses '${printable(unknown)}' before it is made: the graph is cyclic or not sorted.`
          : `${label} uses '${printable(unknown)}', which nothing makes.`,
      );
    for (const value of output) {
      if (value === '') continue;
      if (known.has(value))
        throw new WeightFileError(file, `${label} makes '${printable(value)}', which exists already.`);
      known.add(value);
    }
  }
}
