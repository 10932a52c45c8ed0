/** Recording: ops append nodes here and nothing runs until a boundary. */
import type { DType } from '../core/dtype.ts';
import { DisposedError } from '../core/errors.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { EpilogueAxes } from '../kernels/expressions.ts';
import type { Choice, Fusion, KernelTarget, Operand, Program, Scalar } from '../kernels/kernel.ts';
import type { Update } from '../kernels/optimizer.ts';
import { Data, promotedType, type Value } from './value.ts';

/** y[i] = f(a[i], b[i], …): the planner fuses these. */
export interface ElementwiseNode {
  readonly kind: 'elementwise';
  readonly name: string;
  /** Expression over a, b, c, d, s, t; see kernels/elementwise.ts. */
  readonly wgsl: string;
  readonly inputs: readonly Value[];
  readonly scalars: readonly number[];
  /** The scalars may change from run to run without a new plan. */
  readonly dynamic: boolean;
  readonly shape: Shape;
  readonly outputs: readonly [Data];
  /** Overwrites a slot instead of making something new. */
  readonly inPlace: boolean;
}

/** An optimizer's step: slots (the parameter, then its state) are updated from the gradient, the first input. */
export interface UpdateNode {
  readonly kind: 'update';
  readonly name: string;
  /** Text that another update of the same name does not have. */
  readonly key: string;
  /** The gradient, and where there is one the scalar that forbids the step. */
  readonly inputs: readonly Value[];
  /** The hyperparameters: they may change from run to run. */
  readonly scalars: readonly number[];
  readonly outputs: readonly Data[];
  readonly inPlace: true;
  /** @param skip where the step is forbidden */
  update(hyper: readonly Scalar[], skip: Operand | undefined): Update;
}

/** A computation by a kernel, which is given or still to be chosen. */
interface Computation {
  readonly name: string;
  /** The attributes that the program depends on, as text: two nodes of equal name, key and shapes lower to the same one. */
  readonly key: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Data[];
  readonly inPlace: false;
  /** The part that the planner can fuse into the kernel: an epilogue on output 0, or an expression in place of input 0. */
  readonly fuses: 'epilogue' | 'element' | 'nothing';
  readonly axes?: EpilogueAxes;
  /** Element n of the first axis of each output depends on element n of the inputs' alone: images do not mix. */
  readonly samplewise?: boolean;
  /** A samplewise node for which that holds of every input, not of the first alone: images are joined along another axis. */
  readonly joins?: boolean;
}

/** A computation by a given kernel. */
export interface KernelNode extends Computation {
  readonly kind: 'kernel';
  /**
   * Kernels for the node. Program inputs are the node's inputs in order. `fusion` is the expression that the planner fused: the epilogue of
   * output 0, or the element function that stands for input 0.
   */
  lower(target: KernelTarget, fusion: Fusion): Program;
}

/** A computation whose kernel depends on the adapter: the planner makes it a {@link KernelNode}. */
export interface ChoiceNode extends Computation {
  readonly kind: 'choice';
  choose(target: KernelTarget): Choice;
}

export type Node = ElementwiseNode | KernelNode | ChoiceNode | UpdateNode;

/** A node of a graph that is planned for one adapter. */
export type PlannedNode = Exclude<Node, ChoiceNode>;

/** The node that computes each datum. */
export function producersOf<N extends Node>(nodes: readonly N[]): Map<Data, N> {
  const producers = new Map<Data, N>();
  for (const node of nodes) if (!node.inPlace) for (const data of node.outputs) producers.set(data, node);
  return producers;
}

/** A graph that grows past this is run without being asked, so that a loop that never reads stays bounded. */
export const RECORD_LIMIT = 10_000;

class Recorder {
  nodes: Node[] = [];
  /** Freed, but perhaps still read by a recorded node: given back once the graph has run. */
  disposed: Data[] = [];
  /** Nesting of {@link internal}: above 0, tensors belong to the library, not to the user. */
  depth = 0;
  /** Nesting of scopes (step, noGrad) that free what they do not return. */
  scopes = 0;
  /** An optimizer's update is among the nodes: the training step that it ends is a graph of its own. */
  updated = false;
  /** Runs everything recorded; set by run.ts, which this file must not import. */
  boundary: () => void = () => {};
}

