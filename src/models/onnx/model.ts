/** An ONNX graph as a module: its nodes run in their order, over parameters with the names of the file. */
import { ArgumentError } from '../../core/errors.ts';
import { scopeOf } from '../../io/onnx/layers.ts';
import type { Surroundings } from '../../io/onnx/operators/call.ts';
import { Call } from '../../io/onnx/operators/call.ts';
import type { HostValue, Value } from '../../io/onnx/operators/value.ts';
import {
  byRule,
  declaredBatch,
  type OnnxPort,
  outputsOf,
  type Program,
  runSteps,
  type Step,
} from '../../io/onnx/program.ts';
import { asTensor } from '../../io/onnx/run.ts';
import { type AnyModule, Buffer, Conv2d, Linear, Module, Parameter } from '../../nn/index.ts';
import { isRecord } from '../../nn/inputs.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { joinedProducts, type Layer, layerOf } from './layers.ts';
import type { PreparedGraph } from './prepared.ts';
import { type OnnxTopology, topologyOfGraph } from './topology.ts';
import { type PathPlace, type Place, put, putBound, scopeOfFields } from './tree.ts';

/** Options of `onnx.loadModel`. */
export interface OnnxModelOptions {
  /** Is told what is worth a note, a sentence each: floats of 16 bits, quantised integers, a batch that the file fixes. */
  onNote?: (note: string) => void;
}

/** What a file tells of its graph. */
export interface OnnxGraph {
  readonly name: string;
  /** The version of ONNX's operators. */
  readonly opset: number;
  readonly inputs: readonly OnnxPort[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** Path of the layer that the first output comes from, the last Gemm, MatMul or Conv with weights: for `graftHead`. '' if there is none. */
  readonly head: string;
  /** Where to cut, for `freezeUntil`: the first layer, those from where on images are smaller, and the head. */
  readonly stages: readonly string[];
  /** What was told while it was loaded. */
  readonly notes: readonly string[];
}

/** A step with the module that stands for it, where there is one. */
interface Unit {
  readonly step: Step;
  readonly layer: (PathPlace & { readonly isProduct: boolean; readonly own: AnyModule }) | undefined;
  /** Names of its tensors. */
  readonly tensors: readonly string[];
}

/**
 * A network out of an ONNX file. `forward` takes the graph's inputs one after another, or in a record by their names, and gives its output; several
 * as a record by their names. Convolutions, linear layers and batch norms are modules, at the path that their weights' names have in
 * common (`layer1.0.conv1`), or under the name of their node: `model.fc = new Linear(512, 10)` replaces one.
 */
export class OnnxModel<Inputs extends unknown[] = Tensor[], Outputs = Tensor> extends Module<Inputs, Outputs> {
  [field: string]: unknown;
  readonly graph: OnnxGraph;
  /** Whether forward leaves the last softmax or sigmoid out, which is what a cross-entropy wants; false by default. */
  fromLogits = false;
  readonly #program: PreparedGraph;
  readonly #units: readonly Unit[];
  readonly #byStep: ReadonlyMap<Step, Unit>;
  readonly #constants: ReadonlyMap<string, HostValue>;
  /** Tensors by their names in the file. */
  readonly #tensors: ReadonlyMap<string, Parameter | Buffer>;
  /** Constants on the device, and numbers that came up while running. */
  readonly #kept = new Map<HostValue, Tensor>();
  readonly #found = new Map<string, { value: HostValue; tensor: Tensor }[]>();
  readonly #activation: Step | undefined;
  readonly #head: Unit | undefined;
  #around: Surroundings;

