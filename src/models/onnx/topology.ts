/** ONNX graphs without their weights as JSON: what the folder of a run keeps of one, to build it again. */
import { ArgumentError } from '../../core/errors.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { printable } from '../../io/base/bytes.ts';
import { ruleOf } from '../../io/onnx/operators/operators.ts';
import { type HostKind, HostValue } from '../../io/onnx/operators/value.ts';
import type { OnnxPort, Step } from '../../io/onnx/program.ts';
import type { AttributeProto, TensorProto } from '../../io/onnx/schema.ts';
import type { PreparedGraph } from './prepared.ts';

/** A float; what JSON has no number for as text. */
type Float = number | string;

/** What of an attribute is not empty; bytes in base64. */
interface AttributeJSON {
  readonly name: string;
  readonly f?: Float;
  readonly i?: number;
  readonly s?: string;
  readonly t?: Readonly<Record<string, unknown>>;
  readonly floats?: readonly Float[];
  readonly ints?: readonly number[];
}

interface StepJSON extends Pick<Step, 'op' | 'name' | 'inputs' | 'outputs'> {
  readonly attributes: readonly AttributeJSON[];
}

/** Numbers, their bytes in base64. */
interface ConstantJSON {
  readonly name: string;
  readonly shape: Shape;
  readonly kind: HostKind;
  readonly stored?: HostValue['stored'];
  readonly data: string;
}

interface WeightJSON {
  readonly name: string;
  readonly shape: Shape;
}

/** A graph as JSON. */
export interface OnnxTopology {
  readonly format: 'onnx';
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly string[];
  readonly steps: readonly StepJSON[];
  readonly constants: readonly ConstantJSON[];
  readonly parameters: readonly WeightJSON[];
  readonly statistics: readonly WeightJSON[];
  /** Whether its head is not the file's any more. */
  readonly newHead: boolean;
}

/** Whether the topology of a model is an ONNX graph's. */
export function isOnnxTopology(topology: unknown): topology is OnnxTopology {
  return (topology as Partial<OnnxTopology> | null | undefined)?.format === 'onnx';
}

/** The graph as JSON. */
export function topologyOfGraph(graph: PreparedGraph, newHead: boolean): OnnxTopology {
  const { name, opset, inputs, outputs, parameters, statistics } = graph;
  const all = [...graph.constants];
  const isWeight = (key: string, { kind }: HostValue) =>
    kind === 'float' && (parameters.has(key) || statistics.has(key));
  const weights = (names: ReadonlySet<string>) =>
    all.flatMap(([key, value]) =>
      names.has(key) && isWeight(key, value) ? [{ name: key, shape: [...value.shape] }] : [],
    );
  return {
    ...{ format: 'onnx', name, opset, inputs, outputs, newHead },
    parameters: weights(parameters),
    statistics: weights(statistics),
    constants: all.flatMap(([key, value]) => {
      const { shape, kind, stored, data } = value;
      if (isWeight(key, value)) return [];
      return [{ name: key, shape: [...shape], kind, ...(stored && { stored }), data: base64(bytesOf(data)) }];
    }),
    steps: graph.steps.map(({ op, name, inputs, outputs, attributes }) => ({
      ...{ op, name, inputs, outputs },
      attributes: [...attributes].map(([key, attribute]) => ({ ...attributeJSON(attribute), name: key })),
    })),
  };
}

/**
 * The graph that {@link topologyOfGraph} told; its weights are zeros.
 * @throws ArgumentError for anything else: it may come out of a damaged file.
 */
export function graphOfTopology(json: OnnxTopology): PreparedGraph {
  try {
    return graphOf(json);
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    throw damaged('is not as regraft writes it');
  }
}

