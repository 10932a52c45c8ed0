/** The weight formats there are, one row each. They are tried in this order. */
import type { WeightFormat } from './format.ts';
import { onnx } from './onnx.ts';
import { safetensors } from './safetensors.ts';
import { tfjs } from './tfjs.ts';
import { torchLegacy, torchTar } from './torch-legacy.ts';
import { torchZip } from './torch-zip.ts';

export const FORMATS: readonly WeightFormat[] = [safetensors, torchZip, torchLegacy, torchTar, tfjs];
