/** Models to ONNX files: the forward pass as a graph with an open batch size, the parameters under their state-dict names. */
import { writeFileAtomic } from '#files';
import { type StateDict, type TensorData, toFloat32 } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import { formatShape, type Shape } from '../../core/shape.ts';
import type { Value } from '../../graph/value.ts';
import type { Module } from '../../nn/index.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { joined } from '../base/bytes.ts';
import { architectureOf } from '../base/format.ts';
import { type Emitter, emitOp } from './ops.ts';
import { type BatchedOp, type ModelTrace, statisticsOf, traceModel } from './trace.ts';
import type { Attribute, GraphNode, OnnxGraph } from './write.ts';

/** Options of {@link exportOnnx} and {@link onnxBytes}. */
export interface ExportOnnxOptions {
  /**
   * Shape of the input, batch included: `[1, 3, 224, 224]`; of a model of several inputs, a list of theirs. The batch size is
   * left open in the file, whatever it is here.
   */
  inputShape: Shape | readonly Shape[];
  /** Whether batch norms behind convolutions become part of them; false by default, so that the file can be trained on. */
  foldBatchNorm?: boolean;
  /** 'input' by default; of several inputs, a list of names: 'input_1', 'input_2', … by default. */
  inputName?: string | readonly string[];
  /** 'output' by default. */
  outputName?: string;
  /** Text to store in the file. */
  metadata?: Readonly<Record<string, string>>;
}

const OPTIONS: OptionNames<ExportOnnxOptions> = {
  inputShape: true,
  foldBatchNorm: true,
  inputName: true,
  outputName: true,
  metadata: true,
};

/**
 * Writes a model as ONNX (opset 17), as it is in evaluation mode. Initialisers have the names of the state dict. The path gets the
 * whole file or stays as it was.
 * @param model Its `forward` is traced once.
 * @param path Where to.
 * @param options The shape of its input is needed.
 * @throws ArgumentError naming an op that has no ONNX form, or what depends on the batch size.
 * @example
 * await exportOnnx(model, 'flowers.onnx', { inputShape: [1, 3, 224, 224], foldBatchNorm: true });
 */
export async function exportOnnx(model: Module, path: string | URL, options: ExportOnnxOptions): Promise<void> {
  await writeFileAtomic(path, await modelChunks(model, options));
}

/** The file's bytes, where there is no file system. @throws ArgumentError as {@link exportOnnx} */
export async function onnxBytes(model: Module, options: ExportOnnxOptions): Promise<Uint8Array<ArrayBuffer>> {
  return joined(await modelChunks(model, options));
}

/** The file's bytes in order. The writer comes with protobufjs: it is loaded when it is needed. */
export async function modelChunks(model: Module, options: ExportOnnxOptions): Promise<Iterable<Uint8Array>> {
  checkOptions('exportOnnx', options, OPTIONS);
  const graph = await onnxGraph(model, options);
  return (await import('./write.ts')).onnxChunks(graph);
}

async function onnxGraph(model: Module, options: ExportOnnxOptions): Promise<OnnxGraph> {
  const { outputName = 'output', metadata = {} } = options;
  const inputs = inputsOf(options);
  const trace = traceModel(
    model,
    inputs.map(({ shape }) => shape),
  );
  const state = await model.stateDict();
  const inputNames = inputs.map(({ name }) => name);
  const builder = new GraphBuilder(model, trace, state, inputNames, outputName);
  const folds = options.foldBatchNorm ? foldable(trace) : new Map<BatchedOp, BatchedOp>();
  const gone = new Set(folds.values());
  for (const op of trace.ops) {
    const norm = folds.get(op);
    if (norm) await builder.addFolded(op, norm);
    else if (!gone.has(op)) await builder.add(op);
  }
  await builder.finish();
  const batch = (shape: readonly (number | null)[]) => shape.map((d) => d ?? 'batch');
  return {
    name: model.typeName,
    nodes: builder.nodes,
    initialisers: builder.initialisers,
    inputs: inputs.map(({ name, shape }) => ({ name, dtype: 'float32', shape: batch([null, ...shape.slice(1)]) })),
    outputs: [{ name: outputName, dtype: trace.output.data.dtype, shape: batch(trace.outputShape) }],
    metadata: { ...architectureOf(state), ...metadata },
  };
}

