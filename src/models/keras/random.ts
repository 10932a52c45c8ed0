/** Keras's layers that draw random numbers: dropout with shared masks, and augmentation, which is the identity here. */
import { listed } from '../../io/base/bytes.ts';
import { Dropout, Module } from '../../nn/index.ts';
import { ones } from '../../tensor/factory.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Layers that change their input in training only, beside those whose names begin with Random. */
const NOISE = ['GaussianNoise', 'GaussianDropout', 'ActivityRegularization'];

/** Whether a class of Keras's only augments: `RandomFlip`, `GaussianNoise`. */
export function isRandom(name: string): boolean {
  return /^Random[A-Z]/.test(name) || NOISE.includes(name);
}

/** Gives its input back, in training too: augment the images before the model ({@link regraft/data!RandomHorizontalFlip}). */
export class RandomLayer extends Module {
  readonly kind: string;

  constructor(kind: string) {
    super();
    this.kind = kind;
  }

  override get typeName(): string {
    return this.kind;
  }

  override forward(x: Tensor): Tensor {
    return x;
  }
}

/** What is worth a note of a model with such layers. */
export function randomNotes(model: Module): string[] {
  const names = model.namedModules().flatMap(([path, module]) => (module instanceof RandomLayer ? [path] : []));
  if (names.length === 0) return [];
  return [`Give their input back, in training too: ${listed(names)}. Augment the images before the model.`];
}

/** Dropout with one mask for all elements along some axes: of whole samples, or of whole channels. */
export class SharedDropout extends Dropout {
  readonly shared: readonly boolean[];

  /** @param shared Whether each axis of Keras's layout has one mask for all: [false, true, true, true] drops whole samples. */
  constructor(rate: number, shared: readonly boolean[]) {
    super(rate);
    this.shared = shared.length === 4 ? [0, 3, 1, 2].map((axis) => shared[axis]!) : shared;
  }

  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return x.mul(super.forward(ones(x.shape.map((size, axis) => (this.shared[axis] ? 1 : size)))));
  }
}
