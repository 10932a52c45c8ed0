/** Initial values that several of torchvision's families share. */
import { Conv2d, init, Linear, type Module } from '../nn/index.ts';

/** Convolutions normal by their outputs (Kaiming), dense layers normal with a deviation of 0.01, biases 0. */
export function initialize(model: Module): void {
  for (const module of model.modules()) {
    if (module instanceof Conv2d) init.kaimingNormal(module.weight, { mode: 'fanOut', nonlinearity: 'relu' });
    else if (module instanceof Linear) init.normal(module.weight, 0, 0.01);
    else continue;
    if (module.bias) init.constant(module.bias, 0);
  }
}
