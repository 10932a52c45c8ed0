/** TensorFlow's nodes as ONNX's steps: what the rules of operators write to. */
import { RegraftError } from '../../core/errors.ts';
import { intAttribute, intsAttribute } from '../onnx/layout.ts';
import { ruleOf } from '../onnx/operators/operators.ts';
import { HostValue, longs, strided } from '../onnx/operators/value.ts';
import type { Step } from '../onnx/program.ts';
import type { AttributeProto } from '../onnx/schema.ts';
import type { TfNode } from './graph.ts';

/** Attributes of a step: whole numbers, lists of them, `{ f }` for a float, text. */
export type StepAttributes = Readonly<
  Record<string, number | readonly number[] | string | { readonly f: number } | undefined>
>;

/** A step that is still to get a bias. */
type OpenStep = { -readonly [K in keyof Step]: Step[K] };

/** Of [N, H, W, C] to [N, C, H, W], and back. */
export const TO_CHANNELS_FIRST = [0, 3, 1, 2];
export const TO_CHANNELS_LAST = [0, 2, 3, 1];

/** How a node is translated. @returns the names of its values. @throws RegraftError for what cannot be. */
export type TfRule = (t: Translator, node: TfNode) => string | readonly string[];

export class Translator {
  readonly steps: OpenStep[] = [];
  readonly constants: Map<string, HostValue>;
  readonly #tensors: ReadonlyMap<string, HostValue>;
  /** Values of nodes by their names. */
  readonly #values = new Map<string, string>();
  readonly #uses: ReadonlyMap<string, number>;
  /** Products without a bias, by the values that they give alone. */
  readonly #products = new Map<string, OpenStep>();
  #node: TfNode = { op: '', name: '', inputs: [], attributes: {} };
  #made = 0;

  /** @param tensors by the names of Const nodes. */
  constructor(nodes: readonly TfNode[], tensors: ReadonlyMap<string, HostValue>, outputs: readonly string[]) {
    this.constants = new Map(tensors);
    this.#tensors = tensors;
    const uses = new Map<string, number>();
    const copies = new Map(nodes.flatMap(({ op, name, inputs }) => (op === 'Identity' ? [[name, inputs[0]!]] : [])));
    const rootOf = (name: string): string => (copies.has(name) ? rootOf(copies.get(name)!) : name);
    const given = nodes.flatMap(({ op, inputs }) => (op === 'Identity' ? [] : inputs));
    for (const name of [...given, ...outputs].flatMap((name) => [...new Set([name, rootOf(name)])]))
      uses.set(name, (uses.get(name) ?? 0) + 1);
    this.#uses = uses;
  }

  /** Begins a node: what is emitted from now on is its. */
  begin(node: TfNode): void {
    this.#node = node;
    this.#made = 0;
  }

  /** Ends a node that gives these values. */
  end(values: readonly string[]): void {
    const { name } = this.#node;
    for (const [i, value] of values.entries()) this.#values.set(i === 0 ? name : `${name}:${i}`, value);
  }

  /** The value of a name of the graph. */
  value(name: string): string {
    return this.#values.get(name) ?? name;
  }

  input(i: number): string {
    const name = this.#node.inputs[i];
    if (name === undefined) throw new RegraftError(`expected its input ${i + 1}, got none.`);
    return this.value(name);
  }

  get inputs(): readonly string[] {
    return this.#node.inputs.map((name) => this.value(name));
  }

  /** The constant that an input is. @throws RegraftError */
  host(i: number): HostValue {
    const name = this.input(i);
    const value = this.#tensors.get(name) ?? this.constants.get(name);
    if (value) return value;
    throw new RegraftError(`expected its input ${i + 1} to be a constant, got one that is computed.`);
  }

  isConstant(i: number): boolean {
    return this.constants.has(this.input(i));
  }

  numbers(i: number): number[] {
    return Array.from(this.host(i).data);
  }

