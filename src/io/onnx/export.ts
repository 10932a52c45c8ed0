/** Models to ONNX files: the forward pass as a graph with an open batch size, the parameters under their state-dict names. */
import { writeFileAtomic } from '#files';
import { type HostArray, hostArray, type StateDict, type TensorData, toFloat32 } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import type { Shape } from '../../core/shape.ts';
import type { Value } from '../../graph/value.ts';
import type { AnyModule } from '../../nn/index.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { joined } from '../base/bytes.ts';
import { architectureOf } from '../base/format.ts';
import type { Emitter } from './emitter.ts';
import { emitOp } from './ops.ts';
import { EXPORT_OPTIONS, type ExportOnnxOptions, inputPorts, inputsOf, ofModel, outputPorts } from './ports.ts';
import { type BatchedOp, type ModelTrace, statisticsOf, traceModel } from './trace.ts';
import type { Attribute, GraphNode, GraphPort, OnnxGraph } from './write.ts';

/**
 * Writes a model as ONNX (opset 17), as it is in evaluation mode. Initialisers have the names of the state dict. The path gets the
 * whole file or stays as it was.
 * @param model Its `forward` is traced once.
 * @param path Where to.
 * @param options The shape of its input, or of several, is needed.
 * @throws ArgumentError naming an op that has no ONNX form, what depends on the batch size, or a name that is taken.
 * @example
 * await exportOnnx(model, 'flowers.onnx', { inputShape: [1, 3, 224, 224], foldBatchNorm: true });
 */
export async function exportOnnx(model: AnyModule, path: string | URL, options: ExportOnnxOptions): Promise<void> {
  await writeFileAtomic(path, await modelChunks(model, options));
}

/** The file's bytes, where there is no file system. @throws ArgumentError as {@link exportOnnx} */
export async function onnxBytes(model: AnyModule, options: ExportOnnxOptions): Promise<Uint8Array<ArrayBuffer>> {
  return joined(await modelChunks(model, options));
}

/** The file's bytes in order. The writer comes with protobufjs: it is loaded when it is needed. */
export async function modelChunks(model: AnyModule, options: ExportOnnxOptions): Promise<Iterable<Uint8Array>> {
  checkOptions('exportOnnx', options, EXPORT_OPTIONS);
  const graph = await onnxGraph(model, options);
  return (await import('./write.ts')).onnxChunks(graph);
}

async function onnxGraph(model: AnyModule, options: ExportOnnxOptions): Promise<OnnxGraph> {
  const described = inputsOf(options);
  const trace = traceModel(model, { ...described, specs: described.specs.map(ofModel) });
  const state = await model.stateDict();
  const inputs = inputPorts(described);
  const outputs = outputPorts(trace, options);
  const builder = new GraphBuilder(model, trace, state, inputs, outputs);
  const folds = options.foldBatchNorm ? foldable(trace) : new Map<BatchedOp, BatchedOp>();
  const gone = new Set(folds.values());
  for (const op of trace.ops) {
    const norm = folds.get(op);
    if (norm) await builder.addFolded(op, norm);
    else if (!gone.has(op)) await builder.add(op);
  }
  await builder.finish();
  const { nodes, initialisers } = builder;
  return {
    name: model.typeName,
    nodes,
    initialisers,
    inputs,
    outputs,
    metadata: { ...architectureOf(state), ...options.metadata },
  };
}

/** Convolutions whose output goes to a batch norm and nowhere else, with that batch norm. */
function foldable({ ops, outputs }: ModelTrace): Map<BatchedOp, BatchedOp> {
  const users = new Map<Value, BatchedOp[]>();
  for (const op of ops) for (const value of op.inputs) if (value) users.set(value, [...(users.get(value) ?? []), op]);
  const folds = new Map<BatchedOp, BatchedOp>();
  for (const op of ops) {
    if (op.name !== 'conv2d' || outputs.some(({ value }) => value === op.output)) continue;
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
  readonly #outputs: readonly GraphPort[];
  readonly #taken: Set<string>;
  readonly #nodeNames = new Set<string>();
  readonly #constants = new Map<string, string>();
  #batch: string | undefined;

  constructor(
    model: AnyModule,
    trace: ModelTrace,
    state: StateDict,
    inputs: readonly GraphPort[],
    outputs: readonly GraphPort[],
  ) {
    this.#state = state;
    this.#trace = trace;
    this.#outputs = outputs;
    const ports = [...inputs, ...outputs].map(({ name }) => name);
    this.#taken = new Set([...state.keys(), ...ports]);
    if (this.#taken.size !== state.size + ports.length)
      throw new ArgumentError(
        `exportOnnx: expected names of inputs and outputs ('${ports.join("', '")}') that differ from each other and from those of the ` +
          'weights, got one twice. Give inputs another name, as in { inputs: { ids: { name: … } } }, and the output an outputName.',
      );
    for (const [name, tensor] of [...model.namedParameters(), ...model.namedBuffers()])
      this.#parameters.set(tensor.value, name);
    for (const [i, value] of trace.inputs.entries()) this.#names.set(value, this.#asInt32(inputs[i]!));
    // Outputs that are inputs, weights or other outputs besides have a name already.
    for (const [i, { value }] of trace.outputs.entries())
      if (!this.#names.has(value) && !this.#parameters.has(value)) this.#names.set(value, outputs[i]!.name);
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

  /** Adds the outputs that no node made. */
  async finish(): Promise<void> {
    for (const [i, { value }] of this.#trace.outputs.entries()) {
      const [from, to] = [await this.#nameOf(value), this.#outputs[i]!.name];
      if (from !== to) this.#addNode('Identity', [from], to);
    }
  }

  /** The name of an input as int32, where the file has it as int64. */
  #asInt32({ name, dtype }: GraphPort): string {
    if (dtype !== 'int64') return name;
    const to = this.#unique(`${name}_int32`);
    this.#addNode('Cast', [name], to, { to: { i: 6 } });
    return to;
  }

  #addNode(
    op: string,
    inputs: readonly string[],
    to: string,
    attributes: GraphNode['attributes'] = {},
    label = to,
  ): void {
    this.nodes.push({ op, name: this.#nodeName(label), inputs, outputs: [to], attributes });
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
        this.#addNode(name, from, to, attributes, label);
        return to;
      },
      scalar: (value, dtype = 'float32') => this.#constant(`${dtype} ${value}`, [], hostArray(dtype, [value])),
      longs: (list) => this.#constant(`[${list}]`, [list.length], BigInt64Array.from(list, BigInt)),
      batch: () => this.#batchSize(),
      vector: (length, value) => this.#constant(`${length} x ${value}`, [length], new Float32Array(length).fill(value)),
    };
    emitOp(emitter, op);
  }

  /** The first size of the first input. */
  #batchSize(): string {
    if (this.#batch === undefined) {
      this.#batch = this.#unique('batch_size');
      this.#addNode('Shape', [this.#names.get(this.#trace.inputs[0]!)!], this.#batch, {
        start: { i: 0 },
        end: { i: 1 },
      });
    }
    return this.#batch;
  }

  #constant(key: string, shape: Shape, data: HostArray | BigInt64Array): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#unique(`constant_${this.#constants.size}`);
    this.#constants.set(key, name);
    const dtype = data instanceof BigInt64Array ? 'int64' : data instanceof Int32Array ? 'int32' : 'float32';
    this.initialisers.set(name, { shape, dtype, data });
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

  /** A name for a node; the second node of a module that is used twice is numbered, because runtimes refuse two of one name. */
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
