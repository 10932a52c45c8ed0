/** What {@link import('./convert.ts')} tells of an output that has a model's weights under names of its own. */
import type { StateDict } from '../core/dtype.ts';
import { BYTES_PER_ELEMENT } from '../core/dtype.ts';
import { sameShape, sizeOf } from '../core/shape.ts';
import { listed, plural } from '../io/base/bytes.ts';
import type { WeightFile } from '../io/base/format.ts';
import { NEW } from '../io/convert.ts';
import { type ConvertedTensor, type ConvertReport, targetOf } from '../io/index.ts';
import { BatchNorm2d } from '../nn/index.ts';
import type { Opened } from './convert-open.ts';
import { findWeights } from './keras/bind.ts';
import * as keras from './keras/keras.ts';

/** The report on `result`, which was written from what was opened. */
export function reportOf(
  { file, model, origins, folded: absorbed, layouts, inputs }: Opened,
  result: WeightFile,
): ConvertReport {
  const isOnnx = result.format === 'ONNX';
  const norms = isOnnx ? foldedNorms(model, result.state) : [];
  const names =
    model instanceof keras.KerasModel && !isOnnx
      ? findWeights(model.layers, result.state).map(({ name, key }) => [name, key] as const)
      : namesInGraph(model, result.state, norms.length > 0);
  const tensors = names.map(([name, keyOut]): ConvertedTensor => {
    const keyIn = origins.get(name) ?? name;
    const [before, after] = [file.state.get(keyIn), result.state.get(keyOut)!];
    const axes = layouts.get(name);
    const side = (key: string) => (key.includes('/') ? 0 : 1);
    const isTurned = axes && side(keyIn) !== side(keyOut);
    return {
      nameIn: file.namesInFile.get(keyIn) ?? NEW,
      nameOut: result.namesInFile.get(keyOut) ?? keyOut,
      shape: after.shape,
      ...(before && !sameShape(before.shape, after.shape) && { shapeIn: before.shape }),
      dtypeIn: before?.dtype ?? after.dtype,
      dtypeOut: after.dtype,
      ...(isTurned && { layout: `${axes[side(keyIn)]} -> ${axes[side(keyOut)]}` }),
    };
  });
  const folded = new Set(norms.flatMap((path) => fieldsOf(path).map((name) => origins.get(name) ?? name)));
  const used = new Set(names.map(([name]) => origins.get(name) ?? name));
  const left = [...file.state.keys()].filter((key) => !used.has(key) && !folded.has(key) && !absorbed.has(key));
  const notes = [...file.notes];
  if (norms.length > 0)
    notes.push(
      `${plural(norms.length, 'batch norm')} folded into the weights and biases of the convolutions before them: ${listed(norms)}.`,
    );
  if (isOnnx)
    for (const { name, open, shape } of inputs)
      if (open !== undefined)
        notes.push(
          `The sizes that '${name}' ${open} leaves open are fixed in the file: [N, ${shape.slice(1).join(', ')}].`,
        );
  if (!isOnnx && result.metadata.model_config === undefined)
    notes.push(
      'The file holds weights alone: who reads it has to build the model. .keras and .h5 hold its topology too.',
    );
  if (left.length > 0) notes.push(`Not written, since ${result.format} has no use for it: ${listed(left)}.`);
  const bytes = tensors.reduce((sum, { shape, dtypeOut }) => sum + sizeOf(shape) * BYTES_PER_ELEMENT[dtypeOut], 0);
  return { formatIn: file.format, formatOut: result.format, tensors, notes, bytes };
}

/** The weights of a graph, which have the model's names; biases that folding has made are of no tensor of the model. */
function namesInGraph(model: Opened['model'], state: StateDict, isFolded: boolean): (readonly [string, string])[] {
  const { expected } = targetOf(model);
  const made = [...state.keys()].filter((name) => isFolded && !expected.has(name) && /(^|\.)bias(_\d+)?$/.test(name));
  return [...[...expected.keys()].filter((name) => state.has(name)), ...made].map((name) => [name, name] as const);
}

/** Paths of the batch norms that are not in the graph's weights. */
function foldedNorms(model: Opened['model'], state: StateDict): string[] {
  return model.namedModules().flatMap(([path, module]) => {
    return module instanceof BatchNorm2d && module.running_mean && !state.has(`${path}.running_mean`) ? [path] : [];
  });
}

function fieldsOf(path: string): string[] {
  return ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((field) => `${path}.${field}`);
}

/** Adds what became of the axes of tensors that a Keras file held. */
export function withLayouts(
  tensors: readonly ConvertedTensor[],
  { file, origins, layouts }: Opened,
): ConvertedTensor[] {
  return tensors.map((converted) => {
    const keyIn = origins.get(converted.nameOut) ?? converted.nameOut;
    const before = file.state.get(keyIn);
    const axes = layouts.get(converted.nameOut);
    if (!before || !axes || !keyIn.includes('/')) return converted;
    return { ...converted, shapeIn: before.shape, layout: axes.join(' -> ') };
  });
}
