/**
 * What happens around every `module.forward(…)`: hooks, the module's path in front of a ShapeError, and intermediate
 * activations that nobody can read, so that the graph need not keep them.
 * `Module` puts {@link callForward} in place of the method, so that calls stay plain method calls.
 */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { internal, limitRecording, recorder, userVisible } from '../graph/record.ts';
import { checkTensor, Tensor } from '../tensor/tensor.ts';
import { isRecord } from './inputs.ts';
import type { ForwardHook, ModuleTree } from './tree.ts';

/** Which module an error has left already, so that the one around it can say where that one sits. */
let escaped: { error: unknown; module: ModuleTree } | undefined;

/** The module that the user ran last: parameters are named as it names them. */
let latest: WeakRef<ModuleTree> | undefined;

/** What a parameter is called in messages: its name in the model that ran last, where it has one there, and its shape. */
export function labelOf(parameter: Tensor): string {
  const named = latest?.deref()?.namedParameters() ?? [];
  const [name = 'a parameter'] = named.find(([, p]) => p === parameter) ?? [];
  return `${name} ${formatShape(parameter.shape)}`;
}

/** Runs `run` as the forward pass of `module`. */
export function callForward<Inputs extends unknown[], Outputs>(
  module: ModuleTree,
  run: (...inputs: Inputs) => Outputs,
  hooks: ReadonlySet<ForwardHook<Inputs, Outputs>> | undefined,
  inputs: Inputs,
): Outputs {
  let output: Outputs;
  checkInput(module, run.length, inputs);
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
    for (const value of [output, ...inputs]) reveal(value);
    for (const hook of [...hooks]) hook(output, inputs);
  } else if (userVisible()) {
    reveal(output);
  }
  return output;
}

/** @throws ArgumentError for a call without what the module takes, or with numbers that are no tensor. */
function checkInput(module: ModuleTree, wanted: number, inputs: readonly unknown[]): void {
  const op = `${module.typeName}.forward`;
  if (inputs.length === 0 && wanted > 0) throw new ArgumentError(`${op}: expected an input, got none. Pass a tensor.`);
  const [input] = inputs;
  if (Array.isArray(input) && typeof input.flat(Number.POSITIVE_INFINITY)[0] === 'number') checkTensor(op, input);
  const parts = isRecord(input) ? Object.values(input) : [input];
  for (const part of parts) if (ArrayBuffer.isView(part)) checkTensor(op, part);
}

/** Keeps the elements of a tensor, or of a record's tensors, past the run that computes them. */
function reveal(value: unknown): void {
  if (value instanceof Tensor) value.value.data.visible = true;
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) reveal(part);
}

function pathOf(parent: ModuleTree, child: ModuleTree): string | undefined {
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
