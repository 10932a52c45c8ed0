/**
 * Arithmetic in a model (`x / 127.5 - 1`, `relu6(x + 3) * (1 / 6)`), which Keras saves as layers of its own: `TFOpLambda` in
 * Keras 2, the operation's class in Keras 3. Each becomes the layer that does the same, and is saved as that.
 */
import { ArgumentError } from '../../core/errors.ts';
import { isJson, type Json } from './config.ts';
import { type SliceSpec, sliceJson, sliceSpec } from './slicing.ts';

/** What an operation is given, in its order: numbers, and the positions of its connections. */
type Operand = number | readonly number[] | { readonly connection: unknown };

type Operation = 'add' | 'subtract' | 'multiply' | 'divide';
type Layer = readonly [class_name: string, config: Json];

const OPERATIONS: Readonly<Record<string, Operation>> = {
  add: 'add',
  sub: 'subtract',
  subtract: 'subtract',
  mul: 'multiply',
  multiply: 'multiply',
  bias_add: 'add',
  truediv: 'divide',
  true_divide: 'divide',
  divide: 'divide',
};

/** Keras 3's class for a slice, which stands for Keras 2's too. */
export const SLICE = 'GetItem';

/** Functions of one tensor. */
const FUNCTIONS: Readonly<Record<string, Layer>> = {
  cast: ['Activation', { activation: 'linear' }],
  identity: ['Activation', { activation: 'linear' }],
  negative: ['Rescaling', { scale: -1, offset: 0 }],
  neg: ['Rescaling', { scale: -1, offset: 0 }],
  relu: ['ReLU', {}],
  relu6: ['ReLU', { max_value: 6 }],
  sigmoid: ['Activation', { activation: 'sigmoid' }],
  tanh: ['Activation', { activation: 'tanh' }],
  silu: ['Activation', { activation: 'silu' }],
  swish: ['Activation', { activation: 'silu' }],
  softmax: ['Activation', { activation: 'softmax' }],
};

/** A layer of a functional model, an operation replaced by the layer that does the same; any other as it is. */
export function withoutOperator(json: unknown): unknown {
  const name = isJson(json) ? operationOf(json) : undefined;
  if (name === undefined) return json;
  const { config, inbound_nodes: nodes, ...rest } = json as Json;
  const own = isJson(config) ? config : {};
  const layerName = String(rest.name ?? own.name).slice(0, 80);
  if (!Array.isArray(nodes) || nodes.length !== 1)
    throw new ArgumentError(
      `keras: the operation '${layerName}' is used ${Array.isArray(nodes) ? nodes.length : 0} times; expected once.`,
    );
  if (name === SLICE) {
    const { reference, spec } = sliceOf(nodes[0]);
    if (!spec || !Array.isArray(reference))
      throw new ArgumentError(
        `keras: the slice '${layerName}' is not supported: expected whole numbers and slices along the axes of one tensor. Rebuild the model without it.`,
      );
    return {
      ...rest,
      module: 'keras.layers',
      registered_name: null,
      class_name: SLICE,
      config: { name: rest.name ?? own.name, slice_spec: sliceJson(spec, 3) },
      inbound_nodes: [[[...reference.slice(0, 3), {}]]],
    };
  }
  const operands = isJson(nodes[0]) ? keras3Operands(nodes[0]) : keras2Operands(nodes[0]);
  const layer = operands && layerFor(name, operands);
  if (!layer)
    throw new ArgumentError(
      `keras: the operation '${layerName}' (${name}) is not supported: expected sums, products and quotients of tensors and numbers. Rebuild the model without it.`,
    );
  const connections = operands.flatMap((operand) => (isConnection(operand) ? [operand.connection] : []));
  return {
    ...rest,
    module: 'keras.layers',
    registered_name: null,
    class_name: layer[0],
    config: { name: rest.name ?? own.name, ...layer[1] },
    inbound_nodes: [connections.map((reference) => [...(reference as unknown[]).slice(0, 3), {}])],
  };
}

/** What a slice takes, and of which connection. */
function sliceOf(node: unknown): { reference: unknown; spec: SliceSpec | undefined } {
  if (isJson(node)) {
    const [of, spec] = Array.isArray(node.args) ? node.args : [];
    const operand = operandOf(of);
    return { reference: isConnection(operand) ? operand.connection : undefined, spec: sliceSpec(spec) };
  }
  const entry = Array.isArray(node) && Array.isArray(node[0]) ? node[0] : node;
  const kwargs = Array.isArray(entry) && isJson(entry[3]) ? entry[3] : {};
  return { reference: entry, spec: sliceSpec(kwargs.slice_spec) };
}