  /** @internal */
  constructor(program: PreparedGraph) {
    super();
    const { steps, constants } = program;
    const tensors = new Map<string, Parameter | Buffer>();
    for (const [name, { shape, data, kind }] of constants) {
      if (kind !== 'float') continue;
      if (program.parameters.has(name)) tensors.set(name, new Parameter(shape, data as Float32Array));
      else if (program.statistics.has(name)) tensors.set(name, new Buffer(shape, data as Float32Array));
    }
    this.#program = program;
    this.#tensors = tensors;
    this.#constants = new Map([...constants].filter(([name]) => !tensors.has(name)));
    this.#around = this.#surroundings(1);
    // Before the tree is made: what it must not be in the way of.
    this.graph = undefined as unknown as OnnxGraph;
    const joined = joinedProducts(steps, program.outputs, tensors);
    this.#units = this.#placed(joined);
    this.#byStep = new Map(this.#units.map((unit) => [unit.step, unit]));
    this.#activation = lastActivation(joined, program.outputs[0]!);
    this.#head = headOf(this.#units, program.outputs[0]!);
    const head = this.#head?.layer?.path ?? '';
    const { name, opset, inputs, outputs } = program;
    const stages = stagesOf(this.#units, head);
    this.graph = { name, opset, inputs, outputs, head, stages, notes: [...program.notes, ...batchNotes(program)] };
  }

  override forward(...inputs: Inputs): Outputs {
    const named = this.#named(inputs);
    const values = new Map<string, Value>([...this.#constants, ...this.#tensors, ...named]);
    this.#around = this.#surroundings(named[0]?.[1].shape[0] ?? 1);
    const steps = this.#units.map(({ step }) => step);
    runSteps(steps, values, this.#around, (step, call) => {
      if (step === this.#activation && this.fromLogits) return call.value(0);
      const layer = this.#byStep.get(step)?.layer;
      if (!layer) return byRule(step, call);
      return moduleAt(layer).forward(call.tensor(0)) as Tensor;
    });
    const { outputs } = this.#program;
    const tensors = outputsOf(this.#program, values, this.#around);
    return (
      outputs.length === 1 ? tensors[0] : Object.fromEntries(outputs.map((name, i) => [name, tensors[i]]))
    ) as Outputs;
  }

  /**
   * Freezes what the graph computes before the named layer, or before the first with that path before its name, and makes the rest trainable.
   * @param path of a layer: one of `graph.stages`, say.
   */
  override freezeUntil(path: string): this {
    const start = this.#units.findIndex(({ layer, tensors }) =>
      [layer?.path ?? '', ...tensors].some(
        (name) => name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}/`),
      ),
    );
    if (path === '' || start < 0) {
      this.getSubmodule(path || '-');
      throw new ArgumentError(
        `freezeUntil: '${path}' is no layer of the graph. Its stages are ${this.graph.stages.join(', ')}.`,
      );
    }
    const seen = new Set<Parameter>();
    for (const [i, unit] of this.#units.entries())
      for (const parameter of this.#parametersOf(unit)) {
        if (seen.has(parameter)) continue;
        seen.add(parameter);
        parameter.requires_grad = i >= start;
      }
    return this;
  }

  #parametersOf({ layer, tensors }: Unit): Parameter[] {
    const module = layer && moduleAt(layer);
    if (module && module !== layer.own) return module.parameters();
    return tensors.map((name) => this.#tensors.get(name)!).filter((t): t is Parameter => t instanceof Parameter);
  }

  /** Puts tensors and layers into the tree, in the graph's order. */
  #placed(steps: readonly Step[]): Unit[] {
    const places = new Map<string, Place>();
    const placeTensor = (name: string): Place => {
      const place = places.get(name) ?? put(this, name, this.#tensors.get(name)!);
      places.set(name, place);
      return place;
    };
    return steps.map((step): Unit => {
      const tensors = [...new Set(step.inputs.filter((name) => this.#tensors.has(name)))];
      const isFirst = tensors.every((name) => !places.has(name));
      const found = isFirst ? layerOf(step, this.#tensors, (own, x) => this.#runLayer(own, x)) : undefined;
      if (!found) {
        for (const name of tensors) placeTensor(name);
        return { step, layer: undefined, tensors };
      }
      const { module, isProduct } = found;
      const path = scopeOfFields(this, found.fields);
      if (path === undefined) {
        const bound = tensors.map(placeTensor);
        this.#showFields(found);
        return { step, layer: { ...putBound(this, pathOf(step), module, bound), isProduct, own: module }, tensors };
      }
      const place = put(this, path, module);
      for (const [field, name] of Object.entries(found.fields)) {
        (module as unknown as Record<string, unknown>)[field] = this.#tensors.get(name);
        places.set(name, { owner: module, field });
      }
      return { step, layer: { ...place, isProduct, own: module }, tensors };
    });
  }

  /** Lets a layer have its tensors without being where they are saved. */
  #showFields({ module, fields }: Layer): void {
    const hidden = { enumerable: false, configurable: true, writable: true };
    for (const field of ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'])
      if (field in module)
        Object.defineProperty(module, field, { ...hidden, value: this.#tensors.get(fields[field] ?? '') ?? null });
  }

  #runLayer(step: Step, x: Tensor): Tensor {
    const inputs = [x, ...step.inputs.slice(1).map((name) => this.#tensors.get(name))];
    return step.rule(new Call(inputs, 1, step.attributes, this.#around)) as Tensor;
  }

  #named(inputs: readonly unknown[]): [string, Tensor][] {
    const ports = this.#program.inputs;
    const [record] = inputs;
    const given = inputs.length === 1 && isRecord(record) ? ports.map(({ name }) => record[name]) : inputs;
    if (given.length !== ports.length || !given.every((x) => x instanceof Tensor))
      throw new ArgumentError(
        `OnnxModel: expected a tensor for each of ${ports.map(({ name }) => `'${name}'`).join(', ')}, in this order or in a record, ` +
          `got ${given.filter((x) => x instanceof Tensor).length}.`,
      );
    return ports.map(({ name }, i) => [name, given[i] as Tensor]);
  }

  #surroundings(now: number): Surroundings {
    const { opset } = this.#program;
    const batch = { declared: declaredBatch(this.#program), now };
    const toTensor = (value: HostValue) => this.#toTensor(value);
    return { opset, training: this.training, batch, classes: this.#classes(), toTensor };
  }

  /**
   * The graph as it is now, without its weights, to be built again.
   * @throws ArgumentError where a layer was replaced that is not the head.
   * @internal
   */
  topology(): OnnxTopology {
    const replaced = this.#units.filter(({ layer }) => layer && moduleAt(layer) !== layer.own);
    const other = replaced.find((unit) => unit !== this.#head);
    if (other)
      throw new ArgumentError(
        `OnnxModel: '${other.layer!.path}' was replaced, and only the head can be other than in the graph. Export the model: exportOnnx.`,
      );
    return topologyOfGraph(this.#program, replaced.length > 0);
  }

  /** Outputs of the head in the file and now, if it was replaced. */
  #classes(): Surroundings['classes'] {
    const layer = this.#head?.layer;
    const module = layer && moduleAt(layer);
    if (!layer || module === layer.own) return undefined;
    const [declared, now] = [layer.own, module].map((head) =>
      head instanceof Linear ? head.outFeatures : head instanceof Conv2d ? head.outChannels : undefined,
    );
    return declared === undefined || now === undefined ? undefined : { declared, now };
  }

  /** A slot for numbers of the graph, and one for all equal ones that sizes lead to: what is frozen stays so. */
  #toTensor(value: HostValue): Tensor {
    const known = this.#kept.get(value);
    if (known) return known;
    if (value.kind === 'int') return asTensor(value);
    const tensor = () => new Buffer(value.shape, Float32Array.from(value.data));
    if ([...this.#constants.values()].includes(value)) {
      const kept = tensor();
      this.#kept.set(value, kept);
      return kept;
    }
    const key = `${value.shape} ${value.data[0]} ${value.data.at(-1)}`;
    const alike = this.#found.get(key) ?? [];
    const equal = alike.find((other) => other.value.data.every((v, i) => v === value.data[i]));
    if (equal) return equal.tensor;
    const found = { value, tensor: tensor() };
    this.#found.set(key, [...alike.slice(-3), found]);
    return found.tensor;
  }
}

/** What is in a place now. */
function moduleAt({ owner, field }: Place): AnyModule {
  return (owner as unknown as Record<string, AnyModule>)[field]!;
}

/** Where the layer of a node is put whose weights have names of their own: the module that PyTorch's exporter names, or the node itself. */
function pathOf({ op, name, outputs }: Step): string {
  const scope = name.endsWith(`/${op}`) ? scopeOf(name.startsWith('/') ? name : `/${name}`) : '';
  return scope || (name || outputs[0]!).replaceAll('.', '_');
}

function makersOf(units: readonly Unit[]): Map<string, Unit> {
  return new Map(units.flatMap((unit) => unit.step.outputs.map((name): [string, Unit] => [name, unit])));
}

/** The last product with weights that an output depends on. */
function headOf(units: readonly Unit[], output: string): Unit | undefined {
  const makers = makersOf(units);
  const needed = new Set<Unit>();
  const stack = [output];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    const unit = makers.get(name);
    if (!unit || needed.has(unit)) continue;
    needed.add(unit);
    stack.push(...unit.step.inputs);
  }
  return units.findLast((unit) => needed.has(unit) && unit.layer?.isProduct);
}

/** The first layer, each from where on images are smaller, and the head. */
function stagesOf(units: readonly Unit[], head: string): string[] {
  const stages: string[] = [];
  let isNext = true;
  for (const { step, layer } of units) {
    const halves =
      ['Conv', 'MaxPool', 'AveragePool'].includes(step.op) && step.attributes.get('strides')?.ints.some((s) => s > 1);
    if (layer && (isNext || halves)) stages.push(layer.path);
    if (layer) isNext = false;
    else isNext ||= Boolean(halves);
  }
  return [...new Set([...stages.filter((path) => path !== head), ...(head ? [head] : [])])];
}

/** The softmax or sigmoid that an output is, reshaped at most. */
function lastActivation(steps: readonly Step[], output: string): Step | undefined {
  const makers = new Map(steps.flatMap((step) => step.outputs.map((name): [string, Step] => [name, step])));
  let step = makers.get(output);
  while (step && ['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Transpose'].includes(step.op))
    step = makers.get(step.inputs[0]!);
  return ['Softmax', 'Sigmoid'].includes(step?.op ?? '') ? step : undefined;
}

function batchNotes(program: Program): string[] {
  const batch = declaredBatch(program);
  const reshapes = program.steps.filter(({ op }) => op === 'Reshape').length;
  if (batch === undefined || reshapes === 0) return [];
  return [`The file is made for batches of ${batch}: its shapes follow the batch that it is given.`];
}
