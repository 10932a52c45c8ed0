/** Grad-CAM: which parts of a picture spoke for a class (Selvaraju et al. 2017, arXiv:1610.02391). */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { checkInstance, checkOptions, shown } from '../core/options.ts';
import { formatShape } from '../core/shape.ts';
import { isRecord } from '../nn/inputs.ts';
import { enterMode } from '../nn/modes.ts';
import { type AnyModule, Module } from '../nn/module.ts';
import type { Tensors } from '../tasks/task.ts';
import { step } from '../tensor/autograd.ts';
import { tensor } from '../tensor/factory.ts';
import { checkTensor, Tensor } from '../tensor/tensor.ts';
import { requireNumbers } from './finite.ts';

/** The result of {@link gradCam}. */
export interface GradCam {
  /** [height, width], row-major, as large as the layer's feature maps; 0 where nothing speaks for the class. */
  readonly map: Float32Array;
  /** Rows of `map`. */
  readonly height: number;
  /** Columns of `map`. */
  readonly width: number;
  /** The model's output, a number for each class. */
  readonly logits: Float32Array;
}

/** Options of {@link gradCam}. */
export interface GradCamOptions {
  /** A part of the model that gives feature maps [1, K, height, width], as a rule the last: `model.layer4`. */
  readonly layer: AnyModule;
  /** The class, by its number. */
  readonly target: number;
  /** Name of the logits in the record that the model gives; needed where that has several tensors. */
  readonly output?: string;
}

/**
 * Map of how much each place in the feature maps of `layer` speaks for a class: the maps, weighted by the mean gradient of the
 * class's logit, added up, negative sums cut off. The model is used in evaluation mode; gradients that its parameters hold are
 * dropped.
 * @param model A classifier: its `forward` gives logits [1, classes], by themselves or in a record.
 * @param image [1, C, H, W]; a record of tensors for a model of several inputs.
 * @param options The layer to look at, and the class.
 * @throws ArgumentError for a class or an output that is not there, or a layer that is not part of the forward pass; ShapeError for other
 * shapes; RegraftError where the model gives NaN.
 * @example
 * const { map, height, width } = await gradCam(model, image, { layer: model.layer3, target: 1 });
 */
export async function gradCam(model: AnyModule, image: Tensor | Tensors, options: GradCamOptions): Promise<GradCam> {
  const { layer, target, output } = checked(model, image, options);
  const trainable = model.parameters().filter((p) => p.requires_grad);
  let seen: unknown;
  // With every parameter frozen the layer's output depends on no leaf: it can be made one, and backward ends there.
  const unhook = layer.onForward((given) => {
    if (given instanceof Tensor) given.requires_grad = true;
    seen = given;
  });
  const leave = enterMode(model, false);
  try {
    for (const p of trainable) p.requires_grad = false;
    const { logits, map } = step(() => {
      const scores = logitsOf(model.forward(image), output);
      if (seen === undefined)
        throw new ArgumentError(`gradCam: the ${layer.typeName} is not part of the model's forward pass.`);
      const maps = featureMaps(seen);
      const classes = scores.shape[1]!;
      if (!Number.isInteger(target) || target < 0 || target >= classes)
        throw new ArgumentError(`gradCam: target must be a class from 0 to ${classes - 1}, got ${target}.`);
      scores.backward(
        tensor(
          Float32Array.from({ length: classes }, (_, i) => Number(i === target)),
          scores.shape,
        ),
      );
      const weights = maps.grad!.mean([2, 3], { keepdim: true });
      return { logits: scores, map: maps.detach().mul(weights).sum(1).relu() };
    });
    const [, height, width] = map.shape as [number, number, number];
    const [values, all] = await Promise.all([map.data(), logits.data()]);
    for (const numbers of [all, values]) requireNumbers('gradCam', `the ${model.typeName}`, numbers);
    return { map: values, height, width, logits: all };
  } finally {
    unhook();
    leave();
    for (const p of trainable) p.requires_grad = true;
  }
}

/** The output of the layer. @throws ShapeError unless it is [1, K, height, width]. */
function featureMaps(output: unknown): Tensor {
  if (output instanceof Tensor && output.rank === 4 && output.shape[0] === 1) return output;
  const [got, shapes] = output instanceof Tensor ? [formatShape(output.shape), [output.shape]] : [shown(output), []];
  throw new ShapeError('gradCam', `the layer must give feature maps [1, channels, height, width], got ${got}.`, shapes);
}

/** The tensor `name` of a record, or its only one. @throws ArgumentError if there is none; ShapeError unless it is [1, classes]. */
function logitsOf(outputs: Tensor | Tensors, name: string | undefined): Tensor {
  const record = outputs instanceof Tensor ? { '': outputs } : outputs;
  const names = Object.keys(record);
  const [only] = names.length === 1 ? names : [];
  const logits = record[name ?? only ?? ''];
  if (!logits) {
    const fix =
      outputs instanceof Tensor ? 'The model gives one tensor: leave it out.' : `There are ${names.join(', ')}.`;
    throw new ArgumentError(`gradCam: expected output as the name of the logits, got ${shown(name)}. ${fix}`);
  }
  if (logits.rank === 2 && logits.shape[0] === 1) return logits;
  const got = formatShape(logits.shape);
  throw new ShapeError('gradCam', `the model must give logits [1, classes], got ${got}.`, [logits.shape]);
}

/** The options, checked. @throws ArgumentError for what is no model, no tensor, no layer. */
function checked(model: AnyModule, image: Tensor | Tensors, options: GradCamOptions): GradCamOptions {
  checkInstance('gradCam', 'model', model, Module, 'a module', 'Write gradCam(model, image, { layer, target }).');
  for (const input of isRecord(image) ? Object.values(image) : [image]) checkTensor('gradCam', input);
  checkOptions('gradCam', options, { layer: true, target: true, output: true });
  checkInstance('gradCam', 'layer', options.layer, Module, 'a module', 'Write { layer: model.layer4, target }, say.');
  return options;
}
