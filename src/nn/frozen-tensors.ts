/** What of a model stays as it is in training, and what moves. */
import type { Tensor } from '../tensor/tensor.ts';
import { BatchNorm2d } from './batchnorm.ts';
import type { AnyModule } from './module.ts';
import type { Buffer, Parameter } from './parameter.ts';

/** Frozen parameters, and the buffers of modules that have no trainable parameter of their own. */
export function frozenTensors(model: AnyModule): [string, Parameter | Buffer][] {
  const moving = new Set<Tensor>();
  for (const module of model.modules()) {
    const still =
      module instanceof BatchNorm2d ? module.frozen : module.ownParameters().every(([, p]) => !p.requires_grad);
    if (!still) for (const value of Object.values(module)) moving.add(value as Tensor);
  }
  return [
    ...model.namedParameters().filter(([, p]) => !p.requires_grad),
    ...model.namedBuffers().filter(([, b]) => !moving.has(b)),
  ];
}

/** What training changes: every parameter and buffer that is not frozen. */
export function movingTensors(model: AnyModule): [string, Parameter | Buffer][] {
  const frozen = new Set(frozenTensors(model).map(([name]) => name));
  return [...model.namedParameters(), ...model.namedBuffers()].filter(([name]) => !frozen.has(name));
}
