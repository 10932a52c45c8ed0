/** A Keras model as a module: its layers by name, run in the order of its graph. */
import type { StateDict } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import { type LoadOptions, Module, Softmax, type StateDictFaults } from '../../nn/index.ts';
import { inMode } from '../../nn/modes.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { Activation } from './activations.ts';
import { bindWeights } from './bind.ts';
import { buildLayer } from './build.ts';
import { Conv2D, Dense } from './convolution.ts';
import { KerasLayer } from './layer.ts';
import { type Preprocessing, preprocessInput } from './preprocess.ts';
import type { KerasShape } from './shape.ts';
import { Flatten, Reshape } from './structure.ts';
import { type KerasSummaryOptions, kerasSummary } from './summary.ts';
import { MODEL_CLASSES, parseTopology, type Topology } from './topology.ts';
import { toKeras } from './weights.ts';

/** Options of a {@link KerasModel}. */
export interface KerasModelOptions {
  /** What forward does to its images first: they are then RGB, 0..255. Default: nothing, as in Keras. */
  preprocessing?: Preprocessing | null;
}

/**
 * A Sequential or functional model. Images are [N, C, H, W]; `layers`, names, shapes, weights and the order of elements
 * after Flatten are Keras's. Each layer's module is a field under the layer's name: `model.predictions = new Linear(2048, 10)`.
 */
export class KerasModel extends Module {
  [layer: string]: unknown;
  readonly name: string;
  readonly kind: 'Sequential' | 'Functional';
  /** In Keras's order; those of a Sequential without its input layer, as in Keras. */
  readonly layers: readonly KerasLayer[];
  /** In Keras's layout, null for the batch. */
  readonly outputShape: KerasShape;
  /** Whether forward leaves the last softmax out, which is what a cross-entropy wants; false by default. */
  fromLogits = false;
  preprocessing: Preprocessing | null;
  /** What `{ class_name, config }` it was built from. */
  readonly #json: unknown;
  readonly #topology: Topology;
  readonly #all: readonly KerasLayer[];