function graphOf(json: OnnxTopology): PreparedGraph {
  const { name, opset } = json;
  const constants = new Map<string, HostValue>();
  let left = MOST_WEIGHTS;
  for (const weight of [...json.parameters, ...json.statistics]) {
    const shape = checkedShape(weight.shape);
    left -= sizeOf(shape);
    if (left < 0) throw damaged('has more weights than any network');
    constants.set(text(weight.name), new HostValue(shape, 'float', new Float32Array(sizeOf(shape))));
  }
  for (const constant of json.constants) constants.set(text(constant.name), constantOf(constant));
  return {
    ...{ file: text(name), name, notes: [], constants },
    opset: integer(opset),
    inputs: json.inputs.map((port) => ({ name: text(port.name), shape: port.shape?.map(dimension) })),
    outputs: json.outputs.map(text),
    steps: json.steps.map(stepOf),
    parameters: new Set(json.parameters.map((weight) => weight.name)),
    statistics: new Set(json.statistics.map((weight) => weight.name)),
  };
}

/** Weights that a graph may have in all: 4 GiB of float32. */
const MOST_WEIGHTS = 2 ** 30;

function stepOf({ op, name, inputs, outputs, attributes }: StepJSON): Step {
  const rule = ruleOf({ domain: '', opType: text(op) });
  if (!rule) throw damaged(`has the operator ${printable(op)}, which is not computed here`);
  return {
    ...{ op, name: text(name), rule },
    label: `${op} '${printable(name || outputs[0] || '')}'`,
    inputs: inputs.map(text),
    outputs: outputs.map(text),
    attributes: new Map(attributes.map((attribute) => [text(attribute.name), attributeOf(attribute)])),
  };
}

function constantOf({ shape, kind, stored, data }: ConstantJSON): HostValue {
  const bytes = fromBase64(data);
  const values = kind === 'float' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  if (!['float', 'int', 'bool'].includes(kind) || values.length !== sizeOf(checkedShape(shape)))
    throw damaged('has numbers that do not fit their shape');
  return new HostValue(shape, kind, values, stored);
}

function attributeJSON({ f, i, s, t, floats, ints }: AttributeProto): Omit<AttributeJSON, 'name'> {
  return {
    ...(f !== 0 && { f: float(f) }),
    ...(i !== 0 && { i }),
    ...(s.length > 0 && { s: base64(s) }),
    ...(t && { t: tensorJSON(t) }),
    ...(floats.length > 0 && { floats: floats.map(float) }),
    ...(ints.length > 0 && { ints: [...ints] }),
  };
}

function attributeOf({ name, f = 0, i = 0, s = '', t, floats = [], ints = [] }: AttributeJSON): AttributeProto {
  return {
    ...{ name, f: Number(f), i: integer(i), s: fromBase64(s) },
    t: t ? tensorOf(t) : null,
    floats: floats.map(Number),
    ints: ints.map(integer),
  };
}

/** Fields of a tensor that are bytes. */
const CONTENT = ['floatData', 'int32Data', 'int64Data', 'doubleData', 'rawData'] as const;

function tensorJSON(t: TensorProto): Readonly<Record<string, unknown>> {
  const content = CONTENT.flatMap((field) =>
    Object.hasOwn(t, field) ? [[field, base64(t[field] as Uint8Array)] as const] : [],
  );
  return { dims: [...t.dims], dataType: t.dataType, ...Object.fromEntries(content) };
}

function tensorOf(json: Readonly<Record<string, unknown>>): TensorProto {
  const content = CONTENT.flatMap((field) =>
    json[field] === undefined ? [] : [[field, fromBase64(json[field])] as const],
  );
  const own = { name: '', externalData: [], dataLocation: 0, ...Object.fromEntries(content) };
  return { ...own, dims: checkedShape(json.dims), dataType: integer(json.dataType) };
}

const float = (value: number): Float => (Number.isFinite(value) ? value : String(value));

function text(value: unknown): string {
  if (typeof value !== 'string') throw damaged('has a name that is no text');
  return value;
}

function integer(value: unknown): number {
  if (!Number.isInteger(value)) throw damaged('has a whole number that is none');
  return value as number;
}

const dimension = (value: unknown): number | string | null =>
  value === null || typeof value === 'string' ? value : integer(value);

function checkedShape(value: unknown): Shape {
  const isShape = Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isShape || !Number.isSafeInteger(sizeOf(value))) throw damaged('has a shape that is none');
  return value;
}

const damaged = (fault: string) => new ArgumentError(`onnx: the topology of the model is damaged: it ${fault}.`);

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const fromBase64 = (encoded: unknown) => Uint8Array.from(atob(text(encoded)), (char) => char.charCodeAt(0));
