/** ONNX files as messages: decoded within bounds, and the graph checked to be one that can be walked in order. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, printable } from '../base/bytes.ts';
import { MemoryBudget } from '../base/memory.ts';
import { OnnxReader } from './reader.ts';
import { type GraphProto, type ModelProto, messageType } from './schema.ts';

/** The most bytes of a protobuf message. */
const SIZE_LIMIT = 2 ** 31 - 1;

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
  const model = decodeModel(name, await source.read(0, size), MemoryBudget.ofObjects(source));
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

function decodeModel(file: string, bytes: Uint8Array, budget: MemoryBudget): ModelProto {
  try {
    return messageType('ModelProto').decode(new OnnxReader(bytes, budget)) as unknown as ModelProto;
  } catch (error) {
    if (error instanceof WeightFileError) throw error;
    throw new WeightFileError(
      file,
      `is no valid ONNX file (${printable(String((error as Error).message))}). It is truncated or damaged: get it again.`,
    );
  }
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
