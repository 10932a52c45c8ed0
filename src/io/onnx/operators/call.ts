/** A node with the values of its inputs and its attributes, as the operators' rules take it. */
import { RegraftError } from '../../../core/errors.ts';
import type { Shape } from '../../../core/shape.ts';
import { Tensor } from '../../../tensor/tensor.ts';
import type { AttributeProto } from '../schema.ts';
import { type HostValue, isHost, type Value } from './value.ts';

/** What one operator gives: a value, or one for each output. */
export type Output = Value | readonly Value[];

/** How one operator is computed. With numbers alone as inputs it gives numbers where it can. */
export type Rule = (call: Call) => Output;

/** Around the nodes of one run. */
export interface Surroundings {
  /** The version of ONNX's operators. */
  readonly opset: number;
  /** Whether dropout drops and batch norms use the batch's statistics. */
  readonly training: boolean;
  /** The first size of the inputs, in the file where it is one number, and now. */
  readonly batch: { readonly declared: number | undefined; readonly now: number };
  /** Outputs of the last layer, in the file and now, where a new head has others. */
  readonly classes?: { readonly declared: number; readonly now: number } | undefined;
  /** Numbers as a tensor; the same one each time for equal numbers, where they are few or of the file. */
  toTensor(value: HostValue): Tensor;
}

/** A node that is being computed. */
export class Call {
  readonly inputs: readonly (Value | undefined)[];
  /** How many outputs the node has. */
  readonly outputs: number;
  readonly around: Surroundings;
  readonly #attributes: ReadonlyMap<string, AttributeProto>;

  constructor(
    inputs: readonly (Value | undefined)[],
    outputs: number,
    attributes: ReadonlyMap<string, AttributeProto>,
    around: Surroundings,
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.around = around;
    this.#attributes = attributes;
  }

  get opset(): number {
    return this.around.opset;
  }

  /** An input wherever it lies. @throws RegraftError if it is left out. */
  value(i: number): Value {
    const value = this.inputs[i];
    if (value) return value;
    throw new RegraftError(`expected its input ${i + 1}, got none.`);
  }

  has(i: number): boolean {
    return this.inputs[i] !== undefined;
  }

  /** An input as a tensor of the device. */
  tensor(i: number): Tensor {
    const value = this.value(i);
    return value instanceof Tensor ? value : this.around.toTensor(value);
  }

  /** An input as a tensor, or null if it is left out. */
  optional(i: number): Tensor | null {
    return this.has(i) ? this.tensor(i) : null;
  }

  /** An input as numbers of the host. @throws RegraftError if the device computes it. */
  host(i: number): HostValue {
    const value = this.value(i);
    if (isHost(value)) return value;
    throw new RegraftError(
      `expected its input ${i + 1} to follow from constants and sizes alone, got one that is computed of the network's inputs or weights.`,
    );
  }

  /** {@link host} as a list, or undefined if the input is left out. */
  numbers(i: number): number[] | undefined {
    return this.has(i) ? Array.from(this.host(i).data) : undefined;
  }

  /** Whether all inputs are numbers of the host. */
  get isHost(): boolean {
    return this.inputs.every((value) => value === undefined || isHost(value));
  }

  int(name: string, otherwise: number): number {
    return this.#attributes.get(name)?.i ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.#attributes.get(name)?.f ?? otherwise;
  }

  /** @throws RegraftError where there are none and no others are given. */
  ints(name: string, otherwise?: readonly number[]): readonly number[] {
    const found = this.#attributes.get(name)?.ints ?? otherwise;
    if (found) return found;
    throw new RegraftError(`expected the attribute '${name}', got none.`);
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attributes.get(name)?.floats;
  }

  text(name: string, otherwise: string): string {
    const bytes = this.#attributes.get(name)?.s;
    return bytes?.length ? new TextDecoder().decode(bytes) : otherwise;
  }

  attribute(name: string): AttributeProto | undefined {
    return this.#attributes.get(name);
  }

  /** A list that newer versions take as an input, older ones as an attribute; undefined where it is in neither. */
  list(i: number, name: string): readonly number[] | undefined {
    return this.numbers(i) ?? this.#attributes.get(name)?.ints;
  }

  /** Refuses what is not computed here. */
  refuse(detail: string): never {
    throw new RegraftError(detail);
  }
}

/** A rule that leaves everything to tensors. */
export const onDevice =
  (rule: (call: Call, x: Tensor) => Tensor): Rule =>
  (call) =>
    rule(call, call.tensor(0));

/** A shape that holds for a batch: a first size that the file has as its own batch becomes that of now. */
export function forBatch({ around: { batch } }: Call, shape: Shape, first: number | undefined): number[] {
  const [head, ...rest] = shape;
  const isBatch = batch.declared !== undefined && batch.declared !== batch.now && head === batch.declared;
  return head === undefined ? [] : [isBatch && first === batch.now ? batch.now : head, ...rest];
}
