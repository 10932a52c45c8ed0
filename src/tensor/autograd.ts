/** Reverse-mode differentiation: ops leave a trail while they record, backward walks it once and frees it. First order only. */
import { RegraftError, ShapeError } from '../core/errors.ts';
import { checkFunction } from '../core/options.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { openDevice } from '../device/current.ts';
import { internal, limitRecording, recorder, userVisible } from '../graph/record.ts';
import { runScope } from '../graph/run.ts';
import type { Value } from '../graph/value.ts';
import { cast, to } from '../ops/cast.ts';
import { accumulate } from '../ops/elementwise.ts';
import type { Op } from '../ops/op.ts';
import { operandType } from './autocast.ts';
import { beginPass } from './ownership.ts';
import { noteOp } from './trace.ts';

/** A tensor as autograd sees it. */
export interface Variable {
  /** @internal */
  readonly value: Value;
  readonly requires_grad: boolean;
  /** The op that made it; null for a leaf. @internal */
  readonly gradNode: GradNode | null;
  /** Adds to a leaf's gradient. @internal */
  addGrad(gradient: Value): void;
}

/** One op on the trail. */
export interface GradNode {
  readonly op: Op<never>;
  readonly inputs: readonly (Variable | null)[];
  readonly values: readonly (Value | null)[];
  readonly versions: readonly (number | undefined)[];
  readonly output: Value;
  readonly attributes: unknown;
  readonly saved: Record<string, Value>;
  /** Rises from node to node. */
  readonly serial: number;
  done: boolean;
}

let gradEnabled = true;
let serial = 0;

/** The serial number of the newest node: what is made later has a higher one. */
export const newestNode = (): number => serial;

/** Whether ops leave a trail now. */
export function isGradEnabled(): boolean {
  return gradEnabled;
}

/**
 * Runs `fn` without recording gradients, then everything it recorded; what it does not return is freed.
 * `fn` must be synchronous: read results back outside of it.
 * @param fn What it returns stays: a tensor, or tensors in arrays and objects.
 * @example
 * const probabilities = await noGrad(() => model.forward(images).softmax(1)).data();
 */
export function noGrad<T>(fn: () => T): T {
  checkFunction('noGrad', 'what it runs', fn, 'noGrad(() => …)');
  return runScope(() => {
    const before = gradEnabled;
    gradEnabled = false;
    try {
      return fn();
    } finally {
      gradEnabled = before;
    }
  });
}

/**
 * Runs `fn` (typically forward, backward and `optimizer.step()`) as one unit: everything it recorded runs when it ends and,
 * apart from what it returns, is freed. The second call with the same shapes replays the plan of the first.
 * @param fn Synchronous. What it returns stays: a tensor, or tensors in arrays and objects.
 * @example
 * const loss = step(() => {
 *   const loss = crossEntropy(model.forward(images), labels);
 *   loss.backward();
 *   optimizer.step();
 *   optimizer.zeroGrad();
 *   return loss;
 * });
 * console.log(await loss.item());
 */
export function step<T>(fn: () => T): T {
  checkFunction('step', 'what it runs', fn, 'step(() => …)');
  return runScope(fn);
}

/** Records an op, and leaves a trail where a gradient may be wanted. */
export function applyOp<A>(
  op: Op<A>,
  given: readonly (Variable | null)[],
  attributes: A,
): { value: Value; gradNode: GradNode | null } {
  limitRecording();
  const type = operandType(op as unknown as Op<never>);
  const operands = type ? given.map((t) => t && converted(t, type)) : given;
  const values = operands.map((t) => t?.value ?? null);
  const differentiable = gradEnabled && op.backward && operands.some((t) => t?.requires_grad);
  const saved = differentiable ? {} : null;
  const value = op.forward(values, attributes, saved);
  noteOp(op.name, values, attributes, value);
  if (userVisible()) value.data.visible = true;
  if (!saved) return { value, gradNode: null };
  const versions = values.map((v) => v?.data.version);
  const gradNode: GradNode = {
    op: op as unknown as Op<never>,
    inputs: operands,
    values,
    versions,
    output: value,
    attributes,
    saved,
    serial: ++serial,
    done: false,
  };
  for (const { data } of held(gradNode)) data.saves++;
  return { value, gradNode };
}

