/**
 * A model's topology as Keras's JSON, as the model is now: layers that were replaced, activations and trainable flags included.
 * In the spelling of Keras 2 (`.h5`, which Keras 3 reads too, and TF.js) or of Keras 3 (`.keras`).
 */
import { ArgumentError } from '../../core/errors.ts';
import { formatShape } from '../../core/shape.ts';
import { Conv2d, Linear, type Module } from '../../nn/index.ts';
import { Activation } from './activations.ts';
import { isJson, type Json, type LayerConfig } from './config.ts';
import { Conv2D, Dense, SeparableConv2D } from './convolution.ts';
import { LAYER_FIELDS } from './fields.ts';
import type { KerasLayer } from './layer.ts';
import { KerasModel } from './model.ts';
import { SLICE } from './operators.ts';
import { isRandom } from './random.ts';
import { GetItem, sliceJson } from './slicing.ts';
import { Reshape } from './structure.ts';
import { inputShapeOf, MODEL_CLASSES, type Topology } from './topology.ts';

/** Options that may be one number for both axes, and are written as two. */
const PAIRS = ['kernel_size', 'strides', 'dilation_rate', 'pool_size'];

/** Whose spelling. */
export type Generation = 2 | 3;

/**
 * `{ class_name, config }`.
 * @throws ArgumentError naming a layer whose module has been replaced by one that its class cannot describe.
 */
export function modelJson(model: KerasModel, generation: Generation): Json {
  const json = describe(model, generation);
  const [own, rebuilt] = [model, new KerasModel(json)].map(weightShapes);
  for (const [i, text] of own!.entries())
    if (text !== rebuilt![i])
      throw new ArgumentError(
        `keras: the model has ${text} where Keras would build ${rebuilt![i] ?? 'nothing'}: a layer was replaced by another kind. Replace it by one of its own class.`,
      );
  return json;
}

function weightShapes(model: KerasModel): string[] {
  return model.layers.flatMap(({ weights }) => weights).map(({ name, shape }) => `${name} ${formatShape(shape)}`);
}

function describe(model: KerasModel, generation: Generation): Json {
  const { topology, layers } = model.graph;
  const { kind, name } = model;
  const config =
    kind === 'Sequential'
      ? { name, layers: layers.map((layer) => layerJson(layer, generation)) }
      : functional(topology, layers, name, generation);
  const json = { class_name: kind, config };
  if (generation === 2) return json;
  // Keras exports the one class under a short path and the other under none.
  return kind === 'Sequential'
    ? { module: 'keras', ...json, registered_name: null }
    : { module: 'keras.src.models.functional', ...json, registered_name: 'Functional' };
}

function functional(
  { layers: configs, calls, inputs, output }: Topology,
  layers: readonly KerasLayer[],
  name: string,
  generation: Generation,
): Json {
  const nameOf = (call: number) => configs[calls[call]!.layer]!.name;
  /** [layer, which of its calls, 0], counted from `start` for a model in the model. */
  const reference = (call: number, start: number): [string, number, number] => {
    const { layer } = calls[call]!;
    const before = calls.slice(0, call).filter((other) => other.layer === layer).length;
    const isModel = MODEL_CLASSES.includes(configs[layer]!.className);
    return [configs[layer]!.name, before + (isModel ? start : 0), 0];
  };
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const node = (layer: KerasLayer, { inputs: from, training }: Topology['calls'][number]): unknown => {
    const spec = layer.module instanceof GetItem ? sliceJson(layer.module.spec, generation) : undefined;
    // An operation takes its tensor bare, where a layer takes a list.
    if (spec && generation === 2) return [...reference(from[0]!, 1), { slice_spec: spec }];
    const kwargs = training === undefined ? {} : { training };
    if (generation === 2) return from.map((call) => [...reference(call, 1), kwargs]);
    const tensors = from.map((call) => {
      const shape = byName.get(nameOf(call))!.outputShape;
      return {
        class_name: '__keras_tensor__',
        config: { shape, dtype: 'float32', keras_history: reference(call, 0) },
      };
    });
    return { args: spec ? [...tensors, spec] : tensors.length === 1 ? tensors : [tensors], kwargs };
  };
  // Keras 3 counts the calls of a Functional from 1 at the model's ends alone, those of a Sequential nowhere.
  const endStart = generation === 2 || configs[calls[output]!.layer]!.officialName === 'Functional' ? 1 : 0;
  return {
    name,
    trainable: layers.some(({ trainable }) => trainable),
    layers: layers.map((layer) => ({
      ...layerJson(layer, generation),
      name: layer.name,
      inbound_nodes: calls
        .filter((call) => configs[call.layer]!.name === layer.name && call.inputs.length > 0)
        .map((call) => node(layer, call)),
    })),
    input_layers: inputs.map((call) => reference(call, 1)),
    output_layers: [reference(output, endStart)],
  };
}

