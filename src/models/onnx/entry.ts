/** What an ONNX graph with one input of images and one output is known by: what the registry knows of networks that have a name. */
import { ArgumentError } from '../../core/errors.ts';
import { imagenetPreset } from '../../data/transforms/compose.ts';
import { trial } from '../../graph/scope.ts';
import type { OnnxPort } from '../../io/onnx/program.ts';
import { Conv2d, Linear, type Module } from '../../nn/index.ts';
import { placeholder } from '../../nn/inputs.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { ModelEntry } from '../define.ts';
import { graftHead } from '../graft.ts';
import { OnnxModel } from './model.ts';
import { graphOfTopology, type OnnxTopology } from './topology.ts';

/** Side of images where a graph takes any. */
const ANY_SIDE = 224;

/** The entry of a graph under a name of its own. Its models give logits. */
export function onnxEntry(topology: OnnxTopology, name: string): ModelEntry {
  const build = () => {
    const model = new OnnxModel(graphOfTopology(topology));
    model.fromLogits = true;
    return model;
  };
  const model = build();
  const { head, stages } = model.graph;
  if (head === '') throw new ArgumentError(`${name}: has no layer that makes classes.`);
  const convolutions = model.namedModules().filter(([path, module]) => module instanceof Conv2d && path !== head);
  const side = sideOf(model);
  const inputSize = side ?? ANY_SIDE;
  return {
    ...{ name, title: name.replace(/^onnx\./, ''), task: 'image-classification' },
    async create({ numClasses } = {}) {
      const created = build();
      const own = outputsOf(created.getSubmodule(head));
      if (topology.newHead || (numClasses !== undefined && numClasses !== own))
        graftHead(created, head, numClasses ?? own);
      return created;
    },
    input: imagenetPreset(Math.round((inputSize * 256) / 224), inputSize),
    inputSize,
    fixedSize: side !== null,
    parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
    multiplyAdds: Number.NaN,
    stages,
    maps: convolutions.at(-1)?.[0] ?? head,
    heads: [head],
    head,
  };
}

/** Outputs of the layer that makes classes. */
export function outputsOf(head: Module): number {
  return head instanceof Linear ? head.outFeatures : (head as Conv2d).outChannels;
}

/** Side of the images that a graph takes, where the file fixes it. */
function sideOf({ graph }: OnnxModel): number | null {
  const [, , ...sides] = graph.inputs[0]?.shape ?? [];
  return sides.find((side) => typeof side === 'number') ?? null;
}

/** Whether an input is square RGB images, channels first, as far as its sizes are told. */
function isOfImages({ length, 1: channels, 2: height, 3: width }: NonNullable<OnnxPort['shape']>): boolean {
  const isRgb = channels === 3 || (typeof channels !== 'number' && width !== 3);
  const isSquare = height === width || typeof height !== 'number' || typeof width !== 'number';
  return length === 4 && isRgb && isSquare;
}

/**
 * Checks that a graph takes images, channels first, and gives scores of classes by its head.
 * @param path for messages.
 * @throws ArgumentError in one line for what is no classifier of images.
 */
export function checkClassifierGraph(path: string, model: OnnxModel): void {
  const { inputs, outputs, head } = model.graph;
  const [input] = inputs;
  const names = (list: readonly string[]) => list.map((name) => `'${name}'`).join(', ');
  const fail = (fault: string) => new ArgumentError(`${path}: ${fault}.`);
  if (inputs.length !== 1) throw fail(`takes ${names(inputs.map(({ name }) => name))}; expected one input, the images`);
  if (outputs.length !== 1) throw fail(`gives ${names(outputs)}; expected one output, the scores of classes`);
  const { shape } = input!;
  if (shape && !isOfImages(shape))
    throw fail(
      `takes [${shape.map((size) => size ?? '?').join(', ')}]; expected square images of three channels, [batch, 3, side, side]`,
    );
  if (head === '')
    throw fail('has no Gemm, MatMul or Conv with weights, whose place a head for new classes could take');
  const [batch, side] = [2, sideOf(model) ?? ANY_SIDE];
  const classes = outputsOf(model.getSubmodule(head));
  const x = placeholder([batch, 3, side, side], 'float32');
  const given = trial(
    () => noGrad(() => model.forward(x)),
    (y) => (y instanceof Tensor ? y.shape : []),
  );
  if (given.length !== 2 || given[0] !== batch || given[1] !== classes)
    throw fail(
      `gives [${given.join(', ')}] of two images, and its last layer '${head}' has ${classes} outputs; expected the scores of these, [2, ${classes}]`,
    );
}