/** A float operand in the type that autocast wants, on the trail. */
function converted(t: Variable, dtype: 'float16' | 'float32'): Variable {
  if (t.value.data.dtype === dtype || t.value.data.dtype === 'int32') return t;
  const { value, gradNode } = internal(() => applyOp(to, [t], { dtype }));
  // It has a trail, or no gradient: nothing is ever added to it.
  return { value, gradNode, requires_grad: gradNode !== null, addGrad: () => {} };
}

function held(node: GradNode): Value[] {
  return [...node.values.filter((v): v is Value => v !== null), node.output, ...Object.values(node.saved)];
}

/** The trail behind `root`, every op before those that feed it; of ops after number `since`. */
function trailOf(root: GradNode, since = 0): GradNode[] {
  const order: GradNode[] = [];
  const seen = new Set<GradNode>([root]);
  const stack: { node: GradNode; next: number }[] = [{ node: root, next: 0 }];
  while (stack.length) {
    const top = stack.at(-1)!;
    const input = top.node.inputs[top.next++];
    if (top.next > top.node.inputs.length) {
      order.push(stack.pop()!.node);
    } else if (input?.gradNode && input.gradNode.serial > since && !seen.has(input.gradNode)) {
      seen.add(input.gradNode);
      stack.push({ node: input.gradNode, next: 0 });
    }
  }
  return order.reverse();
}

/** Gives up the trail of `root` back to op number `since`; gives what it starts from and requires a gradient. */
export function releaseTrail(root: GradNode, since: number): Variable[] {
  const starts = new Set<Variable>();
  for (const node of trailOf(root, since)) {
    for (const input of node.inputs)
      if (input?.requires_grad && (input.gradNode?.serial ?? 0) <= since) starts.add(input);
    release(node);
  }
  return [...starts];
}

function release(node: GradNode): void {
  node.done = true;
  for (const { data } of held(node)) data.saves--;
}

/**
 * Adds d root / d leaf to the `grad` of every leaf that requires one. Frees the trail, unless `retainGraph`.
 * @throws ShapeError unless `root` is a scalar or `gradient` has its shape.
 */
export function backward(root: Variable, gradient: Value, retainGraph: boolean): void {
  if (!root.requires_grad)
    throw new RegraftError(
      'backward: this tensor does not depend on any that requires a gradient. Set requires_grad = true on one, outside of noGrad().',
    );
  const { shape } = root.value;
  if (!sameShape(gradient.shape, shape))
    throw new ShapeError(
      'backward',
      `the gradient must have the shape of the output ${formatShape(shape)}, got ${formatShape(gradient.shape)}.`,
      [shape, gradient.shape],
    );
  // One inside of another, a checkpoint's, belongs to it.
  if (recorder.depth === 0) {
    openDevice()?.backlog.backward();
    beginPass();
  }
  internal(() => {
    if (!root.gradNode) {
      root.addGrad(gradient);
      return;
    }
    const gradients = new Map<GradNode, Value>([[root.gradNode, cast(gradient, root.value.data.dtype)]]);
    for (const node of trailOf(root.gradNode)) {
      const gy = gradients.get(node);
      gradients.delete(node);
      if (gy) propagate(node, gy, gradients);
      if (!retainGraph) release(node);
    }
  });
}

/** Passes one op's gradient on to its inputs. */
function propagate(node: GradNode, gy: Value, gradients: Map<GradNode, Value>): void {
  const { op, inputs, values, versions, output, saved } = node;
  if (node.done)
    throw new RegraftError(
      `backward: the graph of '${op.name}' was freed by an earlier backward(). Pass { retainGraph: true } to the first.`,
    );
  if (values.some((v, k) => v && v.data.version !== versions[k]))
    throw new RegraftError(
      `backward: an input of '${op.name}' was changed in place since it was used. Call backward() before optimizer.step().`,
    );
  const needs = inputs.map((t) => t?.requires_grad ?? false);
  const results = op.backward!(gy, { inputs: values, output, attributes: node.attributes as never, needs, saved });
  inputs.forEach((input, k) => {
    if (!results[k] || !input?.requires_grad) return;
    // A gradient is kept in the type of what it is the gradient of.
    const g = cast(results[k], values[k]!.data.dtype);
    if (input.gradNode) gradients.set(input.gradNode, accumulate(gradients.get(input.gradNode), g));
    else input.addGrad(g);
  });
}