function inputsOf({ inputShape, inputName }: ExportOnnxOptions): { readonly name: string; readonly shape: Shape }[] {
  const isOne = inputShape.every((d) => typeof d === 'number');
  const shapes = isOne ? [inputShape as Shape] : (inputShape as readonly Shape[]);
  const given = typeof inputName === 'string' ? [inputName] : inputName;
  const names = given ?? (shapes.length === 1 ? ['input'] : shapes.map((_, i) => `input_${i + 1}`));
  if (names.length !== shapes.length)
    throw new ArgumentError(`exportOnnx: expected a name for each of ${shapes.length} inputs, got ${names.length}.`);
  for (const shape of shapes)
    if (shape.length < 1 || !shape.every((d) => Number.isInteger(d) && d > 0))
      throw new ArgumentError(`exportOnnx: inputShape must be positive sizes, got ${formatShape(shape)}.`);
  return shapes.map((shape, i) => ({ name: names[i]!, shape }));
}

/** Convolutions whose output goes to a batch norm and nowhere else, with that batch norm. */
function foldable({ ops, output }: ModelTrace): Map<BatchedOp, BatchedOp> {
  const users = new Map<Value, BatchedOp[]>();
  for (const op of ops) for (const value of op.inputs) if (value) users.set(value, [...(users.get(value) ?? []), op]);
  const folds = new Map<BatchedOp, BatchedOp>();
  for (const op of ops) {
    if (op.name !== 'conv2d' || op.output === output) continue;
    const [norm, ...others] = users.get(op.output) ?? [];
    // A weight that another convolution uses too must stay what it is.
    const shared = op.inputs.slice(1).some((value) => value && users.get(value)!.length > 1);
    if (norm?.name === 'batchNorm2d' && others.length === 0 && !shared) folds.set(op, norm);
  }
  return folds;
}