/** `divide`, `relu`, …; undefined for a layer. */
function operationOf({ class_name: kind, module, config, inbound_nodes: nodes }: Json): string | undefined {
  if (typeof kind !== 'string') return undefined;
  if (kind === 'TFOpLambda' && isJson(config) && typeof config.function === 'string')
    return config.function
      .split('.')
      .at(-1)!
      .replace(/^_+|_+$/g, '');
  if (kind === 'SlicingOpLambda') return SLICE;
  if (kind === SLICE && isJson(config) && !Object.hasOwn(config, 'slice_spec')) return SLICE;
  const name = kind.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  if (typeof module === 'string') return /^keras\.src\.ops\./.test(module) ? name : undefined;
  // Without a module, as in .h5 files, a layer is told from an operation by its connections, which it takes as a list.
  const args = Array.isArray(nodes) && isJson(nodes[0]) ? nodes[0].args : undefined;
  const isOperation = LAYERS.includes(kind) ? Array.isArray(args) && args.length > 1 : isKnown(name);
  return args !== undefined && isOperation ? name : undefined;
}

/** Operations that layers have the names of. */
const LAYERS = ['Add', 'Subtract', 'Multiply', 'Softmax'];
const isKnown = (name: string): boolean => Object.hasOwn(OPERATIONS, name) || Object.hasOwn(FUNCTIONS, name);

function layerFor(name: string, operands: readonly Operand[]): Layer | undefined {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined)
    return Object.hasOwn(FUNCTIONS, name) && isConnection(operands[0]) && operands.length === 1
      ? FUNCTIONS[name]
      : undefined;
  const [a, b] = operands;
  if (operands.length !== 2) return undefined;
  if (isConnection(a) && isConnection(b))
    return operation === 'divide' ? undefined : [`${operation[0]!.toUpperCase()}${operation.slice(1)}`, {}];
  if (isConnection(a)) return rescaling(operation, b as number | readonly number[]);
  // Of number - tensor the tensor is turned round first; a quotient by the tensor is no rescaling.
  if (!isConnection(b) || operation === 'divide') return undefined;
  return operation === 'subtract'
    ? ['Rescaling', { scale: -1, offset: a }]
    : rescaling(operation, a as number | readonly number[]);
}

function rescaling(operation: Operation, by: number | readonly number[]): Layer {
  const each = (of: (value: number) => number) => (typeof by === 'number' ? of(by) : by.map(of));
  if (operation === 'add') return ['Rescaling', { scale: 1, offset: by }];
  if (operation === 'subtract') return ['Rescaling', { scale: 1, offset: each((value) => -value) }];
  return ['Rescaling', { scale: operation === 'multiply' ? by : each((value) => 1 / value), offset: 0 }];
}

function isConnection(operand: Operand | undefined): operand is { readonly connection: unknown } {
  return typeof operand === 'object' && 'connection' in operand;
}

/** `[[x, 0, 0, { y: 127.5 }]]`, `[["_CONSTANT_VALUE", -1, 1, { y: [x, 0, 0] }]]`. */
function keras2Operands(node: unknown): Operand[] | undefined {
  const entry = Array.isArray(node) && Array.isArray(node[0]) ? node[0] : node;
  if (!Array.isArray(entry)) return undefined;
  const first = entry[0] === '_CONSTANT_VALUE' ? operandOf(entry[2]) : operandOf(entry);
  const { name: _, dtype: __, data_format: ___, ...others } = isJson(entry[3]) ? entry[3] : {};
  return all([
    first,
    ...Object.values(others)
      .filter((value) => value !== null)
      .map(operandOf),
  ]);
}

/** `{ args: [tensor, 127.5], kwargs }`. */
function keras3Operands({ args, kwargs }: Json): Operand[] | undefined {
  const { dtype: _, ...others } = isJson(kwargs) ? kwargs : {};
  const given = [...(Array.isArray(args) ? args : []), ...Object.values(others)];
  return all(given.filter((value) => value !== null).map(operandOf));
}

function operandOf(value: unknown): Operand | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (isJson(value) && isJson(value.config)) {
    if (value.class_name === '__keras_tensor__') return operandOf(value.config.keras_history);
    return operandOf(value.config.value);
  }
  if (!Array.isArray(value)) return undefined;
  if (typeof value[0] === 'string' && Number.isInteger(value[1])) return { connection: value };
  const flat = value.flat(4);
  return flat.length > 0 && flat.every((d) => typeof d === 'number' && Number.isFinite(d)) ? flat : undefined;
}

function all(operands: readonly (Operand | undefined)[]): Operand[] | undefined {
  return operands.includes(undefined) ? undefined : (operands as Operand[]);
}
