/** Activations by the names that `config.json` has for them. */
import { ArgumentError } from '../../core/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export type Activation = (x: Tensor) => Tensor;

const tanhGelu: Activation = (x) => x.gelu({ approximate: 'tanh' });

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: (x) => x.gelu(),
  gelu_python: (x) => x.gelu(),
  // By the tanh formula, however it is written down.
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  quick_gelu: (x) => x.mul(x.mul(1.702).sigmoid()),
  relu: (x) => x.relu(),
  relu6: (x) => x.relu6(),
  relu2: (x) => x.relu().square(),
  leaky_relu: (x) => x.leakyRelu(),
  silu: (x) => x.silu(),
  swish: (x) => x.silu(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  hardswish: (x) => x.hardswish(),
  linear: (x) => x,
};

/** @throws ArgumentError for a name that is none. */
export function activationOf(key: string, name: unknown): Activation {
  if (typeof name === 'string' && Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name]!;
  throw new ArgumentError(
    `config: has ${key} '${String(name)}', of which regraft has ${Object.keys(ACTIVATIONS).join(', ')}.`,
  );
}
