/** The account of a conversion: each tensor's way, what was left out, how the model compares before and after. */
import { BYTES_PER_ELEMENT, type StateDict, type StoredDType } from '../core/dtype.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { columns } from '../device/columns.ts';
import { count, listed, plural } from '../io/base/bytes.ts';
import type { ModelFormat, WeightFile } from '../io/base/format.ts';
import { targetOf } from '../io/index.ts';
import { findWeights } from '../models/keras/bind.ts';
import * as keras from '../models/keras/keras.ts';
import { BatchNorm2d } from '../nn/index.ts';
import type { Opened } from './open.ts';

/** {@link ConvertedTensor.nameIn} of a tensor that the input does not have. */
export const NEW = '(new)';

/** One tensor's way through {@link convert}. */
export interface ConvertedTensor {
  /** As the input has it; `(new)` for what only the output has: a bias that folding has made, a counter. */
  readonly nameIn: string;
  readonly nameOut: string;
  /** In the output. */
  readonly shape: Shape;
  /** In the input, where that is another. */
  readonly shapeIn?: Shape;
  /** What became of its axes: `HWIO -> OIHW`; absent where they stay. */
  readonly layout?: string;
  readonly dtypeIn: StoredDType;
  readonly dtypeOut: StoredDType;
}

/** The account of a {@link convert}. */
export interface ConvertReport {
  readonly formatIn: string;
  readonly formatOut: string;
  readonly tensors: readonly ConvertedTensor[];
  /** Sentences on what was picked, renamed and left out. */
  readonly notes: readonly string[];
  /** Of the tensors, in the output. */
  readonly bytes: number;
  /** How a model with the output's weights compares with one that has the input's, where both were run. */
  readonly verification?: Verification;
}

/** A comparison of two runs on one input. */
export interface Verification {
  /** Of the inputs that both were given. */
  readonly inputShapes: readonly Shape[];
  readonly largestDifference: number;
  /** Magnitude of the largest output. */
  readonly largestOutput: number;
}

/** The report as a table for people: a line a tensor, then the notes and the sums. */
export function formatReport({ formatIn, formatOut, tensors, notes, bytes, verification }: ConvertReport): string {
  const rows = tensors.map(({ nameIn, nameOut, shape, shapeIn = shape, dtypeIn, dtypeOut, layout = '' }) => [
    changed(nameIn, nameOut),
    changed(formatShape(shapeIn), formatShape(shape)),
    changed(dtypeIn, dtypeOut),
    layout,
  ]);
  return [
    ...columns(rows),
    ...notes,
    ...(verification ? [verified(verification)] : []),
    `${formatIn} -> ${formatOut}: ${plural(tensors.length, 'tensor')}, ${count(bytes)} bytes.`,
  ].join('\n');
}

function verified({ inputShapes, largestDifference, largestOutput }: Verification): string {
  return (
    `Before and after, run on ${inputShapes.length > 1 ? 'seeded inputs' : 'one seeded input'} ${inputShapes.map(formatShape).join(' and ')}: ` +
    `largest difference ${magnitude(largestDifference)}, largest output ${magnitude(largestOutput)}.`
  );
}

/** Three digits, small numbers with an exponent. */
export function magnitude(value: number): string {
  return value === 0 ? '0' : value < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
}

function changed(before: string, after: string): string {
  return before === after ? before : `${before} -> ${after}`;
}

/** The report on `result`, which was written from what was opened in `format`. */
export function reportOf(
  { file, model, origins, folded: absorbed, layouts, inputs }: Opened,
  format: ModelFormat,
  result: WeightFile,
): ConvertReport {
  const isGraph = format.holds === 'graph';
  const norms = isGraph ? foldedNorms(model, result.state) : [];
  const names =
    model instanceof keras.KerasModel && !isGraph
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
  if (isGraph)
    for (const { name, open, shape } of inputs)
      if (open !== undefined)
        notes.push(
          `The sizes that '${name}' ${open} leaves open are fixed in the file: [N, ${shape.slice(1).join(', ')}].`,
        );
  if (format.holds === 'tensors')
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
