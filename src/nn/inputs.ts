/** The inputs of a model, described by shape and type: for summaries and exports, which record a forward pass and compute nothing. */
import { type DType, hostArray } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOneOf, shown } from '../core/options.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { hostValue } from '../graph/value.ts';
import { Tensor } from '../tensor/tensor.ts';

/** Shape and type of an input. */
export interface InputSpec<Type extends string = DType> {
  /** Sizes of the axes, batch included: `[1, 3, 224, 224]`. */
  readonly shape: Shape;
  /** Type of the elements; 'float32' by default. */
  readonly dtype?: Type;
}

/** Several inputs: a record where `forward` takes one, a list where it takes tensors one after another. */
export type InputSpecs<Spec> = Readonly<Record<string, Spec>> | readonly Spec[];

/** The options that describe inputs: one of float32 by its shape, or any. */
interface Described<Spec> {
  readonly inputShape?: Shape;
  readonly inputs?: InputSpecs<Spec>;
}

/** Inputs in the order of the call. */
export interface Inputs<Spec> {
  readonly specs: readonly Spec[];
  /** Keys of the record; null where `forward` takes tensors one after another. */
  readonly keys: readonly string[] | null;
}

/**
 * Inputs as they were described; none without a description.
 * @throws ArgumentError for two descriptions, and for sizes or types that no input has.
 */
export function describedInputs<Spec extends InputSpec<string>>(
  op: string,
  { inputShape, inputs }: Described<Spec>,
  dtypes: readonly string[],
): Inputs<Spec> | undefined {
  if (inputShape !== undefined && inputs !== undefined)
    throw new ArgumentError(`${op}: expected inputShape or inputs, got both. Leave inputShape out.`);
  if (inputShape !== undefined) {
    checkSizes(op, 'inputShape', inputShape);
    return { specs: [{ shape: inputShape } as Spec], keys: null };
  }
  if (inputs === undefined) return undefined;
  const isList = Array.isArray(inputs);
  for (const [key, { shape, dtype = 'float32' }] of Object.entries(inputs)) {
    const at = isList ? `inputs[${key}]` : `inputs.${key}`;
    checkSizes(op, `${at}.shape`, shape);
    checkOneOf(op, `${at}.dtype`, dtype, dtypes);
  }
  return { specs: Object.values(inputs), keys: isList ? null : Object.keys(inputs) };
}

/** A tensor of that shape and type, to record with and never to read. */
export function placeholder(shape: Shape, dtype: DType = 'float32'): Tensor {
  return new Tensor(hostValue(shape, dtype, () => hostArray(dtype, new Float32Array(sizeOf(shape)))));
}

/** Tensors as the arguments of `forward`: in one record, or one after another. */
export function argumentsOf(keys: Inputs<unknown>['keys'], tensors: readonly Tensor[]): unknown[] {
  return keys ? [Object.fromEntries(keys.map((key, i) => [key, tensors[i]]))] : [...tensors];
}

/** Whether a value is a record, as several inputs or outputs are, and no tensor. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function checkSizes(op: string, name: string, shape: Shape): void {
  if (Array.isArray(shape) && shape.length > 0 && shape.every((d) => Number.isInteger(d) && d > 0)) return;
  throw new ArgumentError(
    `${op}: expected ${name} as positive sizes, got ${shown(shape)}. Write [1, 3, 224, 224], say.`,
  );
}