  /**
   * @param json `{ class_name, config }`, as in `model_config` of a file.
   * @throws ArgumentError for layers or options that are not supported, by their names.
   */
  constructor(json: unknown, options: KerasModelOptions = {}, depth = 0, inputShape?: KerasShape) {
    super();
    checkOptions('KerasModel', options, { preprocessing: true });
    const topology = parseTopology(json, depth, inputShape);
    this.#json = json;
    this.#topology = topology;
    this.name = topology.name;
    this.kind = topology.kind;
    this.preprocessing = options.preprocessing ?? null;
    const shapes: KerasShape[] = [];
    const built = new Map<number, { module: Module; shape: KerasShape; inbound: string[][] }>();
    for (const [i, call] of topology.calls.entries()) {
      const config = topology.layers[call.layer]!;
      const inputs = call.inputs.map((at) => shapes[at]!);
      const known = built.get(call.layer);
      const { module, outputShape } = buildAny(config, inputs, depth);
      shapes[i] = outputShape;
      const names = call.inputs.map((at) => topology.layers[topology.calls[at]!.layer]!.name);
      if (known) known.inbound.push(names);
      else built.set(call.layer, { module, shape: outputShape, inbound: [names] });
    }
    this.#all = topology.layers.flatMap((config, i) => {
      const entry = built.get(i);
      if (!entry) return [];
      const field = this.#freeField(config.name);
      this[field] = entry.module;
      return [new KerasLayer(this, field, config, entry.shape, entry.inbound)];
    });
    this.outputShape = shapes[topology.output]!;
    this.layers = this.kind === 'Sequential' ? this.#all.slice(1) : this.#all;
    for (const layer of this.#all) if (layer.config.get('trainable') === false) layer.trainable = false;
  }

  /** The topology that it was built from, as Keras's JSON: `{ class_name, config }`. */
  get config(): unknown {
    return this.#json;
  }

  /** How the layers are connected; a Sequential's input layer is among them. @internal */
  get graph(): { readonly topology: Topology; readonly layers: readonly KerasLayer[] } {
    return { topology: this.#topology, layers: this.#all };
  }

  /** @throws ArgumentError if there is no layer of this name. */
  getLayer(name: string): KerasLayer {
    const layer = this.layers.find((candidate) => candidate.name === name);
    if (layer) return layer;
    throw new ArgumentError(
      `getLayer: '${name}' is no layer of ${this.name}. It has ${this.layers.length}, in model.layers.`,
    );
  }

  /** Whether any layer is trainable; setting it sets all of them. */
  get trainable(): boolean {
    return this.layers.some((layer) => layer.trainable);
  }
  set trainable(flag: boolean) {
    for (const layer of this.#all) layer.trainable = flag;
  }

  /** Images [N, C, H, W] to the output of the last layer: probabilities where that is a softmax, unless `fromLogits`. */
  override forward(...inputs: Tensor[]): Tensor {
    const { calls, layers, inputs: entries, output } = this.#topology;
    if (inputs.length !== entries.length)
      throw new ArgumentError(`${this.name}: expected ${entries.length} inputs, got ${inputs.length}.`);
    const byIndex = new Map(this.#all.map((layer) => [layer.name, layer]));
    const skipped = this.fromLogits ? this.#softmaxCall() : -1;
    const values: Tensor[] = [];
    for (const [i, call] of calls.entries()) {
      const entry = entries.indexOf(i);
      const layer = byIndex.get(layers[call.layer]!.name)!;
      const given = entry >= 0 ? [this.#prepared(inputs[entry]!)] : call.inputs.map((at) => values[at]!);
      values[i] = i === skipped ? withoutSoftmax(layer.module, given) : run(layer.module, given, call.training);
    }
    return values[output]!;
  }

  /** As {@link forward}, without the last softmax. */
  logits(...inputs: Tensor[]): Tensor {
    const before = this.fromLogits;
    this.fromLogits = true;
    try {
      return this.forward(...inputs);
    } finally {
      this.fromLogits = before;
    }
  }

  /**
   * Writes a state dict: one of this tree (`conv1_conv.weight`, OIHW), or one that Keras saved (`conv1_conv/kernel`, HWIO,
   * or Keras 3's `layers/conv2d/vars/0`), whose layouts are changed on the way.
   */
  override loadStateDict(state: StateDict, options: LoadOptions = {}): StateDictFaults {
    return super.loadStateDict(bindWeights(this.layers, state), options);
  }

  /** The weights by Keras's names in Keras's layouts: `conv1_conv/kernel` in HWIO. */
  async kerasStateDict(): Promise<StateDict> {
    const weights = this.layers.flatMap((layer) => layer.ownWeights());
    const values = await Promise.all(weights.map(([, { tensor }]) => tensor.data()));
    return new Map(weights.map(([name, weight], i) => [name, toKeras(weight, values[i]!)]));
  }

  /** Keras's table: layers, output shapes, parameters; totals of all, trainable and not, statistics counted as in Keras. */
  override summary(options: KerasSummaryOptions = {}): string {
    const own = { expandNested: true, showTrainable: true };
    checkOptions('summary', options, { inputShape: true, inputs: true, depth: true, ...own });
    return kerasSummary(this, options);
  }

  override get typeName(): string {
    return this.kind;
  }

  /** The layer's name, unless the model has a member of that name; dots are what joins names to paths. */
  #freeField(name: string): string {
    let field = name.replaceAll('.', '_');
    while (field in this) field = `${field}_`;
    return field;
  }

  #prepared(x: Tensor): Tensor {
    return this.preprocessing ? preprocessInput(x, this.preprocessing) : x;
  }

  /** The call of the softmax that the output comes from, reshaped at most; -1 if there is none. */
  #softmaxCall(): number {
    const { calls, output, layers } = this.#topology;
    for (let at: number | undefined = output; at !== undefined; at = calls[at]!.inputs[0]) {
      const name = layers[calls[at]!.layer]!.name;
      const module = this.#all.find((layer) => layer.name === name)!.module;
      if (endsInSoftmax(module)) return at;
      if (!(module instanceof Reshape || module instanceof Flatten)) return -1;
    }
    return -1;
  }
}

function buildAny(
  config: KerasLayer['config'],
  inputs: readonly KerasShape[],
  depth: number,
): { module: Module; outputShape: KerasShape } {
  if (!MODEL_CLASSES.includes(config.className)) return buildLayer(config, inputs);
  const module = new KerasModel({ class_name: config.className, config: config.json }, {}, depth + 1, inputs[0]);
  return { module, outputShape: module.outputShape };
}

function endsInSoftmax(module: Module): boolean {
  if (module instanceof Softmax) return true;
  if (module instanceof Activation || module instanceof Dense || module instanceof Conv2D)
    return module.activation === 'softmax';
  return module instanceof KerasModel && module.layers.length > 0 && endsInSoftmax(module.layers.at(-1)!.module);
}

function withoutSoftmax(module: Module, inputs: Tensor[]): Tensor {
  if (module instanceof KerasModel) return module.logits(...inputs);
  if (!(module instanceof Dense || module instanceof Conv2D)) return inputs[0]!;
  const { activation } = module;
  module.activation = 'linear';
  try {
    return module.forward(...(inputs as [Tensor]));
  } finally {
    module.activation = activation;
  }
}

/** Runs a layer, in the mode that the model was connected with: `backbone(x, training=False)`. */
function run(module: Module, inputs: Tensor[], training: boolean | undefined): Tensor {
  if (training === undefined) return module.forward(...inputs);
  return inMode(module, training, () => module.forward(...inputs));
}
