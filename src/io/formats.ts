/** The weight formats there are, one row each. They are tried in this order. */
import type { WeightFormat } from './base/format.ts';
import { kerasZip } from './keras/archive.ts';
import { kerasH5 } from './keras/h5.ts';
import { tfjs } from './keras/tfjs.ts';
import { onnx } from './onnx/onnx.ts';
import { safetensors } from './safetensors.ts';
import { torchLegacy, torchTar } from './torch/legacy.ts';
import { torchZip } from './torch/zip.ts';
import { modelZip } from './zip/model-zip.ts';

const PLAIN: readonly WeightFormat[] = [safetensors, torchZip, torchLegacy, torchTar, kerasH5, kerasZip, tfjs, onnx];

/** All formats, in the order in which a file is tried against them. */
export const FORMATS: readonly WeightFormat[] = [...PLAIN, modelZip(PLAIN)];
