/** One entry of `model.layers`: what Keras users ask a layer for. */
import type { Module, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { LayerConfig } from './config.ts';
import { BatchNormalization } from './normalization.ts';
import type { KerasShape } from './shape.ts';
import { type LayerWeight, layerWeights } from './weights.ts';

/** One weight as Keras lists it. */
export interface KerasWeight {
  /** `conv1_conv/kernel`. */
  readonly name: string;
  /** In Keras's layout: HWIO, [in, out]. The tensor itself is OIHW, [out, in]. */
  readonly shape: readonly number[];
  readonly trainable: boolean;
  readonly tensor: Tensor;
}

/** What holds modules by field name; `KerasModel` does. */
export interface LayerOwner {
  readonly layers: readonly KerasLayer[];
}

/** A layer of a {@link KerasModel}. Its module is the model's field of the same name, so replacing that replaces the layer. */
export class KerasLayer {
  readonly name: string;
  readonly config: LayerConfig;
  /** In Keras's layout, null for the batch: [null, 112, 112, 64]. */
  readonly outputShape: KerasShape;
  /** Names of the layers it takes its inputs from, one list a call. */
  readonly inbound: readonly (readonly string[])[];
  /** Name of the field of the model that holds the module. */
  readonly field: string;
  readonly #model: Readonly<Record<string, unknown>>;
  /** For layers without parameters, whose flag nothing else would keep. */
  #trainable = true;

  constructor(
    model: object,
    field: string,
    config: LayerConfig,
    outputShape: KerasShape,
    inbound: readonly (readonly string[])[],
  ) {
    this.#model = model as Readonly<Record<string, unknown>>;
    this.field = field;
    this.name = config.name;
    this.config = config;
    this.outputShape = outputShape;
    this.inbound = inbound;
  }

  /** Keras's class: `Conv2D`. */
  get type(): string {
    return this.config.className;
  }

  get module(): Module {
    return this.#model[this.field] as Module;
  }

  /** The layers of a model inside the model; undefined for a plain layer. */
  get layers(): readonly KerasLayer[] | undefined {
    return layersOf(this.module);
  }

  /**
   * Whether training changes the layer. Setting it sets `requires_grad` of all its parameters; a batch norm that is not
   * trainable runs in inference mode, as in Keras.
   */
  get trainable(): boolean {
    const parameters = this.module.parameters();
    return parameters.length > 0 ? parameters.some((p) => p.requires_grad) : this.#trainable;
  }
  set trainable(flag: boolean) {
    this.#trainable = flag;
    for (const layer of this.layers ?? []) layer.trainable = flag;
    for (const module of this.module.modules()) if (module instanceof BatchNormalization) module.trainable = flag;
    for (const parameter of this.module.parameters()) parameter.requires_grad = flag;
  }

  /** Its weights in Keras's order, statistics included. */
  get weights(): KerasWeight[] {
    return this.ownWeights().map(([name, { shape, tensor }]) => ({
      name,
      shape,
      tensor,
      trainable: (tensor as Parameter).requires_grad,
    }));
  }

  /** Weights with their names from this layer on: `conv1_conv/kernel`, `backbone/conv1_conv/kernel`. @internal */
  ownWeights(): [string, LayerWeight][] {
    const inner = this.layers;
    if (inner) return inner.flatMap((layer) => layer.ownWeights()).map(([name, w]) => [`${this.name}/${name}`, w]);
    return layerWeights(this.module).map((weight) => [`${this.name}/${weight.name}`, weight]);
  }
}

function layersOf(module: Module): readonly KerasLayer[] | undefined {
  const { layers } = module as Partial<LayerOwner>;
  return Array.isArray(layers) && layers.every((layer) => layer instanceof KerasLayer) ? layers : undefined;
}