/** Collects nodes and initialisers, and gives every value a name. */
class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly initialisers = new Map<string, TensorData>();
  readonly #names = new Map<Value, string>();
  readonly #parameters = new Map<Value, string>();
  readonly #state: StateDict;
  readonly #trace: ModelTrace;
  readonly #outputName: string;
  readonly #taken: Set<string>;
  readonly #nodeNames = new Set<string>();
  readonly #constants = new Map<string, string>();

  constructor(model: Module, trace: ModelTrace, state: StateDict, inputNames: readonly string[], outputName: string) {
    this.#state = state;
    this.#trace = trace;
    this.#outputName = outputName;
    const ports = [...inputNames, outputName];
    this.#taken = new Set([...state.keys(), ...ports]);
    if (this.#taken.size !== state.size + ports.length)
      throw new ArgumentError(
        `exportOnnx: '${inputNames.join("', '")}' and '${outputName}' must differ from each other and from the names of the weights.`,
      );
    for (const [name, tensor] of [...model.namedParameters(), ...model.namedBuffers()])
      this.#parameters.set(tensor.value, name);
    for (const [i, input] of trace.inputs.entries()) this.#names.set(input, inputNames[i]!);
    const isMade = !trace.inputs.includes(trace.output) && !this.#parameters.has(trace.output);
    if (isMade) this.#names.set(trace.output, outputName);
  }

  async add(op: BatchedOp): Promise<void> {
    const values = op.name === 'batchNorm2d' ? [...op.inputs, ...statisticsOf(op)] : op.inputs;
    const inputs: string[] = [];
    for (const value of values) inputs.push(value ? await this.#nameOf(value) : '');
    this.#emit(op, inputs, op.output);
  }

  /** A convolution with the batch norm behind it: w' = w s and b' = (b - mean) s + shift, s = scale / sqrt(variance + eps). */
  async addFolded(conv: BatchedOp, norm: BatchedOp): Promise<void> {
    const [x, weight, bias] = conv.inputs;
    const numbers = (value: Value | null | undefined): Float32Array | undefined =>
      value ? toFloat32(this.#state.get(this.#parameterName(value))!) : undefined;
    const [mean, variance] = statisticsOf(norm).map((value) => numbers(value)!) as [Float32Array, Float32Array];
    const [scale, shift, ownBias] = [norm.inputs[1], norm.inputs[2], bias].map(numbers);
    const { eps } = norm.attributes as { eps: number };
    const w = numbers(weight)!.slice();
    const b = new Float32Array(mean.length);
    const depth = w.length / b.length;
    for (let k = 0; k < b.length; k++) {
      const s = (scale?.[k] ?? 1) / Math.sqrt(variance[k]! + eps);
      for (let j = k * depth; j < (k + 1) * depth; j++) w[j]! *= s;
      b[k] = ((ownBias?.[k] ?? 0) - mean[k]!) * s + (shift?.[k] ?? 0);
    }
    const weightName = this.#parameterName(weight!);
    const biasName = bias ? this.#parameterName(bias) : this.#unique(weightName.replace(/[^.]*$/, 'bias'));
    this.initialisers.set(weightName, { shape: weight!.shape, dtype: 'float32', data: w });
    this.initialisers.set(biasName, { shape: [b.length], dtype: 'float32', data: b });
    this.#emit(conv, [await this.#nameOf(x!), weightName, biasName], norm.output);
  }

  /** An output that no node made. */
  async finish(): Promise<void> {
    const { output } = this.#trace;
    const name = await this.#nameOf(output);
    if (name === this.#outputName) return;
    this.nodes.push({ op: 'Identity', name: 'Identity', inputs: [name], outputs: [this.#outputName], attributes: {} });
  }

  #emit(op: BatchedOp, inputs: readonly string[], output: Value): void {
    const last = this.#names.get(output) ?? this.#unique(`${op.name}_${this.nodes.length}`);
    this.#names.set(output, last);
    const owner = op.inputs.map((value) => value && this.#parameters.get(value)).find(Boolean);
    const emitter: Emitter = {
      inputs,
      node: (name, from, attributes: Readonly<Record<string, Attribute>> = {}, isLast) => {
        const to = isLast ? last : this.#unique(`${name}_${this.nodes.length}`);
        // A node is called as the module that its weights are of.
        const label = isLast && owner?.includes('.') ? owner.slice(0, owner.lastIndexOf('.')) : to;
        this.nodes.push({ op: name, name: this.#nodeName(label), inputs: from, outputs: [to], attributes });
        return to;
      },
      scalar: (value) => this.#constant(`${value}`, [], Float32Array.of(value)),
      longs: (list) => this.#constant(`[${list}]`, [list.length], BigInt64Array.from(list, BigInt)),
      vector: (length, value) => this.#constant(`${length} x ${value}`, [length], new Float32Array(length).fill(value)),
    };
    emitOp(emitter, op);
  }

  #constant(key: string, shape: Shape, data: Float32Array | BigInt64Array): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#unique(`constant_${this.#constants.size}`);
    this.#constants.set(key, name);
    this.initialisers.set(name, { shape, dtype: data instanceof Float32Array ? 'float32' : 'int64', data });
    return name;
  }

  async #nameOf(value: Value): Promise<string> {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const parameter = this.#parameters.get(value);
    const name = parameter ?? this.#unique(`constant_${this.initialisers.size}`);
    this.#names.set(value, name);
    this.initialisers.set(name, parameter === undefined ? await constantOf(value) : this.#state.get(parameter)!);
    return name;
  }

  #parameterName(value: Value): string {
    const name = this.#parameters.get(value);
    if (name === undefined)
      throw new ArgumentError(
        'exportOnnx: cannot fold a batch norm whose weights, or those of its convolution, are computed. Leave foldBatchNorm out.',
      );
    return name;
  }

  #unique(wanted: string): string {
    return unused(this.#taken, wanted);
  }

  /** Of a module that is used twice, or of two ops, the second node is numbered: runtimes refuse two of one name. */
  #nodeName(wanted: string): string {
    return unused(this.#nodeNames, wanted);
  }
}

function unused(taken: Set<string>, wanted: string): string {
  let name = wanted;
  for (let n = 1; taken.has(name); n++) name = `${wanted}_${n}`;
  taken.add(name);
  return name;
}

/** A tensor that the forward pass uses and no module owns. */
async function constantOf(value: Value): Promise<TensorData> {
  const { dtype, freed } = value.data;
  if (freed)
    throw new ArgumentError(
      'exportOnnx: the forward pass uses a tensor that is not computed by ops. Make it a Buffer.',
    );
  return { shape: value.shape, dtype, data: await new Tensor(value).data<Float32Array<ArrayBuffer>>() };
}
