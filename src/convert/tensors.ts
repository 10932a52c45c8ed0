/** Tensors into a file, whichever model they are of. */
import { writeFileAtomic } from '#files';
import { BYTES_PER_ELEMENT } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { listed } from '../io/base/bytes.ts';
import { writtenDType } from '../io/base/cast.ts';
import { architectureOf, type ModelFormat, type WeightFile, type WriteOptions } from '../io/base/format.ts';
import { type ConvertReport, NEW } from './report.ts';

/** Writes the tensors of a file that has been read, in a format that holds any. */
export async function writeTensors(
  file: WeightFile,
  format: ModelFormat,
  output: string,
  options: WriteOptions,
): Promise<ConvertReport> {
  const notes = [...file.notes];
  const tensors = [...file.state].map(([name, { shape, dtype }]) => ({
    nameIn: file.namesInFile.get(name) ?? NEW,
    nameOut: name,
    shape,
    dtypeIn: dtype,
    dtypeOut: writtenDType(dtype, options.dtype),
  }));
  const all = { ...file.metadata, ...architectureOf(file.state), ...options.metadata };
  const metadata = metadataFor(format, all, notes);
  await writeFileAtomic(
    output,
    format.writeState!(file.state, options.dtype === undefined ? { metadata } : { metadata, dtype: options.dtype }),
  );
  const bytes = tensors.reduce((sum, { shape, dtypeOut }) => sum + sizeOf(shape) * BYTES_PER_ELEMENT[dtypeOut], 0);
  return { formatIn: file.format, formatOut: format.name, tensors, notes, bytes };
}

/** What the output takes of the metadata; what it cannot hold is noted. */
function metadataFor(
  format: ModelFormat,
  metadata: Readonly<Record<string, string>>,
  notes: string[],
): Record<string, string> {
  // Readers of the PyTorch world look for this key to tell whose layout the tensors have.
  if (format.storesMetadata !== false) return { format: 'pt', ...metadata };
  const { model_config, onnx_graph = model_config, architecture, ...rest } = contentOf(metadata);
  if (architecture !== undefined)
    notes.push(
      `${format.name} cannot say that this is a ${architecture}: another network of its names and shapes would load it and be wrong.`,
    );
  if (onnx_graph !== undefined)
    notes.push(
      `The model's topology is not kept, since ${format.name} holds tensors only: who reads it has to build it.`,
    );
  const lost = Object.keys(rest);
  if (lost.length > 0) notes.push(`Not kept, since ${format.name} holds tensors only: ${listed(lost)}.`);
  return {};
}

/** Metadata without what a reader says of the file itself. */
export function contentOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { format, producer, opset, keras_version, backend, ...content } = metadata;
  return content;
}
