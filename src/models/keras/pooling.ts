/** Keras's pooling and zero padding. */
import { Module } from '../../nn/module.ts';
import { Buffer } from '../../nn/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Margins, sameMargins } from './shape.ts';

/** Below every float32 that a layer can give: padding by it never wins a maximum. */
const LOWEST = -3.4028234663852886e38;

type Pair = readonly [number, number];

abstract class Pooling2D extends Module {
  readonly poolSize: Pair;
  readonly strides: Pair;
  readonly same: boolean;

  constructor(poolSize: Pair, strides: Pair, padding: 'same' | 'valid') {
    super();
    this.poolSize = poolSize;
    this.strides = strides;
    this.same = padding === 'same';
  }

  /** What an input has to be padded by. */
  protected margins(x: Tensor): Margins {
    return this.same ? sameMargins(x, this.poolSize, this.strides) : [0, 0, 0, 0];
  }

  override extraRepr(): string {
    const strides = this.strides.join(', ');
    return `pool_size=(${this.poolSize.join(', ')}), strides=(${strides})${this.same ? ", padding='same'" : ''}`;
  }
}

/** The largest element of each window. */
export class MaxPooling2D extends Pooling2D {
  override forward(x: Tensor): Tensor {
    return padded(x, this.margins(x), LOWEST).maxPool2d(this.poolSize, { stride: this.strides });
  }
}

/** The mean of each window; 'same' padding is not counted. */
export class AveragePooling2D extends Pooling2D {
  /** By the input's size: what a window's mean over padding and all has to be multiplied by. */
  readonly #covered = new Map<string, Buffer>();

  override forward(x: Tensor): Tensor {
    const { poolSize, strides: stride } = this;
    const margins = this.margins(x);
    if (margins.every((m) => m === 0)) return x.avgPool2d(poolSize, { stride });
    const [, , height, width] = x.shape;
    const sums = padded(x, margins, 0).avgPool2d(poolSize, { stride });
    const shape = [sums.shape[2]!, sums.shape[3]!] as const;
    const key = [height, width].join();
    let covered = this.#covered.get(key);
    if (!covered) {
      const rows = coverage(height!, margins[0], shape[0], poolSize[0], stride[0]);
      const columns = coverage(width!, margins[2], shape[1], poolSize[1], stride[1]);
      this.#covered.set(key, (covered = new Buffer(shape, outer(rows, columns))));
    }
    return sums.mul(covered);
  }
}

/** For each window along an axis, its size over the elements it covers. */
function coverage(size: number, before: number, windows: number, kernel: number, stride: number): number[] {
  return Array.from({ length: windows }, (_, i) => {
    const start = i * stride - before;
    return kernel / (Math.min(start + kernel, size) - Math.max(start, 0));
  });
}

function outer(rows: readonly number[], columns: readonly number[]): Float32Array {
  return Float32Array.from(rows.flatMap((row) => columns.map((column) => row * column)));
}

/** Mean or maximum of each channel: [N, C, H, W] to [N, C], or [N, C, 1, 1]. */
export class GlobalPooling2D extends Module {
  readonly kind: 'average' | 'max';
  readonly keepdims: boolean;

  constructor(kind: 'average' | 'max', keepdims = false) {
    super();
    this.kind = kind;
    this.keepdims = keepdims;
  }

  override get typeName(): string {
    return this.kind === 'average' ? 'GlobalAveragePooling2D' : 'GlobalMaxPooling2D';
  }

  override forward(x: Tensor): Tensor {
    const y = this.kind === 'average' ? x.adaptiveAvgPool2d(1) : x.max([2, 3], { keepdim: true });
    return this.keepdims ? y : y.flatten(1);
  }
}

/** Zeros around an image. */
export class ZeroPadding2D extends Module {
  /** [top, bottom, left, right]. */
  readonly margins: Margins;

  constructor(margins: Margins) {
    super();
    this.margins = margins;
  }

  override forward(x: Tensor): Tensor {
    return padded(x, this.margins, 0);
  }

  override extraRepr(): string {
    const [top, bottom, left, right] = this.margins;
    return `((${top}, ${bottom}), (${left}, ${right}))`;
  }
}

/** An image without its margins. */
export class Cropping2D extends Module {
  /** [top, bottom, left, right]. */
  readonly margins: Margins;

  constructor(margins: Margins) {
    super();
    this.margins = margins;
  }

  override forward(x: Tensor): Tensor {
    const [top, bottom, left, right] = this.margins;
    return x.slice(2, top, x.shape[2]! - bottom).slice(3, left, x.shape[3]! - right);
  }

  override extraRepr(): string {
    const [top, bottom, left, right] = this.margins;
    return `((${top}, ${bottom}), (${left}, ${right}))`;
  }
}

function padded(x: Tensor, [top, bottom, left, right]: Margins, value: number): Tensor {
  return top + bottom + left + right === 0 ? x : x.pad([left, right, top, bottom], value);
}
