/** Planning: a group of nodes in the making. */
import type { Shape } from '../core/shape.ts';
import { accessOf } from '../kernels/elementwise.ts';
import type { Expression } from '../kernels/expressions.ts';
import type { Scalar } from '../kernels/kernel.ts';
import type { KernelNode, PlannedNode } from './record.ts';
import type { Data, Value } from './value.ts';

/** A buffer that an expression reads, and how. */
interface Load {
  readonly data: Data;
  /** Text of its access and element type. */
  readonly access: string;
}

/** Bindings that a kernel may have, and those that a buffer takes: more than one where it is too large. */
export interface BindingLimits {
  readonly maxBindings: number;
  bindingsOf(data: Data): number;
}

/** Longest chain that is fused: keeps modules small enough to compile quickly. */
const MAX_FUSED = 24;

/** Nodes that run as one program: `root`, and the drafts that it has adopted. */
export class Draft {
  readonly root: PlannedNode;
  /** The only member with a kernel of its own. */
  anchor: KernelNode | null;
  /** The root's value in terms of loads and of the anchor's result. */
  expression: Expression | null = null;
  /** Reads of the expression, apart from the anchor's own inputs. */
  readonly loads: Load[] = [];
  /** Position of the earliest member: nothing that the group reads may be overwritten after it. */
  first: number;
  size = 1;
  /** True if a scalar of a member may change between runs. */
  dynamic: boolean;
  /** Scalars of the root alone. */
  readonly scalars: readonly Scalar[];
  readonly #operands: string[] = [];

  constructor(root: PlannedNode, at: number, scalars: readonly Scalar[] = []) {
    this.root = root;
    this.anchor = root.kind === 'kernel' ? root : null;
    this.first = at;
    this.dynamic = root.kind === 'update' || (root.kind === 'elementwise' && root.dynamic);
    this.scalars = scalars;
  }

  /** Text that two groups share exactly when they do the same to buffers of the same shapes. */
  get text(): string {
    return `${textOf(this.root)}[${this.#operands.join()}]`;
  }

  /** Everything that the group reads. */
  get reads(): Data[] {
    return [...this.loads.map(({ data }) => data), ...(this.anchor?.inputs.map(({ data }) => data) ?? [])];
  }

  /** The expression that reads `value`, broadcast to `shape`. */
  load({ data, shape: from }: Value, shape: Shape): Expression {
    const access = accessOf(from, shape);
    const text = JSON.stringify(access) + data.dtype;
    const read = this.#read({ data, access: text });
    this.#operands.push(`load${read}${text}`);
    return { kind: 'load', read, access, dtype: data.dtype };
  }

  /** True if it can adopt `other`: there is one kernel at most, and what it binds is within `limits`. */
  canAdopt(other: Draft, { maxBindings, bindingsOf }: BindingLimits): boolean {
    if (other.size >= MAX_FUSED || (this.anchor && other.anchor)) return false;
    const { root } = this;
    const kernel = this.anchor ?? other.anchor;
    const loads = [...this.loads, ...other.loads].map(({ data }) => data);
    const own = kernel ? [...kernel.inputs.map(({ data }) => data), ...kernel.outputs] : root.outputs.slice(0, 1);
    const state = root.kind === 'update' ? root.outputs : [];
    const bound = [...own, ...state, ...loads, ...root.inputs.map(({ data }) => data)];
    return bound.reduce((n, data) => n + bindingsOf(data), 0) <= maxBindings;
  }

  /** Takes over the nodes of `other`, which {@link canAdopt}, and gives its expression with the loads of this draft. */
  adopt(other: Draft): Expression {
    this.anchor ??= other.anchor;
    this.first = Math.min(this.first, other.first);
    this.size += other.size;
    this.dynamic ||= other.dynamic;
    const map = other.loads.map((load) => this.#read(load));
    this.#operands.push(`(${other.text}:${map.join()})`);
    return renumber(other.expression!, map);
  }

  /** The number of a load, added where it is new. */
  #read(load: Load): number {
    const known = this.loads.findIndex(({ data, access }) => data === load.data && access === load.access);
    return known < 0 ? this.loads.push(load) - 1 : known;
  }
}

/** Text of a node's own work on operands of these shapes. */
function textOf(node: PlannedNode): string {
  if (node.kind === 'elementwise')
    return `${node.outputs[0].dtype}=${node.name}{${node.wgsl}}${node.dynamic ? '' : node.scalars.join()}`;
  const operands = node.inputs.map(({ shape, data }) => shape.join('x') + data.dtype);
  if (node.kind === 'update') return `${node.name}{${node.key}}${operands[0]}`;
  return `${node.outputs.map((d) => d.dtype).join()}=${node.name}{${node.key}}${operands.join()}`;
}

/** The expression with load `map[k]` in place of load `k`. Shared sub-expressions stay shared. */
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
