/** Keras's layers without weights that change shapes or join branches. */
import { Module } from '../../nn/module.ts';
import { cat, type Tensor } from '../../tensor/tensor.ts';
import { axisHere, toChannelsFirst, toChannelsLast } from './shape.ts';

/** Where an input comes in. */
export class InputLayer extends Module {
  override forward(x: Tensor): Tensor {
    return x;
  }
}

/** [N, C, H, W] to [N, H * W * C], in Keras's order of elements. */
export class Flatten extends Module {
  override forward(x: Tensor): Tensor {
    return toChannelsLast(x).flatten(1);
  }
}

/** Other sizes for the same elements in Keras's order; one may be -1. */
export class Reshape extends Module {
  readonly targetShape: readonly number[];

  /** @param targetShape as in Keras: without the batch, channels last. */
  constructor(targetShape: readonly number[]) {
    super();
    this.targetShape = targetShape;
  }

  override forward(x: Tensor): Tensor {
    return toChannelsFirst(toChannelsLast(x).reshape([x.shape[0]!, ...this.targetShape]));
  }

  override extraRepr(): string {
    return this.targetShape.join(', ');
  }
}

const MERGES = {
  Add: (a: Tensor, b: Tensor) => a.add(b),
  Multiply: (a: Tensor, b: Tensor) => a.mul(b),
  Maximum: (a: Tensor, b: Tensor) => a.maximum(b),
  Minimum: (a: Tensor, b: Tensor) => a.minimum(b),
  Subtract: (a: Tensor, b: Tensor) => a.sub(b),
} as const;

/** The layers that join branches element by element. */
export type MergeName = keyof typeof MERGES;

export function isMerge(name: string): name is MergeName {
  return Object.hasOwn(MERGES, name);
}

/** Joins branches element by element, from the first to the last. */
export class Merge extends Module {
  readonly kind: MergeName;

  constructor(kind: MergeName) {
    super();
    this.kind = kind;
  }

  override get typeName(): string {
    return this.kind;
  }

  override forward(...inputs: Tensor[]): Tensor {
    return inputs.reduce(MERGES[this.kind]);
  }
}

/** Joins branches along an axis of Keras's layout. */
export class Concatenate extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  override forward(...inputs: Tensor[]): Tensor {
    return cat(inputs, axisHere(this.axis, inputs[0]!.rank));
  }
}

/** The first input and a share of the second: InceptionResNet's. */
export class ScaledAdd extends Module {
  readonly scale: number;

  constructor(scale: number) {
    super();
    this.scale = scale;
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return a.add(b.mul(this.scale));
  }
}
