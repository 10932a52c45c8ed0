/** ONNX as a format. Reader and writer come with protobufjs: they are loaded when a file needs them. */
import type { ModelFormat } from '../base/format.ts';

/** Fields that a ModelProto begins with behind its ir_version: numbers 2 to 8, 14, 20 and 25, with their wire types. */
const SECOND_TAGS = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, 0xa2, 0xca];

/** Whether a file starts as every known exporter's does: `ir_version`, a small number, then another field of a model. */
function isOnnx(head: Uint8Array): boolean {
  return head[0] === 0x08 && head[1]! > 0 && head[1]! < 0x80 && SECOND_TAGS.includes(head[2]!);
}

export const onnx: ModelFormat = {
  name: 'ONNX',
  extensions: ['.onnx'],
  holds: 'graph',
  matches: isOnnx,
  read: async (source, options) => (await import('./read.ts')).readOnnx(source, options),
  async writeModel(model, { name, inputs, foldBatchNorm = false, metadata = {} }) {
    const { modelChunks } = await import('./export.ts');
    return [{ name, chunks: await modelChunks(model, { inputs, foldBatchNorm, metadata }) }];
  },
  run: async (source, inputs) => (await import('./run.ts')).runOnnx(source, inputs),
};
