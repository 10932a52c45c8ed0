/** ONNX files out: the graph in one piece, then the tensors one by one, so that only one of them is in memory twice. */
import type { StoredDType, TensorData } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { bytesOf, count } from '../base/bytes.ts';
import { checkWritable } from '../base/cast.ts';
import { ATTRIBUTE_TYPES, messageType } from './schema.ts';
import { ONNX_DTYPES } from './tensors.ts';

/** An attribute: an integer, a float, a list of integers, or a text. */
export type Attribute =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly ints: readonly number[] }
  | { readonly s: string };

export interface GraphNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of a graph. Sizes that are left open have names. */
export interface GraphPort {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly initialisers: ReadonlyMap<string, TensorData>;
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The first IR version that goes with opset 17. */
const IR_VERSION = 8;
export const OPSET = 17;
/** The most bytes of a protobuf message. */
const SIZE_LIMIT = 2 ** 31 - 1;

/** Tags of the fields that are written by hand: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data. */
const TAG = { graph: 0x3a, initializer: 0x2a, rawData: 0x4a } as const;

/**
 * The bytes of an ONNX file.
 * @throws ArgumentError if it would take more than the 2 GiB that protobuf allows.
 */
export function* onnxChunks(graph: OnnxGraph): Generator<Uint8Array> {
  checkWritable('ONNX', new Map(graph.initialisers));
  const heads = [...graph.initialisers].map(([name, tensor]) => {
    const head = encode('TensorProto', { dims: tensor.shape, dataType: dataType(tensor.dtype), name });
    const prefix = fieldHead(TAG.rawData, tensor.data.byteLength);
    const length = head.length + prefix.length + tensor.data.byteLength;
    return { tensor, bytes: [fieldHead(TAG.initializer, length), head, prefix] };
  });
  const body = encode('GraphProto', {
    node: graph.nodes.map(nodeMessage),
    name: graph.name,
    input: graph.inputs.map(portMessage),
    output: graph.outputs.map(portMessage),
  });
  const model = encode('ModelProto', {
    irVersion: IR_VERSION,
    producerName: 'regraft',
    opsetImport: [{ domain: '', version: OPSET }],
    metadataProps: Object.entries(graph.metadata).map(([key, value]) => ({ key, value })),
  });
  const total = heads.reduce(
    (sum, { tensor, bytes }) => sum + tensor.data.byteLength + bytes.reduce((n, part) => n + part.length, 0),
    body.length,
  );
  if (total + model.length + 6 > SIZE_LIMIT)
    throw new ArgumentError(
      `ONNX: the file would take ${count(total)} bytes: at most ${count(SIZE_LIMIT)} can be read.`,
    );
  yield model;
  yield fieldHead(TAG.graph, total);
  yield body;
  for (const { tensor, bytes } of heads) {
    yield* bytes;
    yield bytesOf(tensor);
  }
}

function nodeMessage({ op, name, inputs, outputs, attributes }: GraphNode): object {
  const attribute = Object.entries(attributes).map(([key, value]) => {
    const [field] = Object.keys(value) as [keyof typeof ATTRIBUTE_TYPES];
    const content = 's' in value ? { s: new TextEncoder().encode(value.s) } : value;
    return { name: key, type: ATTRIBUTE_TYPES[field], ...content };
  });
  return { input: inputs, output: outputs, name, opType: op, attribute };
}

function portMessage({ name, dtype, shape }: GraphPort): object {
  const dim = shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: dataType(dtype), shape: { dim } } } };
}

function dataType(dtype: StoredDType): number {
  for (const [code, known] of ONNX_DTYPES) if (known === dtype) return code;
  throw new ArgumentError(`ONNX: has no element type for ${dtype}.`);
}

function encode(type: string, message: object): Uint8Array {
  return messageType(type).encode(message).finish();
}

/** A tag and the length of the bytes that follow. */
function fieldHead(tag: number, length: number): Uint8Array {
  const bytes = [tag];
  let rest = length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
