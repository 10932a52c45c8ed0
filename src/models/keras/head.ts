/** The layer of a Keras model that makes its classes: found from the output back, replaced, or put on where there is none. */
import { ArgumentError } from '../../core/errors.ts';
import { Dropout, Linear, Softmax } from '../../nn/index.ts';
import { Activation, type ActivationName, ReLU } from './activations.ts';
import { Conv2D, Dense, DepthwiseConv2D } from './convolution.ts';
import type { KerasLayer } from './layer.ts';
import { KerasModel } from './model.ts';
import { GlobalPooling2D } from './pooling.ts';
import { formatKerasShape } from './shape.ts';
import { Flatten, InputLayer, Reshape } from './structure.ts';

/** A layer, the model that has it, and its path from the outermost one: `backbone.block_1_conv`. */
interface Place {
  readonly owner: KerasModel;
  readonly layer: KerasLayer;
  readonly path: string;
}

/** What may stand behind the layer that makes the classes. */
const BEHIND = [Softmax, Activation, ReLU, Reshape, Flatten, GlobalPooling2D, Dropout, InputLayer] as const;

/**
 * The path of the layer that makes the classes, a dense layer or a convolution with at most activations, pooling and reshaping
 * behind it; undefined for a model that ends in features.
 */
export function headOf(model: KerasModel): string | undefined {
  return placesToHead(model)?.at(-1)?.path;
}

/** Gives a model that has a {@link headOf | head} a new one for so many classes; what is behind it fits them. */
export function graftKerasHead(model: KerasModel, classes: number): Linear | Conv2D {
  const places = placesToHead(model);
  if (!places) throw new ArgumentError(`graftKerasHead: ${model.name} ends in features, in no layer of classes.`);
  const { owner, layer } = places.at(-1)!;
  const old = layer.module as Linear | Conv2D;
  const before = old instanceof Linear ? old.outFeatures : old.outChannels;
  for (const { owner, layer } of places) {
    const { module } = layer;
    if (module instanceof Reshape)
      owner[layer.field] = new Reshape(module.targetShape.map((size) => (size === before ? classes : size)));
    if (module instanceof Activation) owner[layer.field] = new Activation(ofClasses(module.activation));
  }
  const grafted = likeHead(old, classes);
  owner[layer.field] = grafted;
  return grafted;
}

/**
 * The model, and where it ends in features, a Sequential of it, a pooling of feature maps and a head of one class that is to be
 * grafted: as Keras's tutorials build it.
 * @throws ArgumentError for an output that is neither features nor feature maps.
 */
export function withHead(model: KerasModel): KerasModel {
  if (headOf(model) !== undefined) return model;
  const { name, outputShape } = model;
  if (outputShape.length !== 4 && outputShape.length !== 2)
    throw new ArgumentError(
      `keras: ${name} gives ${formatKerasShape(outputShape)}; expected features or feature maps.`,
    );
  const layer = (class_name: string, config: object) => ({ class_name, config });
  const pooling =
    outputShape.length === 4 ? [layer('GlobalAveragePooling2D', { name: 'global_average_pooling2d' })] : [];
  const base = model.config as { readonly class_name: string; readonly config: unknown };
  const config = Array.isArray(base.config) ? { layers: base.config } : (base.config as object);
  const predictions = layer('Dense', { name: 'predictions', units: 1, activation: 'softmax' });
  const whole = new KerasModel(
    layer('Sequential', { name, layers: [{ ...base, config: { ...config, name } }, ...pooling, predictions] }),
  );
  whole[whole.layers[0]!.field] = model;
  return whole;
}

/** From the output back to the layer that makes the classes. */
function placesToHead(model: KerasModel): Place[] | undefined {
  if (model.outputShape.length !== 2) return undefined;
  const places: Place[] = [];
  for (const place of backwards(model, '')) {
    places.push(place);
    const { module } = place.layer;
    if (module instanceof Linear || (module instanceof Conv2D && !(module instanceof DepthwiseConv2D))) return places;
    if (!BEHIND.some((kind) => module instanceof kind)) return undefined;
  }
  return undefined;
}

/** Layers from the output on, those of models inside in their place, for as long as each has one input. */
function* backwards(model: KerasModel, path: string): Generator<Place> {
  const { topology, layers } = model.graph;
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  for (let at: number | undefined = topology.output; at !== undefined; ) {
    const { layer: index, inputs }: { layer: number; inputs: readonly number[] } = topology.calls[at]!;
    const layer = byName.get(topology.layers[index]!.name)!;
    if (layer.module instanceof KerasModel) yield* backwards(layer.module, `${path}${layer.field}.`);
    else yield { owner: model, layer, path: `${path}${layer.field}` };
    at = inputs.length === 1 ? inputs[0] : undefined;
  }
}

function likeHead(old: Linear | Conv2D, classes: number): Linear | Conv2D {
  const bias = old.bias !== null;
  if (old instanceof Linear) {
    const activation = old instanceof Dense ? ofClasses(old.activation) : 'linear';
    return new Dense(old.inFeatures, classes, { bias, activation });
  }
  const { kernelSize, stride, dilation, same } = old;
  const padding = same ? 'same' : 'valid';
  return new Conv2D(old.inChannels, classes, kernelSize, {
    stride,
    dilation,
    padding,
    bias,
    activation: ofClasses(old.activation),
  });
}

/** Scores of classes that exclude each other, where they were of one that is there or not. */
function ofClasses(activation: ActivationName): ActivationName {
  return activation === 'sigmoid' ? 'softmax' : activation;
}
