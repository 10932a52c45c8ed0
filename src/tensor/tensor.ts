/** The tensor that users hold: methods record ops, `data()` and `item()` read back. */
import { checkDType, type DType, type HostArray, hostArray } from '../core/dtype.ts';
import { ArgumentError, RegraftError, ShapeError } from '../core/errors.ts';
import { checkList, checkNumber, checkOptions, type OptionNames, shown } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import { formatShape, normalizeAxis, type Shape } from '../core/shape.ts';
import { recorder } from '../graph/record.ts';
import { dispose, readBack } from '../graph/run.ts';
import { hostValue, type Value } from '../graph/value.ts';
import * as ops from '../ops/index.ts';
import { applyOp, backward, type GradNode, type Variable } from './autograd.ts';
import { drawOnce } from './replay.ts';

/** The scalar form of a binary op, where the number is the second operand. */
const SCALAR_FORM = {
  maximum: 'maxScalar',
  minimum: 'minScalar',
  eq: 'eqScalar',
  ne: 'neScalar',
  lt: 'ltScalar',
  le: 'leScalar',
  gt: 'gtScalar',
  ge: 'geScalar',
} as const;

const CROSS_ENTROPY: OptionNames<ops.CrossEntropyAttributes & { weight?: Tensor }> = {
  weight: true,
  labelSmoothing: true,
  ignoreIndex: true,
  reduction: true,
};

const CONV: OptionNames<ops.Conv2dOptions> = { stride: true, padding: true, dilation: true, groups: true };
const CONV_TRANSPOSE: OptionNames<ops.ConvTranspose2dOptions> = { ...CONV, outputPadding: true };
const POOL = { stride: true, padding: true, ceilMode: true } as const;
const MAX_POOL: OptionNames<Omit<ops.MaxPoolOptions, 'kernel'>> = { ...POOL, dilation: true };
const AVG_POOL: OptionNames<Omit<ops.AvgPoolOptions, 'kernel'>> = { ...POOL, countIncludePad: true };

/**
 * An n-dimensional array on the GPU, float32, float16 or int32, row-major in its public layout. Ops are recorded and run when a
 * result is read (`await t.data()`), or when `step` or `noGrad` end. Shapes broadcast as in NumPy.
 */
export class Tensor implements Variable {
  /** What the graph knows it by; a parameter's changes with its type. @internal */
  value: Value;
  /** The op that it is the result of. @internal */
  readonly gradNode: GradNode | null;
  #requiresGrad: boolean;
  #grad: Tensor | null = null;
  /** The user has taken `grad` into their own hands: it may outlive zeroGrad(). */
  #gradTaken = false;

