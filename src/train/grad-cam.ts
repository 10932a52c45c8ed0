/** Grad-CAM: which parts of a picture spoke for a class (Selvaraju et al. 2017, arXiv:1610.02391). */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { checkInstance, checkOptions } from '../core/options.ts';
import { formatShape } from '../core/shape.ts';
import { enterMode } from '../nn/modes.ts';
import { type AnyModule, Module } from '../nn/module.ts';
import { step } from '../tensor/autograd.ts';
import { tensor } from '../tensor/factory.ts';
import { checkTensor, type Tensor } from '../tensor/tensor.ts';
import { requireNumbers } from './finite.ts';

/** What {@link gradCam} gives. */
export interface GradCam {
  /** [height, width], row-major, as large as the layer's feature maps; 0 where nothing speaks for the class. */
  readonly map: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Of all classes. */
  readonly logits: Float32Array;
}

/** Options of {@link gradCam}. */
export interface GradCamOptions {
  /** A part of the model that gives feature maps [1, K, height, width], as a rule the last: `model.layer4`. */
  readonly layer: AnyModule;
  /** The class, by its number. */
  readonly target: number;
}

/**
 * How much each place in the feature maps of `layer` speaks for a class: the maps, weighted by the mean gradient of the
 * class's logit, added up, negative sums cut off. The model is used in evaluation mode; gradients that its parameters hold are
 * dropped.
 * @param model A classifier; what its `forward` gives are the logits [1, classes].
 * @param image [1, C, H, W]
 * @param options The layer to look at, and the class.
 * @throws ArgumentError for a class that is not there, or a layer that is not part of the forward pass; ShapeError for other shapes;
 * RegraftError where the model gives NaN.
 * @example
 * const { map, height, width } = await gradCam(model, image, { layer: model.layer3, target: 1 });
 */
export async function gradCam(model: AnyModule, image: Tensor, options: GradCamOptions): Promise<GradCam> {
  const { layer, target } = checked(model, image, options);
  const trainable = model.parameters().filter((p) => p.requires_grad);
  let maps: Tensor | undefined;
  // With every parameter frozen the layer's output depends on no leaf: it can be made one, and backward ends there.
  const unhook = layer.onForward((output: Tensor) => {
    output.requires_grad = true;
    maps = output;
  });
  const leave = enterMode(model, false);
  try {
    for (const p of trainable) p.requires_grad = false;
    const { logits, map } = step(() => {
      const scores: Tensor = model.forward(image);
      if (!maps) throw new ArgumentError(`gradCam: the ${layer.typeName} is not part of the model's forward pass.`);
      if (maps.rank !== 4 || maps.shape[0] !== 1)
        throw new ShapeError(
          'gradCam',
          `the layer must give feature maps [1, channels, height, width], got ${formatShape(maps.shape)}.`,
          [maps.shape],
        );
      const classes = scores.shape.at(-1)!;
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

/** `options`. @throws ArgumentError for what is no model, no tensor, no layer. */
function checked(model: AnyModule, image: Tensor, options: GradCamOptions): GradCamOptions {
  checkInstance('gradCam', 'model', model, Module, 'a module', 'Write gradCam(model, image, { layer, target }).');
  checkTensor('gradCam', image);
  checkOptions('gradCam', options, { layer: true, target: true });
  checkInstance('gradCam', 'layer', options.layer, Module, 'a module', 'Write { layer: model.layer4, target }, say.');
  return options;
}
