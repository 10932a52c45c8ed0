/**
 * A mark on state dicts whose names and shapes fit another network than theirs. It travels from a model's state dict into the
 * metadata of its file and from there into the state dict that is read.
 */
import type { StateDict } from '../core/dtype.ts';

/** The mark's key in a file's metadata. */
export const MARK_KEY = 'architecture';

/** torchvision's names and shapes, Keras's network: the stride of each stage on the first 1x1 convolution. */
export const RESNET_V1 = 'resnet v1 (stride on the first 1x1)';

const MARK = Symbol('architecture');

/** Marks a state dict and gives it back; undefined leaves it as it is. */
export function marked(state: StateDict, mark: string | undefined): StateDict {
  return mark === undefined ? state : Object.defineProperty(state, MARK, { value: mark, configurable: true });
}

export function markOf(state: StateDict): string | undefined {
  return (state as StateDict & { [MARK]?: string })[MARK];
}
