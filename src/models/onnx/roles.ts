/** Which constants of a graph are weights: those that training changes, statistics of batch norms, and the rest. */
import type { HostValue } from '../../io/onnx/operators/value.ts';
import type { Program, Step } from '../../io/onnx/program.ts';
import { isMadeUp } from '../../io/onnx/read.ts';

/** Operators that give the elements of their first input, in another order or shape. */
const VIEWS = ['Identity', 'Transpose', 'Reshape', 'Unsqueeze', 'Squeeze', 'Flatten', 'Cast', 'CastLike'];

/** Inputs that are weights where they are constant. */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  FusedMatMul: [0, 1],
  Einsum: [0, 1, 2, 3],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  PRelu: [1],
  Gather: [0],
  GatherND: [0],
};

/** Operators whose constants say how to compute. Of others, one of several numbers with a name of its own is a weight: a bias, a scale, positions. */
const SETTINGS = ['Clip', 'Dropout', 'Pad', 'Resize', 'Upsample', 'QuantizeLinear', 'DequantizeLinear', 'Where'];

/** Constants by what they are to a model. */
export interface Roles {
  /** Names of what training changes; some are of values that are still to be folded. */
  readonly parameters: ReadonlySet<string>;
  /** Names of running statistics. */
  readonly statistics: ReadonlySet<string>;
}

export function rolesOf({ steps, constants }: Program): Roles {
  const makers = new Map(steps.flatMap((step) => step.outputs.map((name): [string, Step] => [name, step])));
  const fixed = new Set(constants.keys());
  for (const { op, inputs, outputs } of steps)
    if (op !== 'Shape' && op !== 'Size' && inputs.every((name) => name === '' || fixed.has(name)))
      for (const name of outputs) fixed.add(name);
  /** The constant that a value shows, or the value itself. */
  const rootOf = (name: string): string => {
    const step = makers.get(name);
    return step && VIEWS.includes(step.op) && fixed.has(step.inputs[0]!) ? rootOf(step.inputs[0]!) : name;
  };
  const parameters = new Set<string>();
  const statistics = new Set<string>();
  for (const { op, inputs } of steps) {
    // Constants of constants are numbers that are folded.
    if (inputs.every((name) => name === '' || fixed.has(name))) continue;
    const roots = inputs.map((name) => (name !== '' && fixed.has(name) ? rootOf(name) : undefined));
    for (const i of WEIGHTS[op] ?? []) if (roots[i] !== undefined) parameters.add(roots[i]);
    if (op === 'BatchNormalization') for (const i of [3, 4]) if (roots[i] !== undefined) statistics.add(roots[i]);
    if (SETTINGS.includes(op)) continue;
    for (const root of roots) if (root !== undefined && isNamed(root, constants.get(root))) parameters.add(root);
  }
  for (const name of statistics) parameters.delete(name);
  const isFloat = (name: string) => constants.get(name)?.kind !== 'int' && constants.get(name)?.kind !== 'bool';
  return {
    parameters: new Set([...parameters].filter(isFloat)),
    statistics: new Set([...statistics].filter(isFloat)),
  };
}

/** Whether a constant has a name of its own and more than one number. */
function isNamed(name: string, value: HostValue | undefined): boolean {
  return value !== undefined && value.size > 1 && !isMadeUp(name);
}
