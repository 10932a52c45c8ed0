/** What a Keras model out of a file is known by: what the registry knows of networks that have a name. */
import { ArgumentError } from '../../core/errors.ts';
import type { ImagePreset } from '../../data/transforms/compose.ts';
import type { ModelEntry } from '../define.ts';
import { graftKerasHead, headOf } from './head.ts';
import type { KerasLayer } from './layer.ts';
import { KerasModel } from './model.ts';
import { modelJson } from './serialize.ts';

/** Side of images where a model takes any. */
export const ANY_SIDE = 224;

/** The topology of a Keras model as it is now, layers that were replaced included. */
export const kerasTopology = (model: KerasModel): unknown => modelJson(model, 3);

/** The entry of a Keras model that has a head. Its models give logits. */
export function kerasEntry(topology: unknown): ModelEntry {
  const build = () => {
    const model = new KerasModel(topology);
    model.fromLogits = true;
    // What is trained is the run's to say, whatever was frozen when the file was saved.
    model.trainable = true;
    return model;
  };
  const model = build();
  const head = headOf(model);
  if (head === undefined) throw new ArgumentError(`keras: ${model.name} has no layer that makes classes.`);
  const leaves = leavesOf(model, '');
  const before = leaves.filter(([path, { weights }]) => weights.length > 0 && path !== head);
  const inputSize = sideOf(model) ?? ANY_SIDE;
  const input = { ...PLAIN, resize: inputSize, crop: inputSize };
  return {
    name: `keras.${model.name}`,
    title: model.name,
    task: 'image-classification',
    async create({ numClasses } = {}) {
      const created = build();
      if (numClasses !== undefined) graftKerasHead(created, numClasses);
      return created;
    },
    graft: (grafted, classes) => graftKerasHead(grafted as KerasModel, classes),
    input,
    inputSize,
    parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
    multiplyAdds: Number.NaN,
    stages: [...before.map(([path]) => path), head],
    maps: leaves.findLast(([, { outputShape }]) => outputShape.length === 4)?.[0] ?? head,
    heads: [head],
    head,
  };
}

/** Pixels as 0..1: a run says itself how the model wants them. */
const PLAIN: Omit<ImagePreset, 'resize' | 'crop'> = { mean: [0, 0, 0], std: [1, 1, 1], interpolation: 'bilinear' };

/** Side of the images that a model takes, where it says it. */
export function sideOf(model: KerasModel): number | null {
  const { topology, layers } = model.graph;
  const entry = topology.layers[topology.calls[topology.inputs[0]!]!.layer]!.name;
  return layers.find(({ name }) => name === entry)!.outputShape[1] ?? null;
}

/** Every layer that is no model, by its path. */
function leavesOf({ layers }: { readonly layers: readonly KerasLayer[] }, path: string): [string, KerasLayer][] {
  return layers.flatMap((layer) => {
    const own = `${path}${layer.field}`;
    return layer.layers ? leavesOf({ layers: layer.layers }, `${own}.`) : [[own, layer] as [string, KerasLayer]];
  });
}
