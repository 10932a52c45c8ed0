/** Layers that only change shapes, or nothing. */
import { checkList, checkNumber } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/** Joins the axes from `start` to `end`; by default all but the batch. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  constructor(start = 1, end = -1) {
    super();
    this.start = checkNumber('Flatten', 'start', start);
    this.end = checkNumber('Flatten', 'end', end);
  }

  override forward(x: Tensor): Tensor {
    return x.flatten(this.start, this.end);
  }

  override extraRepr(): string {
    return `start_dim=${this.start}, end_dim=${this.end}`;
  }
}

/** Puts the axes in another order: of its output, axis k is axis `dims[k]` of the input. As torchvision's. */
export class Permute extends Module {
  readonly dims: readonly number[];

  constructor(dims: readonly number[]) {
    super();
    checkList('Permute', 'the axes', dims);
    this.dims = dims;
  }

  override forward(x: Tensor): Tensor {
    return x.permute(this.dims);
  }
}

/** Returns its input: put it in place of a layer that is not wanted. */
export class Identity extends Module {
  override forward(x: Tensor): Tensor {
    return x;
  }
}
