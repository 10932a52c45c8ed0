/**
 * Keras's JSON of a model, Sequential or functional, as a list of layers and of the calls that connect them. Understands the
 * spellings of Keras 2 (`inbound_nodes: [[[name, node, tensor, kwargs]]]`), of Keras 3 (`[{ args, kwargs }]`) and of TF.js.
 */
import { ArgumentError } from '../../core/errors.ts';
import { isJson, type Json, LayerConfig } from './config.ts';
import { withoutOperator } from './operators.ts';
import type { KerasShape } from './shape.ts';

/** One use of a layer. */
export interface Call {
  /** Calls whose outputs it takes, as positions in {@link Topology.calls}. */
  readonly inputs: readonly number[];
  /** Position in {@link Topology.layers}. */
  readonly layer: number;
  /** Whether the layer runs in training mode or not, whatever the model's mode. */
  readonly training: boolean | undefined;
}

/** A model before it is built. Calls stand behind those that they take their inputs from. */
export interface Topology {
  readonly kind: 'Sequential' | 'Functional';
  readonly name: string;
  readonly layers: readonly LayerConfig[];
  readonly calls: readonly Call[];
  /** Calls of input layers, in the model's order. */
  readonly inputs: readonly number[];
  /** The call whose output is the model's. */
  readonly output: number;
}

/** Deeper nesting of models in models is refused. */
const DEPTH = 16;

/** Classes that are models. */
export const MODEL_CLASSES: readonly string[] = ['Sequential', 'Functional', 'Model'];

/**
 * Reads `{ class_name, config }`.
 * @param inputShape of what a model in a model is given, for one that does not say it.
 * @throws ArgumentError for subclassed models and anything that no Sequential or functional model has.
 */
export function parseTopology(json: unknown, depth = 0, inputShape?: KerasShape): Topology {
  if (depth > DEPTH) throw new ArgumentError(`keras: models nest deeper than ${DEPTH} levels.`);
  if (!isJson(json) || typeof json.class_name !== 'string')
    throw new ArgumentError('keras: expected a model configuration with class_name and config.');
  const { class_name: kind, config } = json;
  if (kind === 'Sequential') return sequential(config, inputShape);
  if ((kind === 'Functional' || kind === 'Model') && isJson(config) && Array.isArray(config.layers))
    return functional(config);
  throw new ArgumentError(
    `keras: expected a Sequential or functional model, got '${kind.slice(0, 60)}'. Subclassed models exist as Python code only.`,
  );
}

function sequential(config: unknown, inputShape: KerasShape | undefined): Topology {
  // Before Keras 2.2.3 the configuration was the bare list.
  const list = Array.isArray(config) ? config : isJson(config) ? config.layers : undefined;
  if (!Array.isArray(list) || list.length === 0)
    throw new ArgumentError('keras: a Sequential model needs a list of layers.');
  const layers = list.map(layerOf);
  if (layers[0]!.className !== 'InputLayer') {
    const shape =
      inputShapeOf(layers[0]!) ?? (isJson(config) ? shapeOf(config.build_input_shape) : undefined) ?? inputShape;
    if (!shape)
      throw new ArgumentError(
        'keras: this Sequential model was saved before it was built: its input shape is unknown.',
      );
    layers.unshift(new LayerConfig('InputLayer', uniqueName('input', layers), { batch_shape: shape }));
  }
  checkNames(layers);
  const name = isJson(config) && typeof config.name === 'string' ? config.name : 'sequential';
  const calls = layers.map((_, i): Call => ({ layer: i, inputs: i === 0 ? [] : [i - 1], training: undefined }));
  return { kind: 'Sequential', name, layers, calls, inputs: [0], output: calls.length - 1 };
}

function uniqueName(wanted: string, layers: readonly LayerConfig[]): string {
  let name = wanted;
  for (let i = 1; layers.some((layer) => layer.name === name); i++) name = `${wanted}_${i}`;
  return name;
}

function layerOf(json: unknown): LayerConfig {
  if (!isJson(json) || typeof json.class_name !== 'string')
    throw new ArgumentError('keras: a layer of the model has no class_name.');
  const { class_name: className, config, name, registered_name: registered, module } = json;
  const options = isJson(config) ? config : Array.isArray(config) ? { layers: config } : {};
  const ownName = typeof name === 'string' ? name : options.name;
  if (typeof ownName !== 'string' || ownName === '' || ownName.length > 1000)
    throw new ArgumentError(`keras: a layer of class ${className.slice(0, 60)} has no name.`);
  const layer = new LayerConfig(className, ownName, options);
  if (className === 'Lambda')
    throw layer.error('a Lambda layer is Python code, which is not run. Rebuild the model without it.');
  const foreign = typeof module === 'string' && !/^(keras|tf_keras|tensorflow)(\.|$)/.test(module);
  // Keras 2 registers layers of its own networks as if they were a user's.
  const isOwn = typeof module === 'string' && /^keras\.src\.applications\./.test(module);
  if (foreign || (!isOwn && typeof registered === 'string' && /^(?!keras>).*>/i.test(registered)))
    throw layer.error(
      `is the custom object '${String(registered ?? module).slice(0, 80)}', which exists as Python code only. Rebuild the model without it.`,
    );
  return layer;
}

