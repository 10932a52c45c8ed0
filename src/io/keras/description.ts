/** A Keras model as its files need it, told by the model, so that the writers need not know how one is built. */
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { Module } from '../../nn/index.ts';

/** A layer as Keras 3 addresses it: by class and number. */
export interface NumberedLayer {
  /** `layers/conv2d_1`. */
  readonly path: string;
  /** `conv1`. */
  readonly name: string;
  /** In Keras's order. */
  readonly weights: readonly TensorData[];
}

/** The layers of a Keras model; weights are in Keras's layouts, float32 or int64. */
export interface KerasDescription {
  /** `{ class_name, config }` in the spelling of Keras 2 or 3. */
  topology(generation: 2 | 3): unknown;
  /** All layers in the model's order, those without weights too; weights as `kernel`. */
  layers(): Promise<readonly (readonly [layer: string, weights: ReadonlyMap<string, TensorData>])[]>;
  /** Every layer that is no model, those inside of others too. */
  numberedLayers(): Promise<readonly NumberedLayer[]>;
  /** Weights as TF.js tells them apart: `conv1/kernel`, whatever model the layer is in. */
  tfjsState(): Promise<StateDict>;
}

/** The layers that a file of Keras's holds. @throws ArgumentError for a model that is none of Keras's. */
export function layersFor(
  model: Module,
  { name, keras }: { readonly name: string; readonly keras?: KerasDescription },
): KerasDescription {
  if (keras) return keras;
  throw new ArgumentError(
    `writeModel: ${name} holds Keras's layers: expected a Keras model, got ${model.typeName}. Use .safetensors, .pth or .onnx.`,
  );
}
