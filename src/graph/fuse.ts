/**
 * Planning, first part: which nodes run, and which run together.
 * Elementwise nodes melt into their consumers, chains of them into the kernel that feeds them (its epilogue) or into the
 * reduction that eats them. An optimizer's step melts into the kernel that computes the gradient. A fused group runs where its
 * last node stood, so everything it reads is ready by then.
 */
import { type Shape, sizeOf } from '../core/shape.ts';
import { accessOf, type Expression, elementFusion, elementwise, epilogueFusion } from '../kernels/elementwise.ts';
import { identityEpilogue, input, type KernelTarget, output, type Program, type Scalar } from '../kernels/kernel.ts';
import { applyUpdate } from '../kernels/optimizer.ts';
import { batchScaleOf, type ElementwiseNode, type KernelNode, type Node, type UpdateNode } from './record.ts';
import type { Data, Value } from './value.ts';

/** Nodes that run as one program. */
export interface Group {
  /** The last node of the group: its outputs are what the group leaves behind. */
  readonly root: Node;
  /** What it is called in messages: the node that has a kernel of its own, else the root. */
  readonly main: Node;
  /** Buffers the program reads: its `input(k)`. */
  readonly reads: readonly Data[];
  /** Buffers the program writes: its `output(k)`. */
  readonly writes: readonly Data[];
  readonly inPlace: boolean;
  /** Scalars that may change between runs. */
  readonly dynamic: boolean;
  /** Text that two groups share exactly when they do the same to buffers of the same shapes. */
  readonly key: string;
  lower(target: KernelTarget): Program;
}

/** Longest chain that is fused: keeps modules small enough to compile quickly. */
const MAX_FUSED = 24;

interface Draft {
  readonly root: Node;
  readonly anchor: KernelNode | null;
  /** The root's value in terms of loads (and of the anchor's result). */
  readonly expression: Expression | null;
  /** Reads of the expression, apart from the anchor's own inputs. */
  readonly loads: readonly { data: Data; access: string }[];
  /** Position of the earliest member: nothing that the group reads may be overwritten after it. */
  readonly first: number;
  readonly size: number;
  readonly dynamic: boolean;
  readonly text: string;
  /** The root's own. */
  readonly scalars: readonly Scalar[];
}