function checkNames(layers: readonly LayerConfig[]): void {
  const seen = new Set<string>();
  for (const layer of layers) {
    if (seen.has(layer.name)) throw layer.error('the model has two layers of this name.');
    seen.add(layer.name);
  }
}

/** The shape that an input layer, or the first layer of an older Sequential model, declares; of a model, its first layer's. */
export function inputShapeOf(layer: LayerConfig, depth = 0): KerasShape | undefined {
  const declared =
    shapeOf(layer.get('batch_shape')) ??
    shapeOf(layer.get('batch_input_shape')) ??
    shapeOf(layer.get('batchInputShape')) ??
    shapeOf(layer.get('build_input_shape'));
  if (declared || depth > DEPTH || !MODEL_CLASSES.includes(layer.className)) return declared;
  const layers = layer.get('layers');
  const [entry] = [layer.get('input_layers')].flat(2);
  const isEntry = (inner: unknown) =>
    entry === undefined || (isJson(inner) && [inner.name, named(inner)].includes(entry));
  const first = Array.isArray(layers) ? layers.find(isEntry) : undefined;
  return first === undefined ? undefined : inputShapeOf(layerOf(first), depth + 1);
}

function named({ config }: Json): unknown {
  return isJson(config) ? config.name : undefined;
}

function shapeOf(value: unknown): KerasShape | undefined {
  // Keras 2 wraps tuples in nested models: { class_name: '__tuple__', items }.
  const list = isJson(value) && Array.isArray(value.items) ? value.items : value;
  const isSize = (d: unknown) => d === null || (Number.isInteger(d) && (d as number) >= 0 && (d as number) <= 2 ** 31);
  if (!Array.isArray(list) || list.length < 1 || list.length > 5 || !list.every(isSize)) return undefined;
  return [null, ...(list.slice(1) as (number | null)[])];
}

/** A layer's output by name: [layer, which of its calls, which output]. */
type Reference = readonly [name: string, node: number, tensor: number];

interface PendingCall {
  readonly layer: number;
  readonly node: number;
  readonly inputs: readonly Reference[];
  readonly training: boolean | undefined;
}

function functional(config: Json): Topology {
  const list = (config.layers as unknown[]).map(withoutOperator);
  const layers = list.map(layerOf);
  checkNames(layers);
  const pending = (list as Json[]).flatMap((json, layer) => callsOf(json, layers[layer]!, layer));
  const byKey = new Map(pending.map((call) => [keyOf([layers[call.layer]!.name, call.node, 0]), call]));
  const outputs = referencesOf(config.output_layers, 'output_layers');
  const ends = new Set(outputs);
  const firstOfEnds = firstNodes(layers, pending, outputs);
  const firstOfInputs = firstNodes(
    layers,
    pending,
    pending.flatMap(({ inputs }) => inputs),
  );
  const resolve = (reference: Reference, whose: string): PendingCall => {
    const [name, node, tensor] = reference;
    const start = (ends.has(reference) ? firstOfEnds : firstOfInputs).get(name) ?? 0;
    const call = byKey.get(keyOf([name, node - start, tensor]));
    if (call && tensor === 0) return call;
    throw new ArgumentError(`keras: ${whose} takes output ${tensor} of '${name}', which does not exist.`);
  };
  if (outputs.length !== 1)
    throw new ArgumentError(
      `keras: expected a model with one output, got ${outputs.length}. Load its parts one by one.`,
    );
  const { order, positions } = sort(layers, resolve, resolve(outputs[0]!, 'the model'));
  const inputs = referencesOf(config.input_layers, 'input_layers').map((reference) => {
    const at = positions.get(resolve(reference, 'the model'));
    if (at === undefined) throw new ArgumentError(`keras: the output does not depend on input '${reference[0]}'.`);
    return at;
  });
  return {
    kind: 'Functional',
    name: typeof config.name === 'string' ? config.name : 'functional',
    layers,
    calls: order.map(({ layer, inputs: references, training }) => ({
      layer,
      training,
      inputs: references.map((reference) => positions.get(resolve(reference, layers[layer]!.name))!),
    })),
    inputs,
    output: order.length - 1,
  };
}

/**
 * Models in the model whose calls `references` count from 1: Keras gives some of them a call of their own, before the first that
 * is saved, and counts it in the one place and not in the other.
 */
