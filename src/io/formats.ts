/** The formats there are, one row each. A file is tried against them in this order. */
import type { ModelFormat, WeightFile } from './base/format.ts';
import { hubFolder } from './hub/row.ts';
import { kerasZip } from './keras/archive.ts';
import { kerasH5, kerasWeightsH5 } from './keras/h5.ts';
import { tfjs } from './keras/tfjs.ts';
import { npz } from './npz.ts';
import { onnx } from './onnx/onnx.ts';
import { safetensors } from './safetensors.ts';
import { torchLegacy, torchTar } from './torch/legacy.ts';
import { shardIndex, torchDistributed, torchExport } from './torch/rows.ts';
import { torchZip } from './torch/zip.ts';
import { modelZip } from './zip/model-zip.ts';

const PLAIN: readonly ModelFormat[] = [
  safetensors,
  torchZip,
  torchExport,
  torchDistributed,
  torchLegacy,
  torchTar,
  npz,
  kerasH5,
  kerasWeightsH5,
  kerasZip,
  shardIndex,
  hubFolder,
  tfjs,
  onnx,
];

/** All formats, in the order in which a file is tried against them. */
export const FORMATS: readonly ModelFormat[] = [...PLAIN, modelZip(PLAIN)];

/** The format that a file was found to be of. */
export function formatOf({ format }: Pick<WeightFile, 'format'>): ModelFormat {
  return FORMATS.find(({ name }) => name === format)!;
}

/** The format that can be written and has the longest ending of a path; undefined if none has. */
export function formatNamed(path: string | URL): ModelFormat | undefined {
  const ending = ({ extensions }: ModelFormat) =>
    Math.max(0, ...extensions.filter((e) => String(path).toLowerCase().endsWith(e)).map(({ length }) => length));
  const fitting = WRITTEN.filter((format) => ending(format) > 0);
  return fitting.sort((a, b) => ending(b) - ending(a))[0];
}

/** The formats that can be written. */
export const WRITTEN: readonly ModelFormat[] = FORMATS.filter(({ writeState, writeModel }) => writeState ?? writeModel);