  /** @internal */
  constructor(value: Value, options: { requires_grad?: boolean; gradNode?: GradNode | null } = {}) {
    this.value = value;
    this.gradNode = options.gradNode ?? null;
    this.#requiresGrad = options.requires_grad ?? this.gradNode !== null;
    if (this.#requiresGrad) checkFloat(this.dtype);
  }

  /** Sizes of the axes: [N, C, H, W] for images. */
  get shape(): Shape {
    return this.value.shape;
  }
  /** Type of the elements. */
  get dtype(): DType {
    return this.value.data.dtype;
  }
  /** Number of elements. */
  get size(): number {
    return this.value.data.count;
  }
  /** Number of axes. */
  get rank(): number {
    return this.value.shape.length;
  }

  /** Whether backward() computes a gradient for it. Turning it off on a leaf drops the gradient it has: that is freezing. */
  get requires_grad(): boolean {
    return this.#requiresGrad;
  }
  set requires_grad(flag: boolean) {
    if (this.gradNode && !flag)
      throw new RegraftError(
        'requires_grad: only leaves can be frozen; this tensor is the result of an op. Use detach().',
      );
    if (flag) checkFloat(this.dtype);
    this.#requiresGrad = flag;
    if (!flag) this.grad = null;
  }

  /** What backward() has added up so far; null before it, and after zeroGrad(). */
  get grad(): Tensor | null {
    if (this.#grad?.value.data.freed) return null;
    if (recorder.depth === 0) this.#gradTaken = true;
    return this.#grad;
  }
  set grad(gradient: Tensor | null) {
    const before = this.#grad;
    this.#grad = gradient;
    if (before && before !== gradient && !this.#gradTaken) dispose(before.value, 'zeroGrad() was called.');
    this.#gradTaken = false;
    if (gradient) gradient.value.data.visible = true;
  }

  /** For autograd: adds to the gradient. @internal */
  addGrad(gradient: Value): void {
    // A gradient that was only planned (explain) or left behind by a failed step has no storage: it counts as none.
    const before = this.#grad?.value.data.freed ? null : this.#grad;
    const { pending, visible } = gradient.data;
    if (before) this.grad = new Tensor(ops.accumulate(before.value, gradient));
    // What another leaf or the caller holds as well is copied: each gradient is its leaf's own.
    else this.grad = new Tensor(pending && !visible ? gradient : ops.duplicate(gradient));
  }

  /**
   * The elements, row-major: a Float32Array, for int32 tensors an Int32Array. Runs what was recorded; the only way (with
   * item()) to wait for the GPU.
   */
  async data<T extends HostArray = Float32Array<ArrayBuffer>>(): Promise<T> {
    const kept = await readBack(this.value);
    return (this.dtype === 'float16' ? hostArray('float32', kept) : kept) as T;
  }

  /** The only element of a one-element tensor. @throws ShapeError for any other size. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError('item', `expected one element, got shape ${formatShape(this.shape)}. Use data().`, [
        this.shape,
      ]);
    return (await this.data())[0]!;
  }

  /**
   * Adds the gradient of this tensor to the `grad` of every leaf that requires one, and frees the graph.
   * @param gradient of the output, of its shape; may be left out for a scalar.
   */
  backward(gradient?: Tensor, options: { retainGraph?: boolean } = {}): void {
    checkOptions('backward', options, { retainGraph: true });
    if (!gradient && this.size !== 1)
      throw new ShapeError(
        'backward',
        `expected a scalar, got ${formatShape(this.shape)}. Reduce it, or pass the gradient of the output.`,
        [this.shape],
      );
    backward(
      this,
      gradient?.value ?? hostValue(this.shape, this.dtype, hostArray(this.dtype, [1])),
      options.retainGraph ?? false,
    );
  }

  /**
   * The elements in another type: float16 takes half the memory and is computed with in float32; int32 drops the fraction and has no
   * gradient. @throws DeviceError for float16 on an adapter without it.
   */
  to(dtype: DType): Tensor {
    checkDType('to', dtype);
    return apply(ops.to, [dtype === 'int32' && this.requires_grad ? this.detach() : this], { dtype });
  }
  /** As float16; see {@link to}. */
  half(): Tensor {
    return this.to('float16');
  }
  /** As float32. */
  float(): Tensor {
    return this.to('float32');
  }

  /** The same elements, without the trail. */
  detach(): Tensor {
    return new Tensor(this.value);
  }

  /** Gives the memory back now. Nobody has to call it: what is dropped is collected. */
  dispose(): void {
    dispose(this.value);
  }
  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `Tensor(${formatShape(this.shape)}, ${this.dtype}${this.requires_grad ? ', requires_grad' : ''})`;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** this + b; `b` broadcasts, as in all arithmetic. */
  add(b: Tensor | number): Tensor {
    return typeof b === 'number' ? unary('addScalar', this, b) : binary('add', this, b);
  }
  /** this - b. */
  sub(b: Tensor | number): Tensor {
    return typeof b === 'number' ? unary('addScalar', this, -b) : binary('sub', this, b);
  }
  /** this * b, element by element; see {@link matmul}. */
  mul(b: Tensor | number): Tensor {
    return typeof b === 'number' ? unary('mulScalar', this, b) : binary('mul', this, b);
  }
  /** this / b. */
  div(b: Tensor | number): Tensor {
    return typeof b === 'number' ? unary('mulScalar', this, 1 / b) : binary('div', this, b);
  }
  /** this ^ b. Integer exponents take negative bases; gradients flow to both. */
  pow(b: Tensor | number): Tensor {
    if (typeof b !== 'number') return binary('pow', this, b);
    if (b === 2) return this.square();
    if (b === 0.5) return this.sqrt();
    if (b === -1) return this.reciprocal();
    return unary('powScalar', this, b);
  }
  /** The larger of the two, element by element; see {@link max}. */
  maximum(b: Tensor | number): Tensor {
    return binary('maximum', this, b);
  }
  /** The smaller of the two, element by element; see {@link min}. */
  minimum(b: Tensor | number): Tensor {
    return binary('minimum', this, b);
  }
  /** 1 where equal, else 0; float32, as all comparisons. */
  eq(b: Tensor | number): Tensor {
    return binary('eq', this, b);
  }
  /** 1 where not equal, else 0. */
  ne(b: Tensor | number): Tensor {
    return binary('ne', this, b);
  }
  /** 1 where less, else 0. */
  lt(b: Tensor | number): Tensor {
    return binary('lt', this, b);
  }
  /** 1 where less or equal, else 0. */
  le(b: Tensor | number): Tensor {
    return binary('le', this, b);
  }
  /** 1 where greater, else 0. */
  gt(b: Tensor | number): Tensor {
    return binary('gt', this, b);
  }
  /** 1 where greater or equal, else 0. */
  ge(b: Tensor | number): Tensor {
    return binary('ge', this, b);
  }
  /** `a` where this is not 0, else `b`. */
  where(a: Tensor, b: Tensor): Tensor {
    return apply(ops.elementwiseOps.where, [this, a, b], {});
  }

  /** -this. */
  neg(): Tensor {
    return unary('neg', this);
  }
  /** The magnitude. */
  abs(): Tensor {
    return unary('abs', this);
  }
  /** e ^ this. */
  exp(): Tensor {
    return unary('exp', this);
  }
  /** The natural logarithm. */
  log(): Tensor {
    return unary('log', this);
  }
  /** The square root. */
  sqrt(): Tensor {
    return unary('sqrt', this);
  }
  /** 1 / the square root. */
  rsqrt(): Tensor {
    return unary('rsqrt', this);
  }
  /** this * this. */
  square(): Tensor {
    return unary('square', this);
  }
  /** 1 / this. */
  reciprocal(): Tensor {
    return unary('reciprocal', this);
  }
  /** max(this, 0). */
  relu(): Tensor {
    return unary('relu', this);
  }
  /** min(max(this, 0), 6). */
  relu6(): Tensor {
    return unary('relu6', this);
  }
  /** this where positive, else `slope` times it. */
  leakyRelu(slope = 0.01): Tensor {
    checkNumber('leakyRelu', 'slope', slope);
    return apply(ops.elementwiseOps.leakyRelu, [this], { scalars: [slope] });
  }
  /** 1 / (1 + e ^ -this). */
  sigmoid(): Tensor {
    return unary('sigmoid', this);
  }
  /** The hyperbolic tangent. */
  tanh(): Tensor {
    return unary('tanh', this);
  }
  /** this * sigmoid(this), also called swish. */
  silu(): Tensor {
    return unary('silu', this);
  }
  /** this times the normal distribution function of it; by its tanh formula if asked. Hendrycks and Gimpel 2016. */
  gelu(options: { approximate?: 'none' | 'tanh' } = {}): Tensor {
    checkOptions('gelu', options, { approximate: true });
    return unary(options.approximate === 'tanh' ? 'geluTanh' : 'gelu', this);
  }
  /** this * relu6(this + 3) / 6. */
  hardswish(): Tensor {
    return unary('hardswish', this);
  }
  /** relu6(this + 3) / 6. */
  hardsigmoid(): Tensor {
    return unary('hardsigmoid', this);
  }
  /** Limits to [min, max]; a bound left out is none. */
  clamp(min = -3.4028234663852886e38, max = 3.4028234663852886e38): Tensor {
    checkNumber('clamp', 'min', min);
    checkNumber('clamp', 'max', max);
    return apply(ops.elementwiseOps.clamp, [this], { scalars: [min, max] });
  }

  /** Sum over `axes` (all when left out). */
  sum(axes?: number | readonly number[], options: { keepdim?: boolean } = {}): Tensor {
    return reduced(ops.sum, this, { axes }, options);
  }
  /** Mean over `axes` (all when left out). */
  mean(axes?: number | readonly number[], options: { keepdim?: boolean } = {}): Tensor {
    return reduced(ops.mean, this, { axes }, options);
  }
  /** Largest element; equal ones share the gradient, as `torch.amax`. */
  max(axes?: number | readonly number[], options: { keepdim?: boolean } = {}): Tensor {
    return reduced(ops.max, this, { axes }, options);
  }
  /** Smallest element over `axes`; equal ones share the gradient, as `torch.amin`. */
  min(axes?: number | readonly number[], options: { keepdim?: boolean } = {}): Tensor {
    return reduced(ops.min, this, { axes }, options);
  }
  /** Variance, unbiased unless `correction` is 0. */
  variance(axes?: number | readonly number[], options: { keepdim?: boolean; correction?: number } = {}): Tensor {
    return reduced(ops.variance, this, { axes }, options, { keepdim: true, correction: true });
  }
  /** Index of the first largest element along `axis` (of the flattened tensor when left out), int32. */
  argmax(axis?: number, options: { keepdim?: boolean } = {}): Tensor {
    return reduced(ops.argmax, this, { axis }, options);
  }

  /** Matrix product; batch axes broadcast, vectors as in PyTorch. */
  matmul(b: Tensor): Tensor {
    return apply(ops.matmul, [this, b], undefined);
  }
  /** this[…, in] @ weight[out, in]ᵀ + bias[out]. */
  linear(weight: Tensor, bias: Tensor | null = null): Tensor {
    return apply(ops.linear, bias ? [this, weight, bias] : [this, weight], undefined);
  }

  /** The same elements under another shape; one size may be -1. */
  reshape(shape: Shape): Tensor {
    checkList('reshape', 'a shape', shape);
    return apply(ops.reshape, [this], { shape });
  }
  /** Joins the axes from `start` to `end`. */
  flatten(start = 0, end = -1): Tensor {
    const first = normalizeAxis('flatten', start, this.rank);
    const last = normalizeAxis('flatten', end, this.rank);
    if (last < first)
      throw new ShapeError('flatten', `the range of axes ${start} to ${end} of ${formatShape(this.shape)} is empty.`, [
        this.shape,
      ]);
    return this.reshape([...this.shape.slice(0, first), -1, ...this.shape.slice(last + 1)]);
  }
  /** A new axis of size 1 at `axis`. */
  unsqueeze(axis: number): Tensor {
    if (!Number.isInteger(axis) || axis > this.rank || axis < -this.rank - 1)
      throw new ShapeError('unsqueeze', `axis ${axis} is out of range for a tensor of rank ${this.rank}.`, [
        this.shape,
      ]);
    const at = axis < 0 ? axis + this.rank + 1 : axis;
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }
  /** Drops axes of size 1: all of them, or the one named. */
  squeeze(axis?: number): Tensor {
    const at = axis === undefined ? -1 : normalizeAxis('squeeze', axis, this.rank);
    return this.reshape(this.shape.filter((d, k) => d !== 1 || (axis !== undefined && k !== at)));
  }
  /** The axes in another order: axis k of the result is axis `axes[k]`. */
  permute(axes: readonly number[]): Tensor {
    checkList('permute', 'the axes', axes);
    return apply(ops.permute, [this], { axes });
  }
  /** Swaps two axes. */
  transpose(axis0: number, axis1: number): Tensor {
    const axes = this.shape.map((_, d) => d);
    const [a, b] = [normalizeAxis('transpose', axis0, this.rank), normalizeAxis('transpose', axis1, this.rank)];
    [axes[a], axes[b]] = [b, a];
    return this.permute(axes);
  }
  /** Repeats axes of size 1 (and new leading ones) to `shape`; -1 keeps an axis. */
  expand(shape: Shape): Tensor {
    checkList('expand', 'a shape', shape);
    return apply(ops.expand, [this], { shape });
  }
  /** The range [start, end) of one axis; negative positions count from the end. */
  slice(axis: number, start: number, end: number = Number.MAX_SAFE_INTEGER, step = 1): Tensor {
    return apply(ops.slice, [this], { axis, start, end, step });
  }
  /** The axes from back to front, as `torch.flip`: `images.flip([3])` mirrors images. */
  flip(axes: readonly number[]): Tensor {
    checkList('flip', 'the axes', axes);
    return apply(ops.flip, [this], { axes });
  }
  /** Constant padding as `F.pad`: [left, right, top, bottom, …], from the last axis backwards. */
  pad(padding: readonly number[], value = 0): Tensor {
    checkList('pad', 'the padding', padding);
    return apply(ops.pad, [this], { padding, value });
  }

  /** Convolution of [N, C, H, W] by weight [K, C / groups, R, S], plus bias [K]. */
  conv2d(weight: Tensor, bias: Tensor | null = null, options: ops.Conv2dOptions = {}): Tensor {
    checkOptions('conv2d', options, CONV);
    return apply(ops.conv2d, bias ? [this, weight, bias] : [this, weight], options);
  }
  /** Transposed convolution of [N, C, H, W] by weight [C, K / groups, R, S], plus bias [K]. */
  convTranspose2d(weight: Tensor, bias: Tensor | null = null, options: ops.ConvTranspose2dOptions = {}): Tensor {
    checkOptions('convTranspose2d', options, CONV_TRANSPOSE);
    return apply(ops.convTranspose2d, bias ? [this, weight, bias] : [this, weight], options);
  }
  /**
   * Batch normalisation per channel of [N, C, H, W]. `training`: by the batch's statistics, and the running ones are moved in
   * place; else by the running ones.
   */
  batchNorm2d(
    weight: Tensor | null,
    bias: Tensor | null,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    options: { training: boolean; momentum?: number; eps?: number },
  ): Tensor {
    const { training, momentum = 0.1, eps = 1e-5 } = options;
    const attributes = {
      training,
      momentum,
      eps,
      runningMean: runningMean?.value ?? null,
      runningVar: runningVar?.value ?? null,
    };
    return apply(ops.batchNorm2d, [this, weight, bias], attributes);
  }
  /**
   * Layer normalisation: (this - mean) / sqrt(variance + eps) * weight + bias, by the mean and the biased variance over the axes that
   * `normalizedShape` names by their sizes, for each place along the others. They are the last axes, or those from `axis` on.
   */
  layerNorm(
    normalizedShape: Shape,
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    options: { eps?: number; axis?: number } = {},
  ): Tensor {
    checkList('layerNorm', 'a shape', normalizedShape);
    checkOptions('layerNorm', options, { eps: true, axis: true });
    const { eps = 1e-5, axis } = options;
    return apply(ops.layerNorm, [this, weight, bias], { normalizedShape, axis, eps });
  }
  /** Maximum of each window of [N, C, H, W]; windows do not overlap unless `stride` says so. */
  maxPool2d(kernel: ops.Pair, options: Omit<ops.MaxPoolOptions, 'kernel'> = {}): Tensor {
    checkOptions('maxPool2d', options, MAX_POOL);
    return apply(ops.maxPool2d, [this], { kernel, ...options });
  }
  /** Mean of each window of [N, C, H, W]. */
  avgPool2d(kernel: ops.Pair, options: Omit<ops.AvgPoolOptions, 'kernel'> = {}): Tensor {
    checkOptions('avgPool2d', options, AVG_POOL);
    return apply(ops.avgPool2d, [this], { kernel, ...options });
  }
  /** [N, C, H, W] to [N, C, outH, outW] by means over equal windows; 1 is the global mean. */
  adaptiveAvgPool2d(outputSize: ops.Pair): Tensor {
    return apply(ops.adaptiveAvgPool2d, [this], { outputSize });
  }
  /** e ^ this along `axis`, scaled to the sum 1. */
  softmax(axis: number): Tensor {
    return apply(ops.softmax, [this], { axis });
  }
  /** The logarithm of {@link softmax}, computed stably. */
  logSoftmax(axis: number): Tensor {
    return apply(ops.logSoftmax, [this], { axis });
  }
  /** Zeroes each element with probability `p`, scales the others by 1 / (1 - p). Without `seed`, masks follow from `manualSeed`. */
  dropout(p: number, options: { seed?: number } = {}): Tensor {
    checkOptions('dropout', options, { seed: true });
    return apply(ops.dropout, [this], ops.dropoutScalars(p, options.seed ?? drawOnce(() => defaultGenerator.uint32())));
  }
  /** Cross-entropy of logits [N, C, …] against int32 labels [N, …]; the softmax is inside. As `F.cross_entropy`. */
  crossEntropy(labels: Tensor, options: ops.CrossEntropyAttributes & { weight?: Tensor } = {}): Tensor {
    checkOptions('crossEntropy', options, CROSS_ENTROPY);
    const { weight, ...attributes } = options;
    return apply(ops.crossEntropy, [this, labels, weight ?? null], attributes);
  }
  /** (this - target)², its mean unless `reduction` says otherwise. */
  mseLoss(target: Tensor, options: { reduction?: ops.Reduction } = {}): Tensor {
    checkOptions('mseLoss', options, { reduction: true });
    return apply(ops.mseLoss, [this, target], options);
  }
}

function checkFloat(dtype: DType): void {
  if (dtype === 'int32')
    throw new RegraftError('requires_grad: only float32 and float16 tensors have gradients, this one is int32.');
}

/** Applies an op to tensors. @throws ArgumentError for operands that are none. */
export function apply<A>(op: ops.Op<A>, inputs: readonly (Tensor | null)[], attributes: A): Tensor {
  for (const input of inputs) if (input !== null) checkTensor(op.name, input);
  const { value, gradNode } = applyOp(op, inputs, attributes);
  return new Tensor(value, { gradNode });
}

/** `value`. @throws ArgumentError if it is no tensor. */
export function checkTensor(op: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw noTensor(op, value);
}

const noTensor = (op: string, got: unknown, expected = 'a tensor'): ArgumentError =>
  new ArgumentError(
    `${op}: expected ${expected}, got ${shown(got)}.${typeof got === 'object' && got ? ' Write tensor(…).' : ''}`,
  );

/** @throws ArgumentError for options that do not exist, as `keepdim` by its place. */
function reduced<A extends object, O extends object>(
  op: ops.Op<A & O>,
  t: Tensor,
  axes: A,
  options: O,
  names: OptionNames<O> = { keepdim: true } as unknown as OptionNames<O>,
): Tensor {
  checkOptions(op.name, options, names);
  return apply(op, [t], { ...axes, ...options });
}

/** Joins tensors along `axis`. */
export function cat(tensors: readonly Tensor[], axis = 0): Tensor {
  checkList('cat', 'the tensors', tensors);
  return apply(ops.cat, tensors, { axis });
}

function unary(name: ops.ElementwiseName, a: Tensor, scalar?: number): Tensor {
  return apply(ops.elementwiseOps[name], [a], scalar === undefined ? {} : { scalars: [scalar], dynamic: true });
}

function binary(name: ops.ElementwiseName, a: Tensor, b: Tensor | number): Tensor {
  if (typeof b === 'number') return unary(SCALAR_FORM[name as keyof typeof SCALAR_FORM], a, b);
  if (!(b instanceof Tensor)) throw noTensor(name, b, 'a tensor or a number');
  return apply(ops.elementwiseOps[name], [a, b], {});
}