function layerJson(layer: KerasLayer, generation: Generation): Json {
  const { module, config, name } = layer;
  // A model is called by its layer's name, whatever its own was.
  if (module instanceof KerasModel) {
    const json = describe(module, generation);
    return { ...json, config: { ...(json.config as Json), name } };
  }
  if (module instanceof GetItem) return slicing(name, generation);
  const class_name = config.officialName;
  const json = {
    class_name,
    config: class_name === 'InputLayer' ? input(layer, generation) : options(layer, generation),
  };
  if (generation === 2) return json;
  const ownModule = MODULES[class_name];
  return { module: ownModule ?? 'keras.layers', ...json, registered_name: ownModule === undefined ? null : class_name };
}

/** The operation that Keras saves for a slice. */
function slicing(name: string, generation: Generation): Json {
  if (generation === 3)
    return { module: 'keras.src.ops.numpy', class_name: SLICE, config: { name }, registered_name: SLICE };
  const config = { name, trainable: true, dtype: 'float32', function: '__operators__.getitem' };
  return { class_name: 'SlicingOpLambda', config };
}

/** Classes of Keras's own networks, which are in no module that other layers are in. */
const MODULES: Readonly<Record<string, string>> = {
  LayerScale: 'keras.src.applications.convnext',
  CustomScaleLayer: 'keras.src.applications.inception_resnet_v2',
};

function input({ config, name }: KerasLayer, generation: Generation): Json {
  const shape = inputShapeOf(config)!;
  const rest = { dtype: 'float32', sparse: false, ragged: false, name };
  return generation === 2 ? { batch_input_shape: shape, ...rest } : { batch_shape: shape, ...rest };
}

function options(layer: KerasLayer, generation: Generation): Json {
  const { config, name, trainable, module } = layer;
  const fields =
    LAYER_FIELDS[config.officialName] ?? (isRandom(config.officialName) ? augmentation(config) : undefined);
  if (!fields) throw config.error('has no known configuration.');
  const now = ofModule(module);
  const dtype =
    generation === 2
      ? 'float32'
      : { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };
  const entries = Object.entries(fields).map(([key, otherwise]): [string, unknown] => {
    const value = (Object.hasOwn(now, key) ? now[key] : config.get(key)) ?? otherwise;
    if (key === 'strides' && value === null) return [key, config.pair('pool_size', 2)];
    if (PAIRS.includes(key) && value !== undefined) return [key, typeof value === 'number' ? [value, value] : value];
    return [key, object(key, key === 'axis' ? bare(value) : value, generation)];
  });
  const own = Object.fromEntries(entries);
  if (config.officialName === 'BatchNormalization' && generation === 3) own.synchronized = false;
  if (config.officialName === 'LeakyReLU') {
    const slope = config.number('negative_slope', config.number('alpha', 0.3));
    delete own.negative_slope;
    own[generation === 2 ? 'alpha' : 'negative_slope'] = slope;
  }
  return { name, trainable, dtype, ...own };
}

/** The options of a layer that only augments, as the file had them. */
function augmentation({ json }: LayerConfig): Json {
  const { name, trainable, dtype, ...own } = json;
  return own;
}

/** What the module says itself, which may have been changed or replaced since the model was built. */
function ofModule(module: Module): Json {
  const inner = module instanceof SeparableConv2D ? module.pointwise : module;
  const activation = inner instanceof Dense || inner instanceof Conv2D ? inner.activation : 'linear';
  if (module instanceof Reshape) return { target_shape: module.targetShape };
  if (module instanceof Activation) return { activation: module.activation };
  if (inner instanceof Linear) return { units: inner.outFeatures, use_bias: inner.bias !== null, activation };
  if (inner instanceof Conv2d) return { filters: inner.outChannels, use_bias: inner.bias !== null, activation };
  return {};
}

/** Keras 2 wraps a lone axis in a list, which Keras 3 does not read. */
function bare(axis: unknown): unknown {
  return Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
}

/** An initialiser, regulariser or constraint in the generation's spelling; anything else as it is. */
function object(key: string, value: unknown, generation: Generation): unknown {
  const kind = /_(initializer|regularizer|constraint)$/.exec(key)?.[1];
  if (!kind || !isJson(value)) return value;
  const { class_name, config, module = `keras.${kind}s`, registered_name = null } = value;
  if (!isJson(config)) return generation === 2 ? { class_name, config } : value;
  const { dtype: _, ...own } = config;
  if (generation === 2) return { class_name, config: own };
  const distribution = own.distribution === 'normal' ? { distribution: 'truncated_normal' } : {};
  return { module, class_name, config: { ...own, ...distribution }, registered_name };
}
