/** `model.summary()`: the layers as a table. */
import { formatShape, type Shape } from '../core/shape.ts';
import { columns, columnWidths } from '../device/columns.ts';
import { trial } from '../graph/scope.ts';
import { noGrad } from '../tensor/autograd.ts';
import { Tensor } from '../tensor/tensor.ts';
import { argumentsOf, describedInputs, type InputSpec, type InputSpecs, type Inputs, placeholder } from './inputs.ts';
import { inMode } from './modes.ts';
import type { ModuleTree } from './tree.ts';

/** Options of {@link Module.summary}. */
export interface SummaryOptions {
  /** Shape of a float32 input, batch included: `[1, 3, 224, 224]`. With it the table shows each output's shape. */
  inputShape?: Shape;
  /** In place of `inputShape`, inputs that are several or of another type: `{ ids: { shape: [1, 16], dtype: 'int32' }, … }`. */
  inputs?: InputSpecs<InputSpec>;
  /** How many levels of submodules to list; all by default. */
  depth?: number;
}

type Row = readonly [name: string, type: string, output: string, parameters: string, state: string];

/** Name, type, output shape, parameters and whether they are frozen, a line per module; totals below. */
export function summarize(root: ModuleTree, options: SummaryOptions): string {
  const { depth = Number.POSITIVE_INFINITY } = options;
  const inputs = describedInputs<InputSpec>('summary', options, ['float32', 'float16', 'int32']);
  const outputs = inputs && outputShapes(root, inputs);
  const rows: Row[] = [];
  for (const [name, module] of root.namedModules()) {
    const level = name === '' ? 0 : name.split('.').length;
    if (level > depth) continue;
    const label = name === '' ? '' : `${'  '.repeat(level - 1)}${name.slice(name.lastIndexOf('.') + 1)}`;
    const parameters = module.parameters();
    rows.push([
      label,
      module.typeName,
      [...(outputs?.get(module) ?? [])].join(' '),
      parameters.length === 0 ? '' : count(parameters).toLocaleString('en-US'),
      stateOf(parameters),
    ]);
  }
  const all = root.parameters();
  const trainable = all.filter((p) => p.requires_grad);
  const total = (label: string, list: readonly Tensor[]) =>
    `${label.padEnd(11)}${count(list).toLocaleString('en-US').padStart(13)} parameters in ${list.length} tensors`;
  return [
    ...table(
      ['layer', 'type', ...(outputs ? ['output'] : []), 'parameters', ''],
      outputs ? rows : rows.map(withoutOutput),
    ),
    '',
    total('total', all),
    total('trainable', trainable),
    total(
      'frozen',
      all.filter((p) => !p.requires_grad),
    ),
  ].join('\n');
}

/** Output shapes per module, as text, from a recorded forward pass that is never run. Modes and statistics stay as they are. */
function outputShapes(root: ModuleTree, { specs, keys }: Inputs<InputSpec>): Map<ModuleTree, Set<string>> {
  const shapes = new Map(root.modules().map((module) => [module, new Set<string>()]));
  const removers = [...shapes].map(([module, known]) => module.onForward((output) => known.add(formatShapes(output))));
  const tensors = specs.map(({ shape, dtype }) => placeholder(shape, dtype));
  try {
    trial(
      () => noGrad(() => inMode(root, false, () => root.forward(...argumentsOf(keys, tensors)))),
      () => {},
    );
  } finally {
    for (const remove of removers) remove();
  }
  return shapes;
}

/** The shape of a tensor; of a record, each of its tensors by name: `logits [2, 5], pooled [2, 8]`. */
function formatShapes(output: unknown): string {
  if (output instanceof Tensor) return formatShape(output.shape);
  if (typeof output !== 'object' || output === null) return '';
  const parts = Object.entries(output).map(([name, part]) => `${name} ${formatShapes(part)}`);
  return parts.join(', ');
}

function count(parameters: readonly Tensor[]): number {
  return parameters.reduce((sum, p) => sum + p.size, 0);
}

function stateOf(parameters: readonly Tensor[]): string {
  const trainable = parameters.filter((p) => p.requires_grad).length;
  if (parameters.length === 0) return '';
  return trainable === 0 ? 'frozen' : trainable === parameters.length ? 'trainable' : 'partly frozen';
}

function withoutOutput([name, type, , parameters, state]: Row): string[] {
  return [name, type, parameters, state];
}

/** The column of parameter counts is set flush right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const rule = columnWidths([head, ...rows]).map((width) => '-'.repeat(width));
  return columns([head, rule, ...rows], [head.indexOf('parameters')]);
}
