/** Planning: a finished draft as a group with its program. */
import { elementFusion, elementwise, epilogueFusion } from '../kernels/elementwise.ts';
import type { Expression } from '../kernels/expressions.ts';
import {
  type Fusion,
  identityEpilogue,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  type Scalar,
} from '../kernels/kernel.ts';
import { applyUpdate } from '../kernels/optimizer.ts';
import type { Draft } from './draft.ts';
import { batchScaleOf, type ElementwiseNode, type KernelNode, type PlannedNode, type UpdateNode } from './record.ts';
import type { Data } from './value.ts';

/** Nodes that run as one program. */
export interface Group {
  /** The last node of the group: its outputs are the group's. */
  readonly root: PlannedNode;
  /** The node that messages name: the one that has a kernel of its own, else the root. */
  readonly main: PlannedNode;
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

/** A finished draft as a group. */
export function groupOf(draft: Draft): Group {
  const { root, anchor, loads, dynamic, text: key } = draft;
  const main = anchor ?? root;
  const own = main.kind === 'elementwise' ? [] : main.inputs.map((v) => v.data);
  const operands = loads.map((_, k) => input(own.length + k));
  const reads = [...own, ...loads.map((l) => l.data)];
  // The virtual input of an `element` kernel is not a buffer: the loads of its expression stand for it.
  if (anchor?.fuses === 'element') reads[0] = loads[0]!.data;
  const isEpilogue = anchor && root.kind === 'elementwise';
  const writes = isEpilogue ? [root.outputs[0], ...anchor.outputs.slice(1)] : root.outputs;
  const batchScale = batchScaleOf(main);
  const lower = (target: KernelTarget): Program => programOf(draft, { ...target, batchScale }, operands);
  return { root, main, reads, writes, inPlace: root.inPlace, dynamic, key, lower };
}

/** @param operands the buffers that the expression loads */
function programOf(draft: Draft, target: KernelTarget, operands: readonly Operand[]): Program {
  const { root, anchor, expression, scalars } = draft;
  if (root.kind === 'update') return updateProgram(root, anchor, scalars, target);
  if (anchor) return anchor.lower(target, fusionOf(anchor, expression, operands));
  const { name, outputs } = root as ElementwiseNode;
  const [{ count, dtype }] = outputs;
  const label = draft.size > 1 ? `fused.${name}` : name;
  const kernel = { name: label, expression: expression!, count, reads: operands, write: output(0), dtype };
  return { steps: [elementwise(target, kernel)] };
}

/** The expression as the kernel evaluates it: on the way in, or on the way out. */
function fusionOf({ fuses, axes }: KernelNode, e: Expression | null, operands: readonly Operand[]): Fusion {
  if (fuses === 'element') return elementFusion(e!, operands);
  return e?.kind === 'apply' ? epilogueFusion(e, operands, axes) : identityEpilogue;
}

/** An optimizer's step, with the kernel of the gradient or by itself. */
function updateProgram(
  root: UpdateNode,
  gradient: KernelNode | null,
  scalars: readonly Scalar[],
  target: KernelTarget,
): Program {
  const skip = root.inputs[1] && input(1);
  const update = root.update(scalars, skip);
  if (!gradient) return applyUpdate(target, root.outputs[0]!.count, update, { skip });
  const { steps, temps = [] } = gradient.lower(target, update.fusion);
  const named = steps.map((s) => (s.fusion === update.fusion ? { ...s, name: `${s.name}+${update.name}` } : s));
  return { steps: [...named, ...update.after], temps };
}
