/** How the pixels of a network's images are scaled, where its file does not tell. */
import { oneOf } from '../core/check.ts';

/** 'caffe' and 'torch' as Keras's `preprocess_input` has them. */
export const INPUT_RANGE = oneOf('0..255', '0..1', '-1..1', 'caffe', 'torch');

/** How the pixels of a network's images are scaled; 'caffe' and 'torch' as Keras's `preprocess_input` has them. */
export type InputRange = '0..255' | '0..1' | '-1..1' | 'caffe' | 'torch';
