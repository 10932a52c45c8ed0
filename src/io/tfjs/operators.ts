/** TensorFlow's operators by their names, each as steps of ONNX's. https://github.com/tensorflow/tfjs/tree/master/tfjs-converter/src/operations/op_list */

import { ELEMENTWISE } from './elementwise.ts';
import { MOVEMENT } from './movement.ts';
import type { TfRule } from './translator.ts';
import { WINDOWS } from './windows.ts';

export const TF_OPERATORS: Readonly<Record<string, TfRule>> = { ...ELEMENTWISE, ...WINDOWS, ...MOVEMENT };