/** Drops nodes that nobody can see and groups the rest, in the order in which the groups run. */
export function fuse(nodes: readonly Node[], options: { maxBindings: number; enabled: boolean }): Group[] {
  const live = liveNodes(nodes);
  const position = new Map<Node, number>();
  const consumers = new Map<Data, Set<Node>>();
  const writes = new Map<Data, number[]>();
  const scalarIds = new Map<Node, number>();
  let scalarCount = 0;
  nodes.forEach((node, at) => {
    if ('scalars' in node) {
      scalarIds.set(node, scalarCount);
      scalarCount += node.scalars.length;
    }
    if (!live.has(node)) return;
    position.set(node, at);
    for (const { data } of node.inputs) {
      if (!consumers.has(data)) consumers.set(data, new Set());
      consumers.get(data)!.add(node);
    }
    if (node.inPlace) for (const data of node.outputs) (writes.get(data) ?? writes.set(data, []).get(data)!).push(at);
  });

  const drafts = new Map<Node, Draft>();
  const absorbed = new Set<Node>();

  /** The draft that made `value`, if it may disappear into its only consumer at position `at`. */
  const producerOf = (value: Value, consumer: Node, shape: Shape, at: number): Draft | null => {
    const node = value.data.node;
    if (!options.enabled || !node || value.data.kept || value.data.slot || value.data !== node.outputs[0]) return null;
    if (value.data.count !== sizeOf(shape) || consumers.get(value.data)!.size !== 1) return null;
    const draft = drafts.get(node);
    if (!draft || draft.root.inPlace || draft.size >= MAX_FUSED) return null;
    if (node.kind === 'kernel' && node.fuses !== 'epilogue') return null;
    const read = [...draft.loads.map((l) => l.data), ...(draft.anchor?.inputs.map((v) => v.data) ?? [])];
    const overwritten = read.some((data) => writes.get(data)?.some((w) => w > draft.first && w < at));
    const conflicts = consumer.inPlace && read.some((data) => consumer.outputs.includes(data));
    return overwritten || conflicts ? null : draft;
  };

  for (const [at, node] of nodes.entries()) {
    if (!live.has(node)) continue;
    const loads: { data: Data; access: string }[] = [];
    const texts: string[] = [];
    let anchor: KernelNode | null = null;
    let first = at;
    let size = 1;
    let dynamic = false;
    const scalars =
      'scalars' in node ? node.scalars.map((value, k): Scalar => ({ id: scalarIds.get(node)! + k, value })) : [];

    const addLoad = (data: Data, shape: Shape, out: Shape): Expression => {
      const access = accessOf(shape, out);
      const text = JSON.stringify(access) + data.dtype;
      let read = loads.findIndex((l) => l.data === data && l.access === text);
      if (read < 0) read = loads.push({ data, access: text }) - 1;
      texts.push(`load${read}${text}`);
      return { kind: 'load', read, access, dtype: data.dtype };
    };
    /** Takes over a producer's expression, its loads renumbered into this group's. */
    const adopt = (draft: Draft): Expression => {
      absorbed.add(draft.root);
      anchor = draft.anchor ?? anchor;
      first = Math.min(first, draft.first);
      size += draft.size;
      dynamic ||= draft.dynamic;
      const map = draft.loads.map((l) => {
        const known = loads.findIndex((k) => k.data === l.data && k.access === l.access);
        return known < 0 ? loads.push(l) - 1 : known;
      });
      texts.push(`(${draft.text}:${map.join()})`);
      return renumber(draft.expression!, map);
    };
    const fits = (draft: Draft): boolean => {
      const kernel = anchor ?? draft.anchor ?? (node.kind === 'kernel' ? node : null);
      const own = kernel ? kernel.inputs.length + kernel.outputs.length : 1;
      const state = node.kind === 'update' ? node.outputs.length : 0;
      return own + state + loads.length + draft.loads.length + node.inputs.length <= options.maxBindings;
    };
    const build = (value: Value, shape: Shape, allowAnchor: boolean): Expression => {
      const draft = producerOf(value, node, shape, at);
      if (draft?.expression && (!draft.anchor || (allowAnchor && !anchor)) && fits(draft)) return adopt(draft);
      return addLoad(value.data, value.shape, shape);
    };

    if (node.kind === 'elementwise') {
      dynamic = node.dynamic;
      const seen = new Map<Data, Expression>();
      const args = node.inputs.map((value) => {
        if (node.inPlace && value.data === node.outputs[0]) return { kind: 'self' } as const;
        const again = seen.get(value.data);
        if (again && sizeOf(value.shape) === sizeOf(node.shape)) return again;
        const expression = build(value, node.shape, true);
        seen.set(value.data, expression);
        return expression;
      });
      const text = `${node.outputs[0].dtype}=${node.name}{${node.wgsl}}${node.dynamic ? '' : node.scalars.join()}[${texts.join()}]`;
      const expression: Expression = { kind: 'apply', wgsl: node.wgsl, args, scalars };
      drafts.set(node, { root: node, anchor, expression, loads, first, size, dynamic, text, scalars });
    } else if (node.kind === 'update') {
      const [gradient, skip] = node.inputs;
      const draft = skip ? null : producerOf(gradient!, node, gradient!.shape, at);
      const isPlain = draft?.anchor?.outputs.length === 1 && draft.expression?.kind === 'value';
      if (draft && isPlain && gradient!.data.dtype === 'float32' && fits(draft)) adopt(draft);
      const text = `${node.name}{${node.key}}${gradient!.shape.join('x')}${gradient!.data.dtype}[${texts.join()}]`;
      drafts.set(node, { root: node, anchor, expression: null, loads, first, size, dynamic: true, text, scalars });
    } else {
      const expression: Expression | null =
        node.fuses === 'element'
          ? build(node.inputs[0]!, node.inputs[0]!.shape, false)
          : node.fuses === 'epilogue'
            ? { kind: 'value' }
            : null;
      const text = `${node.outputs.map((d) => d.dtype).join()}=${node.name}{${node.key}}${node.inputs.map((v) => v.shape.join('x') + v.data.dtype).join()}[${texts.join()}]`;
      drafts.set(node, { root: node, anchor: node, expression, loads, first, size, dynamic, text, scalars });
    }
  }
  return [...drafts.values()].filter((d) => !absorbed.has(d.root)).map(finish);
}

