/** The tensors that a module owns: parameters, which training changes, and buffers, which it only keeps. */
import { type DType, type HostArray, hostArray, type TensorData } from '../core/dtype.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import { checkShape, formatShape, type Shape } from '../core/shape.ts';
import { recordAssign } from '../graph/record.ts';
import { dispose, flush, readBack } from '../graph/run.ts';
import { slotValue, type Value } from '../graph/value.ts';
import { noteGradient } from '../tensor/ownership.ts';
import { Tensor } from '../tensor/tensor.ts';
import { labelOf } from './forward.ts';

/** Values, or how to make them when they are first needed. */
export type InitialValues = HostArray | (() => HostArray);

/** A tensor with storage of its own, that modules save and load. */
abstract class StateTensor extends Tensor {
  constructor(shape: Shape, values: InitialValues, dtype: DType, requiresGrad: boolean) {
    super(slotValue(shape, dtype, values), { requires_grad: requiresGrad });
  }

  /**
   * Overwrites all elements, row-major. `values` are copied, unless `copy` is false: then leave them alone afterwards.
   * @throws ShapeError for another number of them.
   */
  set(values: HostArray, copy = true): void {
    if (values.length !== this.size)
      throw new ShapeError('set', `${formatShape(this.shape)} needs ${this.size} elements, got ${values.length}.`, [
        this.shape,
      ]);
    const converted = hostArray(this.dtype, values);
    const own = copy && converted === values ? values.slice() : converted;
    this.initialize(() => own);
  }

  /** Overwrites all elements by what `make` will give when they are next needed. */
  initialize(make: () => HostArray): void {
    flush();
    this.value.data.host = () => hostArray(this.dtype, make());
    this.value.data.touch();
  }

  /** Makes it of another type, in place, gradient dropped: what `Module.to` does to each of its parameters. @internal */
  convert(dtype: DType): void {
    const before = this.value;
    const { host } = before.data;
    if (before.data.dtype === dtype) return;
    flush();
    this.grad = null;
    const make = typeof host === 'function' ? host : () => host ?? new Float32Array(this.size);
    this.value = slotValue(this.shape, dtype, () => hostArray(dtype, make()));
    if (host === null) recordAssign(`to.${dtype}`, 'a', this.value, [before]);
    dispose(before, 'its module was converted to another type.');
  }

  /** The elements as a state-dict entry. */
  async toTensorData(): Promise<TensorData> {
    return { shape: [...this.shape], dtype: this.dtype, data: await readBack(this.value) };
  }
}

/** A tensor that training changes, unless `requires_grad` is false: then it is frozen, and nothing touches it. */
export class Parameter extends StateTensor {
  /** @param values the elements, or a function that makes them when they are first needed. */
  constructor(shape: Shape, values: InitialValues, requiresGrad?: boolean);
  /** @param tensor the elements, which are copied: of float32 or float16. */
  constructor(tensor: Tensor, requiresGrad?: boolean);
  constructor(from: Shape | Tensor, values?: InitialValues | boolean, requiresGrad = true) {
    if (from instanceof Tensor) {
      if (from.dtype === 'int32')
        throw new ArgumentError('Parameter: expected a float tensor, got int32. Write tensor.float().');
      super(from.shape, () => new Float32Array(from.size), 'float32', values !== false);
      recordAssign('parameter', 'a', this.value, [from.value]);
      return;
    }
    checkShape('Parameter', from);
    if (typeof values !== 'function' && !ArrayBuffer.isView(values))
      throw new ArgumentError(
        `Parameter: expected the elements as a typed array, or a function that makes one, got ${shown(values)}.`,
      );
    super(from, values, 'float32', requiresGrad);
  }

  /** Name and shape, for messages. @internal */
  get label(): string {
    return labelOf(this);
  }

  override addGrad(gradient: Value): void {
    super.addGrad(gradient);
    noteGradient(this);
  }
}

/** A tensor that belongs to a module's state and is not trained: running statistics, class weights. */
export class Buffer extends StateTensor {
  constructor(shape: Shape, values: InitialValues, dtype: DType = 'float32') {
    super(shape, values, dtype, false);
  }
}

/** A count of steps: a scalar buffer that lives on the host, saved as int64 as PyTorch does. */
export class Counter extends Buffer {
  #count = 0;

  constructor() {
    super([], () => Int32Array.of(0), 'int32');
    this.initialize(() => Int32Array.of(this.#count));
  }

  get count(): number {
    return this.#count;
  }

  /** Adds one; gives the new count. */
  increment(): number {
    this.#count++;
    this.value.data.host = () => Int32Array.of(this.#count);
    this.value.data.touch();
    return this.#count;
  }

  override set(values: HostArray): void {
    super.set(values);
    this.#count = values[0]!;
  }

  override async toTensorData(): Promise<TensorData> {
    return { shape: [], dtype: 'int64', data: BigInt64Array.of(BigInt(this.#count)) };
  }
}
