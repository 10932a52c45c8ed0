/** Tensors as the graph sees them: a shape over data that is still to be computed, on the GPU, or on the host. */
import { BYTES_PER_ELEMENT, type DType, type HostArray } from '../core/dtype.ts';
import { RegraftError } from '../core/errors.ts';
import { type Shape, sizeOf } from '../core/shape.ts';

/** A buffer that a plan lends to the output of its latest run; see {@link Data.lender}. */
export interface LentBuffer {
  /** @internal */
  readonly buffer: GPUBuffer;
  owner: WeakRef<Data> | null;
}

/** The reason why results that a run did not keep cannot be read. */
export const NOT_KEPT =
  'step(), noGrad() and backward() free what they do not return. Return it, or read it inside a hook.';

let stamps = 0;

/** One tensor's worth of elements. Reshaped tensors share it. */
export class Data {
  readonly count: number;
  readonly dtype: DType;
  /** A recorded node will compute it, when the graph runs. */
  pending = false;
  /** Its storage on the GPU. @internal */
  buffer: GPUBuffer | null = null;
  /** Set while `buffer` belongs to a plan, which moves the contents elsewhere before it writes there again. */
  lender: LentBuffer | null = null;
  /** An array of the JavaScript engine's, as large as `buffer`; see storage.ts. */
  ballast: ArrayBuffer | null = null;
  /** Its elements on the host, or how to make them (null once they are on the GPU). */
  host: HostArray | (() => HostArray) | null = null;
  /** Storage with an identity: parameters, running statistics, optimizer state. Only these are written in place. */
  slot = false;
  /** A user can still read it after the graph has run. */
  visible = false;
  /** Size of a full batch over the size of the one that it belongs to: kernels are chosen for a full batch (`fullBatch` in kernels/kernel.ts). */
  batchScale = 1;
  /** The number of recorded backward rules that still need it. */
  saves = 0;
  /** Changes with every write; never repeats between two Data. */
  version: number = ++stamps;
  /** The reason why it can no longer be read, once it was given back. */
  freed: string | null = null;

  constructor(count: number, dtype: DType) {
    this.count = count;
    this.dtype = dtype;
  }

  /** Size of the storage, in whole words: an odd number of 16-bit elements is followed by padding. */
  get bytes(): number {
    return Math.ceil((this.count * BYTES_PER_ELEMENT[this.dtype]) / 4) * 4;
  }

  /** Gives the data a new version: the elements have changed. */
  touch(): void {
    this.version = ++stamps;
  }

  /** True if the graph must keep the elements when it has run. */
  get kept(): boolean {
    return this.visible || this.saves > 0;
  }
}

/** A shape over data: the operands and results of ops. */
export interface Value {
  readonly shape: Shape;
  readonly data: Data;
}

/** A value whose elements are on the host. They are uploaded when a graph first needs them. */
export function hostValue(shape: Shape, dtype: DType, host: HostArray | (() => HostArray)): Value {
  const data = new Data(sizeOf(shape), dtype);
  data.host = host;
  return { shape, data };
}

/** A value with storage of its own, which optimizers and running statistics write in place. */
export function slotValue(shape: Shape, dtype: DType, host: HostArray | (() => HostArray)): Value {
  const value = hostValue(shape, dtype, host);
  value.data.slot = true;
  return value;
}

/** The type of a result that keeps its operand's: float16 stays, all else becomes float32. */
export const floatTypeOf = ({ data }: Value): 'float32' | 'float16' =>
  data.dtype === 'float16' ? 'float16' : 'float32';

/** PyTorch's promotion of floats: the widest wins, but a scalar tensor widens no other. */
export function promotedType(values: readonly Value[]): 'float32' | 'float16' {
  const ranked = (dtype: DType) => values.filter((v) => v.data.dtype === dtype).map((v) => v.shape.length > 0);
  const [half, single] = [ranked('float16'), ranked('float32')];
  const widened = half.includes(true) ? single.includes(true) : single.length > 0;
  return half.length > 0 && !widened ? 'float16' : 'float32';
}

/** The same elements under another shape of equal size. */
export function withShape(value: Value, shape: Shape): Value {
  return { shape, data: value.data };
}

/** The host array behind `data.host`, made now if it was only described. */
export function materialise(data: Data): HostArray {
  if (typeof data.host === 'function') data.host = data.host();
  const host = data.host!;
  if (host.length !== data.count)
    throw new RegraftError(`tensor: expected ${data.count} elements, got ${host.length}.`);
  return host;
}