/** Nodes whose results are kept, are slots, or feed one that is. */
function liveNodes(nodes: readonly Node[]): Set<Node> {
  const live = new Set<Node>();
  const visit: Node[] = nodes.filter((n) => n.inPlace || n.outputs.some((d) => d.kept || d.slot));
  while (visit.length) {
    const node = visit.pop()!;
    if (live.has(node)) continue;
    live.add(node);
    for (const { data } of node.inputs) if (data.node) visit.push(data.node);
  }
  return live;
}

function renumber(root: Expression, map: readonly number[]): Expression {
  if (map.every((to, from) => to === from)) return root;
  const done = new Map<Expression, Expression>();
  const visit = (e: Expression): Expression => {
    const known = done.get(e);
    if (known) return known;
    const copy: Expression =
      e.kind === 'load' ? { ...e, read: map[e.read]! } : e.kind === 'apply' ? { ...e, args: e.args.map(visit) } : e;
    done.set(e, copy);
    return copy;
  };
  return visit(root);
}

function finish(draft: Draft): Group {
  return draft.root.kind === 'update' ? finishUpdate(draft.root, draft) : finishComputation(draft);
}

/** An optimizer's step, with the kernel of the gradient or by itself. */
function finishUpdate(root: UpdateNode, { anchor, dynamic, text, scalars }: Draft): Group {
  const reads = (anchor ?? root).inputs.map((v) => v.data);
  const lower = (target: KernelTarget): Program => {
    const skip = root.inputs[1] && input(1);
    const update = root.update(scalars, skip);
    if (!anchor) return applyUpdate(target, root.outputs[0]!.count, update, { skip });
    const { steps, temps = [] } = anchor.lower(target, update.fusion);
    const named = steps.map((s) => (s.fusion === update.fusion ? { ...s, name: `${s.name}+${update.name}` } : s));
    return { steps: [...named, ...update.after], temps };
  };
  return { root, main: anchor ?? root, reads, writes: root.outputs, inPlace: true, dynamic, key: text, lower };
}

function finishComputation(draft: Draft): Group {
  const { root, anchor, expression, loads } = draft;
  const own = anchor ? anchor.inputs.map((v) => v.data) : [];
  const operands = loads.map((_, k) => input(own.length + k));
  const writes = anchor && anchor !== root ? [root.outputs[0]!, ...anchor.outputs.slice(1)] : root.outputs;
  const batchScale = anchor ? batchScaleOf(anchor) : 1;
  const lower = (adapter: KernelTarget): Program => {
    const target = { ...adapter, batchScale };
    if (!anchor) {
      const { name, shape } = root as ElementwiseNode;
      const count = sizeOf(shape);
      const { dtype } = root.outputs[0]!;
      const label = draft.size > 1 ? `fused.${name}` : name;
      return {
        steps: [
          elementwise(target, {
            name: label,
            expression: expression!,
            count,
            reads: operands,
            write: output(0),
            dtype,
          }),
        ],
      };
    }
    if (anchor.fuses === 'element') return anchor.lower(target, elementFusion(expression!, operands));
    if (expression?.kind === 'apply') return anchor.lower(target, epilogueFusion(expression, operands, anchor.axes));
    return anchor.lower(target, identityEpilogue);
  };
  // The virtual input of an `element` kernel is not a buffer: the loads of its expression stand for it.
  const reads = [...own, ...loads.map((l) => l.data)];
  if (anchor?.fuses === 'element') reads[0] = loads[0]!.data;
  const { dynamic, text: key } = draft;
  return { root, main: anchor ?? root, reads, writes, inPlace: root.inPlace, dynamic, key, lower };
}
