/**
 * What happens around every `module.forward(…)`: hooks, the module's path in front of a ShapeError, and intermediate
 * activations that nobody can read, so that the graph need not keep them.
 * `Module` puts {@link callForward} in place of the method, so that calls stay plain method calls.
 */
import { ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { internal, limitRecording, recorder, userVisible } from '../graph/record.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Module } from './module.ts';
import type { Parameter } from './parameter.ts';

/** Sees what a module returned, and what it was given. */
export type ForwardHook = (output: Tensor, inputs: readonly Tensor[]) => void;

/** Which module an error has left already, so that the one around it can say where that one sits. */
let escaped: { error: unknown; module: Module } | undefined;

/** The module that the user ran last: parameters are named as it names them. */
let latest: WeakRef<Module> | undefined;

/** What a parameter is called in messages: its name in the model that ran last, where it has one there, and its shape. */
export function labelOf(parameter: Parameter): string {
  const named = latest?.deref()?.namedParameters() ?? [];
  const [name = 'a parameter'] = named.find(([, p]) => p === parameter) ?? [];
  return `${name} ${formatShape(parameter.shape)}`;
}

/** Runs `run` as the forward pass of `module`. */
export function callForward(
  module: Module,
  run: (...inputs: Tensor[]) => Tensor,
  hooks: ReadonlySet<ForwardHook> | undefined,
  inputs: Tensor[],
): Tensor {
  let output: Tensor;
  limitRecording();
  if (recorder.depth === 0 && latest?.deref() !== module) {
    // Before it is first run, a model's parts are looked for in fields.
    module.namedModules();
    latest = new WeakRef(module);
  }
  try {
    output = internal(() => run.apply(module, inputs));
  } catch (error) {
    if (error instanceof ShapeError) {
      if (escaped?.error === error) prefixPath(error, pathOf(module, escaped.module));
      escaped = { error, module };
    }
    throw error;
  }
  if (hooks?.size) {
    for (const tensor of [output, ...inputs]) reveal(tensor);
    for (const hook of [...hooks]) hook(output, inputs);
  } else if (userVisible()) {
    reveal(output);
  }
  return output;
}

/** Keeps a tensor's elements past the run that computes them. */
function reveal(tensor: Tensor): void {
  tensor.value.data.visible = true;
}

function pathOf(parent: Module, child: Module): string | undefined {
  return parent.namedModules().find(([, module]) => module === child)?.[0];
}

function prefixPath(error: ShapeError, name: string | undefined): void {
  if (!name) return;
  const detail = error.path === '' ? error.message : error.message.slice(error.path.length + 2);
  const before = error.message;
  error.path = error.path === '' ? name : `${name}.${error.path}`;
  error.message = `${error.path}: ${detail}`;
  if (error.stack) error.stack = error.stack.replace(before, () => error.message);
}