  /** A step of the node. @returns the name of its value, or of its first of several. */
  emit(op: string, inputs: readonly string[], attributes: StepAttributes = {}, outputs = 1): string {
    const { name, op: own } = this.#node;
    const rule = ruleOf({ domain: '', opType: op })!;
    const names = Array.from({ length: outputs }, () => `${name}~${this.#made++}`);
    const step: OpenStep = {
      ...{ op, inputs, outputs: names, rule },
      name: nameOf(this.#node, op),
      label: `${own} '${name}'`,
      attributes: attributesOf(attributes),
    };
    this.steps.push(step);
    return names[0]!;
  }

  /** The further values of a step of several. */
  outputsOf(first: string): readonly string[] {
    return this.steps.findLast(({ outputs }) => outputs[0] === first)!.outputs;
  }

  constant(value: HostValue): string {
    const name = `${this.#node.name}~c${this.#made++}`;
    this.constants.set(name, value);
    return name;
  }

  longs(...list: number[]): string {
    return this.constant(longs(list));
  }

  scalar(value: number): string {
    return this.constant(new HostValue([], 'float', [value]));
  }

  transposed(value: string, perm: readonly number[]): string {
    return this.emit('Transpose', [value], { perm });
  }

  /**
   * A constant with its axes in another order, under its own name if nothing else uses it.
   * @param shape the axes by their sizes then, where some become one.
   */
  weight(i: number, perm: readonly number[], shape?: (sizes: readonly number[]) => number[]): string {
    const given = this.host(i);
    const name = this.input(i);
    if (given.shape.length !== perm.length)
      throw new RegraftError(`expected its input ${i + 1} of ${perm.length} axes, got ${given.shape.length}.`);
    const strides = given.shape.map((_, k) => given.shape.slice(k + 1).reduce((n, d) => n * d, 1));
    const turned = strided(
      given,
      perm.map((k) => given.shape[k]!),
      perm.map((k) => strides[k]!),
    );
    const sizes = shape?.(turned.shape) ?? turned.shape;
    const own = this.#uses.get(name) === 1 ? name : `${name}~${perm.join('')}`;
    this.constants.set(own, new HostValue(sizes, given.kind, turned.data, given.stored));
    return own;
  }

  /** Calls a value by another name. */
  rename(value: string, name: string): void {
    const rename = (names: readonly string[]) => names.map((other) => (other === value ? name : other));
    for (const step of this.steps) [step.inputs, step.outputs] = [rename(step.inputs), rename(step.outputs)];
  }

  /** What a rule throws for what it cannot translate. */
  unknown(detail: string): RegraftError {
    return new RegraftError(detail);
  }

  /**
   * Remembers that `value` is what the last product gives, to which a bias may still be added.
   * @param isInner whether nothing but the node itself sees it.
   */
  remember(value: string, isInner: boolean): void {
    const step = this.steps.findLast(({ op }) => op === 'Conv' || op === 'Gemm');
    const isSeenOnce = isInner || this.#uses.get(this.#node.name) === 1;
    if (step?.inputs.length === 2 && isSeenOnce) this.#products.set(value, step);
  }

  /** Gives the product that makes `value` a bias. @returns false if there is none, or it is no vector. */
  addBias(value: string, bias: string): boolean {
    const step = this.#products.get(value);
    if (!step || this.constants.get(bias)?.shape.length !== 1) return false;
    step.inputs = [...step.inputs, bias];
    this.#products.delete(value);
    return true;
  }
}

/** A node by the scope of its weight: the layer that it was of. */
function nameOf({ name, inputs }: TfNode, op: string): string {
  if (op !== 'Conv' && op !== 'Gemm' && op !== 'BatchNormalization' && op !== 'ConvTranspose') return name;
  const weight = (inputs[1] ?? '').replace(/\/ReadVariableOp(_\d+)?$/, '').replace(/^StatefulPartitionedCall\//, '');
  const at = weight.lastIndexOf('/');
  return at > 0 ? `${weight.slice(0, at)}/${op}` : name;
}

function attributesOf(attributes: StepAttributes): ReadonlyMap<string, AttributeProto> {
  return new Map(
    Object.entries(attributes).flatMap(([name, value]) => {
      if (value === undefined) return [];
      const empty = intsAttribute(name, []);
      if (typeof value === 'number') return [[name, intAttribute(name, value)]];
      if (typeof value === 'string') return [[name, { ...empty, s: new TextEncoder().encode(value) }]];
      return [[name, 'f' in value ? { ...empty, f: value.f } : { ...empty, ints: value }]];
    }),
  );
}
