/** An ONNX graph as steps that can be run: constants read, dead nodes left out, operators found. */
import { RegraftError, WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { count, LITTLE_ENDIAN, plural, printable } from '../base/bytes.ts';
import { readModel } from './model.ts';
import { Call, type Output, type Rule, type Surroundings } from './operators/call.ts';
import { ruleOf } from './operators/operators.ts';
import { HostValue, hostOf, isHost, type Value } from './operators/value.ts';
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './schema.ts';
import { TensorReader } from './tensors.ts';

/** An input of an ONNX graph. */
export interface OnnxPort {
  /** Its name in the file. */
  readonly name: string;
  /** Sizes, or the names of those that are open; null for one without a name. Undefined where the file does not tell. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** A node that is run. */
export interface Step {
  readonly op: string;
  /** Name in messages: `Conv '/layer1/conv1/Conv'`. */
  readonly label: string;
  readonly name: string;
  /** Names of values; '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  readonly rule: Rule;
}

/** A graph, ready to run. */
export interface Program {
  /** The file, for messages. */
  readonly file: string;
  readonly name: string;
  readonly opset: number;
  readonly steps: readonly Step[];
  /** Initialisers and what Constant nodes have, by name. */
  readonly constants: ReadonlyMap<string, HostValue>;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly string[];
  /** What is worth a note. */
  readonly notes: readonly string[];
}

/** Versions of the operators that are known here. */
const OPSETS = { least: 7, most: 22 } as const;

/** @throws WeightFileError for a file that cannot be read; RegraftError that names every operator that is missing, with its node. */
export async function readProgram(source: ByteSource): Promise<Program> {
  const file = source.name;
  if (!LITTLE_ENDIAN) throw new WeightFileError(file, 'ONNX files are read on little-endian machines only.');
  const { model, graph } = await readModel(source);
  const opset = opsetOf(file, model);
  const nodes = neededNodes(graph);
  const steps = stepsOf(file, nodes);
  const reader = new TensorReader(source);
  try {
    const constants = new Map<string, HostValue>();
    const protos = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    const used = new Set([...nodes.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)]);
    for (const [name, tensor] of protos) if (used.has(name)) constants.set(name, hostOf(await reader.read(tensor)));
    for (const node of nodes)
      if (node.opType === 'Constant') constants.set(node.output[0]!, await constantOf(file, node, reader));
    return {
      file,
      name: graph.name,
      opset,
      steps,
      constants,
      inputs: graph.input.filter(({ name }) => !protos.has(name)).map(portOf),
      outputs: graph.output.map(({ name }) => name),
      notes: [...(opset > OPSETS.most ? [newer(opset)] : []), ...notesOf(constants, steps)],
    };
  } finally {
    await reader.close();
  }
}

const newer = (opset: number): string =>
  `Opset ${opset} is newer than what is known here (${OPSETS.most}): compare the outputs.`;

function opsetOf(file: string, { opsetImport }: ModelProto): number {
  const opset = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1;
  if (opset >= OPSETS.least) return opset;
  throw new WeightFileError(
    file,
    `is of opset ${opset}: expected ${OPSETS.least} or newer. Convert it, by onnx.version_converter in Python.`,
  );
}

/** The nodes that outputs depend on, in order. */
function neededNodes(graph: GraphProto): NodeProto[] {
  const needed = new Set(graph.output.map(({ name }) => name));
  const nodes: NodeProto[] = [];
  for (const node of [...graph.node].reverse()) {
    if (!node.output.some((name) => name !== '' && needed.has(name))) continue;
    for (const name of node.input) needed.add(name);
    nodes.unshift(node);
  }
  return nodes;
}

function stepsOf(file: string, nodes: readonly NodeProto[]): Step[] {
  const missing = nodes.filter((node) => node.opType !== 'Constant' && !ruleOf(node));
  if (missing.length > 0)
    throw missingOperators(
      file,
      missing.map(({ opType: op, domain, name, output }) => ({ op, domain, name: name || output[0] || '' })),
    );
  return nodes.flatMap((node): Step[] => {
    const { opType: op } = node;
    if (op === 'Constant') return [];
    const called = printable(node.name || node.output[0] || '');
    // Outputs that are left out at the end count as none.
    const last = node.output.findLastIndex((name) => name !== '');
    return [
      {
        op,
        label: `${op} '${called}'`,
        name: node.name,
        inputs: node.input,
        outputs: node.output.slice(0, last + 1),
        attributes: new Map(node.attribute.map((a) => [a.name, withZero(a)])),
        rule: ruleOf(node)!,
      },
    ];
  });
}

/** The error that names all nodes of a graph whose operators are missing. */
export function missingOperators(
  file: string,
  nodes: readonly { readonly op: string; readonly domain?: string; readonly name: string }[],
): WeightFileError {
  const all = nodes.map(
    ({ op, domain, name }) => `${printable(op)}${domain ? ` of ${printable(domain)}` : ''} (node '${printable(name)}')`,
  );
  const shown = all.slice(0, 20).join(', ') + (all.length > 20 ? `, and ${count(all.length - 20)} more` : '');
  return new WeightFileError(
    file,
    `has ${plural(all.length, 'node')} whose operators are not computed here: ${shown}.`,
  );
}

/** An attribute whose 0, which files leave out, is a number, and whose float is what was written: 0.1 and no 0.10000000149. */
function withZero(a: AttributeProto): AttributeProto {
  const { name, f, s, t, floats, ints } = a;
  return { name, f: shortest(f), s, t, floats, ints, i: Object.hasOwn(a, 'i') ? a.i : 0 };
}

/** The number with the fewest digits that is the same float32. */
export function shortest(f: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(f.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(f)) return rounded;
  }
  return f;
}

async function constantOf(file: string, { attribute, output }: NodeProto, reader: TensorReader): Promise<HostValue> {
  const [first] = attribute.filter(({ name }) => name.startsWith('value'));
  const name = output[0]!;
  switch (first?.name) {
    case 'value':
      return hostOf(await reader.read({ ...(first.t as TensorProto), ...named(first.t!, name) }));
    case 'value_float':
      return new HostValue([], 'float', [first.f]);
    case 'value_int':
      return new HostValue([], 'int', [first.i]);
    case 'value_floats':
      return new HostValue([first.floats.length], 'float', first.floats);
    case 'value_ints':
      return new HostValue([first.ints.length], 'int', first.ints);
    default:
      throw new WeightFileError(file, `the constant '${printable(name)}' of its graph holds no numbers.`);
  }
}

/** A tensor's fields, those of its prototype too, under the name of a value. */
function named(t: TensorProto, name: string): TensorProto {
  const { dims, dataType, externalData, dataLocation } = t;
  return { dims, dataType, externalData, dataLocation, name };
}

function portOf({ name, type }: ValueInfoProto): OnnxPort {
  const dims = type?.tensorType?.shape?.dim;
  return { name, shape: dims?.map(({ dimValue, dimParam }) => (dimParam ? dimParam : dimValue > 0 ? dimValue : null)) };
}

function notesOf(constants: ReadonlyMap<string, HostValue>, steps: readonly Step[]): string[] {
  const notes: string[] = [];
  const half = [...constants.values()].filter(({ stored }) => stored === 'float16' || stored === 'bfloat16').length;
  if (half > 0) notes.push(`${plural(half, 'tensor')} of 16 bits: read, and computed with, as float32.`);
  const quantized = steps.filter(({ op }) => /Quantize|Integer/.test(op)).length;
  if (quantized > 0)
    notes.push(
      `${plural(quantized, 'node')} of quantised integers: read as the floats that they stand for, which are not rounded.`,
    );
  return notes;
}

/** Computes a step of values that are known. */
export type Compute = (step: Step, call: Call) => Output;

/** By the rule of its operator. @throws ShapeError and others with the node's name before the message. */
export const byRule: Compute = (step, call) => {
  try {
    return step.rule(call);
  } catch (error) {
    if (error instanceof RegraftError) error.message = `${step.label}: ${error.message}`;
    throw error;
  }
};

/** Runs steps: adds what they give to `values`. */
export function runSteps(
  steps: readonly Step[],
  values: Map<string, Value>,
  around: Surroundings,
  compute: Compute = byRule,
): void {
  for (const step of steps) {
    const inputs = step.inputs.map((name) => (name === '' ? undefined : values.get(name)));
    const call = new Call(inputs, step.outputs.length, step.attributes, around);
    const output = compute(step, call);
    const outputs = Array.isArray(output) ? (output as readonly Value[]) : [output as Value];
    for (const [i, name] of step.outputs.entries()) if (name !== '' && outputs[i]) values.set(name, outputs[i]);
  }
}

/** Thrown where a step cannot do without the device. */
class OnDevice extends Error {}

/**
 * What a step gives where its inputs are numbers of the host.
 * @returns none where it needs the device.
 */
export function onHost(step: Step, opset: number, constants: ReadonlyMap<string, HostValue>): Map<string, HostValue> {
  const toTensor = () => {
    throw new OnDevice();
  };
  const values = new Map<string, Value>();
  for (const name of step.inputs) if (constants.has(name)) values.set(name, constants.get(name)!);
  try {
    runSteps([step], values, { opset, training: false, batch: { declared: undefined, now: 0 }, toTensor });
  } catch (error) {
    if (error instanceof OnDevice) return new Map();
    throw error;
  }
  return new Map(
    step.outputs.flatMap((name) => (isHost(values.get(name)) ? [[name, values.get(name) as HostValue]] : [])),
  );
}

/**
 * Computes on the host what depends on constants alone.
 * @param isWeight names of constants that are tensors of the device in every run.
 * @returns the steps that are left, and all constants that they use.
 */
export function folded({ steps, constants, opset, outputs }: Program, isWeight: (name: string) => boolean) {
  const known = new Map(constants);
  const isFixed = (name: string) => name === '' || (known.has(name) && !isWeight(name));
  const left = steps.filter((step) => {
    const made: ReadonlyMap<string, HostValue> = step.inputs.every(isFixed) ? onHost(step, opset, known) : new Map();
    for (const [name, value] of made) known.set(name, value);
    return made.size === 0;
  });
  const used = new Set([...left.flatMap(({ inputs }) => inputs), ...outputs]);
  return { steps: left, constants: new Map([...known].filter(([name]) => used.has(name))) };
}

/** The first size of the inputs in the file, where it is a number. */
export function declaredBatch({ inputs }: Program): number | undefined {
  const first = inputs[0]?.shape?.[0];
  return typeof first === 'number' ? first : undefined;
}

/** The tensors of a graph's outputs. */
export function outputsOf({ outputs }: Program, values: ReadonlyMap<string, Value>, around: Surroundings): Tensor[] {
  return outputs.map((name) => {
    const value = values.get(name)!;
    return isHost(value) ? around.toTensor(value) : value;
  });
}
