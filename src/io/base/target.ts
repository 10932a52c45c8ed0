/** The description of a model that a reader needs to place weights whose file lacks names. */
import type { Shape } from '../../core/shape.ts';
import { type AnyModule, BatchNorm2d, Buffer, Conv2d, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ReadOptions } from './format.ts';

/**
 * Names, shapes, batch-norm epsilons and strides of a model, as options of `readWeights`, `readWeightFile` and `convert`.
 * @param model The one that is to take the tensors.
 * @example
 * model.loadStateDict(await readWeights('resnet50.onnx', targetOf(model)));
 */
export function targetOf(model: AnyModule): Required<Pick<ReadOptions, 'expected' | 'batchNormEps' | 'strides'>> {
  const own = (module: AnyModule) =>
    [Parameter, Buffer].flatMap((type) => Object.entries(module).filter(([, field]) => field instanceof type));
  const tensors = model
    .namedModules()
    .flatMap(([path, module]) =>
      own(module).map(([field, t]): [string, Shape] => [path === '' ? field : `${path}.${field}`, (t as Tensor).shape]),
    );
  const norms = model.namedModules().flatMap(([path, module]): [string, number][] => {
    return module instanceof BatchNorm2d ? [[path, module.eps]] : [];
  });
  const strides = model.namedModules().flatMap(([path, module]): [string, Shape][] => {
    return module instanceof Conv2d ? [[path, module.stride]] : [];
  });
  return { expected: new Map(tensors), batchNormEps: new Map(norms), strides: new Map(strides) };
}