export const recorder: Recorder = new Recorder();

function append(node: Node): void {
  for (const { data } of node.inputs)
    if (data.freed) throw new DisposedError(`${node.name}: an input was freed: ${data.freed}`);
  const batchScale = batchScaleOf(node);
  for (const data of node.outputs) {
    if (node.inPlace) data.touch();
    else {
      data.pending = true;
      data.batchScale = batchScale;
    }
  }
  recorder.nodes.push(node);
}

/** The {@link Data.batchScale} of a node's outputs: that of its inputs, where the node keeps images apart. */
export function batchScaleOf(node: Node): number {
  if ('fuses' in node) return node.samplewise ? node.inputs[0]!.data.batchScale : 1;
  return node.inputs.find(({ data }) => data.batchScale !== 1)?.data.batchScale ?? 1;
}

/**
 * Runs a graph that has grown past the limit, or that an optimizer has ended: a loop that never reads then replays the plan of its
 * first step. To be called between two ops of the user: the parts of one op belong together.
 */
export function limitRecording(): void {
  if ((recorder.updated || recorder.nodes.length >= RECORD_LIMIT) && userVisible()) recorder.boundary();
}

/** Records an elementwise computation; inputs broadcast to `shape`. Without a `dtype` the result has the inputs' promoted one. */
export function recordElementwise(
  name: string,
  wgsl: string,
  inputs: readonly Value[],
  shape: Shape,
  options: { scalars?: readonly number[]; dynamic?: boolean; dtype?: DType } = {},
): Value {
  const data = new Data(sizeOf(shape), options.dtype ?? promotedType(inputs));
  const { scalars = [], dynamic = false } = options;
  append({ kind: 'elementwise', name, wgsl, inputs, scalars, dynamic, shape, outputs: [data], inPlace: false });
  return { shape, data };
}

/** Records `slot = f(inputs)`, in place. An input may be the slot itself. The scalars may change from run to run. */
export function recordAssign(
  name: string,
  wgsl: string,
  slot: Value,
  inputs: readonly Value[],
  scalars: readonly number[] = [],
): void {
  slot.data.slot = true;
  const node = { kind: 'elementwise', name, wgsl, inputs, scalars, dynamic: true, shape: slot.shape } as const;
  append({ ...node, outputs: [slot.data], inPlace: true });
}

/** Attributes of a kernel node, and its kernel or the choice of one. */
export type KernelOptions = Partial<Pick<Computation, 'fuses' | 'axes' | 'samplewise' | 'joins'>> &
  Pick<Computation, 'key'> &
  (Pick<KernelNode, 'lower'> | Pick<ChoiceNode, 'choose'>);

/** Records an op with a kernel of its own and gives its outputs. */
export function recordKernel(
  name: string,
  inputs: readonly Value[],
  outputs: readonly { shape: Shape; dtype?: DType }[],
  options: KernelOptions,
): Value[] {
  const values = outputs.map(({ shape, dtype = 'float32' }) => ({ shape, data: new Data(sizeOf(shape), dtype) }));
  const node = { name, inputs, outputs: values.map((v) => v.data), inPlace: false, fuses: 'nothing' } as const;
  append({ kind: 'lower' in options ? 'kernel' : 'choice', ...node, ...options } as KernelNode | ChoiceNode);
  return values;
}

/** Records an optimizer's step on `slots`. */
export function recordUpdate(
  inputs: readonly Value[],
  slots: readonly Value[],
  options: Pick<UpdateNode, 'name' | 'key' | 'scalars' | 'update'>,
): void {
  for (const { data } of slots) data.slot = true;
  recorder.updated = true;
  append({ kind: 'update', inputs, outputs: slots.map((s) => s.data), inPlace: true, ...options });
}

/** Runs `fn` as library code: tensors made inside are not kept for the user. */
export function internal<T>(fn: () => T): T {
  recorder.depth++;
  try {
    return fn();
  } finally {
    recorder.depth--;
  }
}

/** True if a tensor made now is one that the user may come back to. */
export function userVisible(): boolean {
  return recorder.depth === 0 && recorder.scopes === 0;
}

/** Lets the user come back to a value that library code made: a module's output, a captured activation. */
export function reveal(value: Value): void {
  if (recorder.scopes === 0) value.data.visible = true;
}
