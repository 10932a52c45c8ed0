/**
 * Weight files in and out.
 * @module regraft/io
 */
export type { StateDict, StoredDType, TensorData } from '../core/dtype.ts';
export type { ByteSource, SourceLike } from '../device/byte-source.ts';
export type {
  FloatDType,
  ModelContext,
  ModelFormat,
  OutputFile,
  ReadOptions,
  WeightFile,
  WriteOptions,
} from './base/format.ts';
export { targetOf } from './base/target.ts';
export { FORMATS } from './formats.ts';
export type { KerasDescription, NumberedLayer } from './keras/description.ts';
export { exportOnnx, onnxBytes } from './onnx/export.ts';
export type { ExportOnnxOptions, OnnxInput, OnnxInputType } from './onnx/ports.ts';
export { type FetchOptions, fetchPretrained, type PretrainedFile } from './pretrained.ts';
export { readWeightFile, readWeights } from './read.ts';
export { safetensorsChunks } from './safetensors.ts';
export { torchChunks } from './torch/write.ts';
export { outputFormat, type WriteFileOptions, writeWeights } from './write.ts';
