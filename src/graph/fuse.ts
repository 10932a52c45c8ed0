/**
 * Planning, second part: drops nodes without a use, and groups those that run together.
 * Elementwise nodes melt into their consumers, chains of them into the kernel that feeds them (its epilogue) or into the
 * reduction that eats them. An optimizer's step melts into the kernel that computes the gradient. A fused group runs where its
 * last node stood, so everything it reads is ready by then.
 */
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Expression } from '../kernels/expressions.ts';
import { type BindingLimits, Draft } from './draft.ts';
import { type Group, groupOf } from './group.ts';
import type { ElementwiseNode, KernelNode, PlannedNode, UpdateNode } from './record.ts';
import { usesOf } from './uses.ts';
import type { Data, Value } from './value.ts';

/** What a kernel may bind, and the switch. */
export interface FuseOptions extends BindingLimits {
  readonly enabled: boolean;
}

/** Drops nodes that nobody can see and groups the rest, in the order in which the groups run. */
export function fuse(nodes: readonly PlannedNode[], { enabled, ...limits }: FuseOptions): Group[] {
  const uses = usesOf(nodes);
  const drafts = new Map<PlannedNode, Draft>();

  /** The draft that makes `value`, if it may disappear into its only consumer, `draft` at position `at`. */
  const adoptable = ({ data }: Value, shape: Shape, draft: Draft, at: number): Draft | undefined => {
    const { root } = draft;
    const node = uses.producer(data);
    if (!enabled || !node || data.kept || data.slot || data !== node.outputs[0]) return undefined;
    if (data.count !== sizeOf(shape) || uses.readers(data) !== 1) return undefined;
    if (node.kind === 'kernel' && node.fuses !== 'epilogue') return undefined;
    const producer = drafts.get(node);
    if (!producer || !draft.canAdopt(producer, limits)) return undefined;
    const isSafe = (read: Data) =>
      !uses.isWritten(read, producer.first, at) && !(root.inPlace && root.outputs.some((d) => d === read));
    return producer.reads.every(isSafe) ? producer : undefined;
  };

  const adopt = (producer: Draft, draft: Draft): Expression => {
    drafts.delete(producer.root);
    return draft.adopt(producer);
  };

  /** `value` broadcast to `shape`: the expression that makes it, or a load of its stored result. */
  const operand = (value: Value, shape: Shape, draft: Draft, at: number): Expression => {
    const producer = adoptable(value, shape, draft, at);
    return producer?.expression ? adopt(producer, draft) : draft.load(value, shape);
  };

  const ofElementwise = (node: ElementwiseNode, draft: Draft, at: number): Expression => {
    const seen = new Map<Data, Expression>();
    const args = node.inputs.map((value): Expression => {
      if (node.inPlace && value.data === node.outputs[0]) return { kind: 'self' };
      const again = seen.get(value.data);
      if (again && sizeOf(value.shape) === sizeOf(node.shape)) return again;
      const expression = operand(value, node.shape, draft, at);
      seen.set(value.data, expression);
      return expression;
    });
    return { kind: 'apply', wgsl: node.wgsl, args, scalars: draft.scalars };
  };

  /** Melts an optimizer's step into the kernel that computes its gradient and nothing else. */
  const ofUpdate = ({ inputs: [gradient, skip] }: UpdateNode, draft: Draft, at: number): null => {
    const producer = skip ? undefined : adoptable(gradient!, gradient!.shape, draft, at);
    const isPlain = producer?.anchor?.outputs.length === 1 && producer.expression?.kind === 'value';
    if (isPlain && gradient!.data.dtype === 'float32') adopt(producer, draft);
    return null;
  };

  const ofKernel = ({ fuses, inputs: [first] }: KernelNode, draft: Draft, at: number): Expression | null => {
    if (fuses === 'epilogue') return { kind: 'value' };
    return fuses === 'element' ? operand(first!, first!.shape, draft, at) : null;
  };

  for (const [at, node] of nodes.entries()) {
    if (!uses.live.has(node)) continue;
    const draft = new Draft(node, at, uses.scalars(node));
    if (node.kind === 'elementwise') draft.expression = ofElementwise(node, draft, at);
    else if (node.kind === 'update') draft.expression = ofUpdate(node, draft, at);
    else draft.expression = ofKernel(node, draft, at);
    drafts.set(node, draft);
  }
  return [...drafts.values()].map(groupOf);
}