function firstNodes(
  layers: readonly LayerConfig[],
  pending: readonly PendingCall[],
  references: readonly Reference[],
): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const { layer } of pending)
    if (MODEL_CLASSES.includes(layers[layer]!.className))
      calls.set(layers[layer]!.name, (calls.get(layers[layer]!.name) ?? 0) + 1);
  return new Map(references.flatMap(([name, node]) => (calls.get(name) === node ? [[name, 1]] : [])));
}

function keyOf([name, node]: Reference): string {
  return `${node} ${name}`;
}

/** The calls that the output needs, each behind its inputs. */
function sort(
  layers: readonly LayerConfig[],
  resolve: (reference: Reference, whose: string) => PendingCall,
  output: PendingCall,
): { order: PendingCall[]; positions: Map<PendingCall, number> } {
  const order: PendingCall[] = [];
  const positions = new Map<PendingCall, number>();
  const open = new Set<PendingCall>();
  // Networks are thousands of layers deep at most, but nobody promised: no recursion.
  const stack = [output];
  while (stack.length > 0) {
    const call = stack.at(-1)!;
    if (positions.has(call)) {
      stack.pop();
      continue;
    }
    const name = layers[call.layer]!.name;
    const waiting = call.inputs.map((reference) => resolve(reference, `'${name}'`)).filter((c) => !positions.has(c));
    if (waiting.length === 0) {
      positions.set(call, order.length);
      order.push(call);
      open.delete(call);
      stack.pop();
    } else if (open.has(call)) {
      throw layers[call.layer]!.error('takes its own output as an input.');
    } else {
      open.add(call);
      for (const call of waiting.reverse()) stack.push(call);
    }
  }
  return { order, positions };
}

function callsOf(json: Json, layer: LayerConfig, index: number): PendingCall[] {
  const nodes = json.inbound_nodes ?? [];
  if (!Array.isArray(nodes)) throw layer.error('its inbound_nodes are no list.');
  if (nodes.length === 0)
    return layer.className === 'InputLayer' ? [{ layer: index, node: 0, inputs: [], training: undefined }] : [];
  return nodes.map((node: unknown, n): PendingCall => {
    const { inputs, kwargs } = isJson(node) ? keras3Call(node, layer) : keras2Call(node, layer);
    for (const [key, value] of Object.entries(kwargs))
      if (key !== 'training' && value !== null)
        throw layer.error(`is called with ${key.slice(0, 60)}, which is not supported.`);
    const { training } = kwargs;
    if (training !== undefined && training !== null && typeof training !== 'boolean')
      throw layer.error('is called with a computed training flag, which is not supported.');
    return { layer: index, node: n, inputs, training: training ?? undefined };
  });
}

function keras2Call(node: unknown, layer: LayerConfig): { inputs: Reference[]; kwargs: Json } {
  // One input may stand without its list: [name, node, tensor, kwargs].
  const entries = Array.isArray(node) && typeof node[0] === 'string' ? [node] : node;
  if (!Array.isArray(entries)) throw layer.error('its inbound_nodes cannot be read.');
  const kwargs: Record<string, unknown> = {};
  const inputs = entries.map((entry: unknown) => {
    if (Array.isArray(entry) && isJson(entry[3])) Object.assign(kwargs, entry[3]);
    return referenceOf(entry, layer.name);
  });
  return { inputs, kwargs };
}

function keras3Call({ args, kwargs }: Json, layer: LayerConfig): { inputs: Reference[]; kwargs: Json } {
  const inputs: Reference[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const element of value) visit(element);
    else if (isJson(value) && value.class_name === '__keras_tensor__' && isJson(value.config))
      inputs.push(referenceOf(value.config.keras_history, layer.name));
    else if (value !== null) throw layer.error('is called with more than tensors, which is not supported.');
  };
  if (!Array.isArray(args) || JSON.stringify(args).length > 1 << 22)
    throw layer.error('its inbound_nodes cannot be read.');
  visit(args);
  return { inputs, kwargs: isJson(kwargs) ? kwargs : {} };
}

/** The models' ends: [[name, 0, 0], …], or one of them bare. */
function referencesOf(value: unknown, key: string): Reference[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new ArgumentError(`keras: ${key} of the model cannot be read.`);
  return typeof value[0] === 'string' ? [referenceOf(value, key)] : value.map((entry) => referenceOf(entry, key));
}

function referenceOf(value: unknown, whose: string): Reference {
  if (Array.isArray(value)) {
    const [name, node, tensor] = value;
    if (typeof name === 'string' && Number.isInteger(node) && Number.isInteger(tensor)) return [name, node, tensor];
  }
  throw new ArgumentError(`keras: ${whose}: expected [layer, node, tensor] as a connection.`);
}
