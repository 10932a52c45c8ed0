/**
 * Matches the layers of an ONNX graph to those of a model, where the exporter did not keep the weights' names: by the module
 * path in a node's name, else by order, with every shape compared. Batch norms that were folded into convolutions are found.
 */
import type { StateDict, TensorData } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, type Shape } from '../../core/shape.ts';
import { listed, plural } from '../base/bytes.ts';
import type { GraphLayer, WeightGraph } from './layers.ts';
import type { TensorProto } from './schema.ts';

/** A layer of the model, from its state-dict keys. */
interface TargetLayer {
  readonly path: string;
  readonly kind: GraphLayer['kind'];
  /** Field to shape: `weight`, `bias`, `running_mean`, … */
  readonly fields: ReadonlyMap<string, Shape>;
}

/** The expectations of the model, as {@link import('../base/format.ts').ReadOptions} gives them. */
export interface Target {
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly batchNormEps: ReadonlyMap<string, number> | undefined;
}

export interface Matched {
  readonly state: StateDict;
  readonly namesInFile: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** PyTorch's, for models that do not say theirs. */
const USUAL_EPS = 1e-5;

/**
 * The state dict that `target` asks for, out of the graph.
 * @throws WeightFileError naming the first layer that does not fit.
 */
export async function matchLayers(
  file: string,
  graph: WeightGraph,
  target: Target,
  read: (tensor: TensorProto) => Promise<TensorData>,
): Promise<Matched> {
  const layers = targetLayers(target.shapes);
  const { pairs, folded, byOrder } = align(file, layers, graph);
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  const load = async (name: string, tensor: TensorProto, transposed: boolean): Promise<void> => {
    const data = await read(tensor);
    state.set(name, transposed ? transpose(data) : data);
    namesInFile.set(name, tensor.name);
  };
  for (const [layer, found] of pairs) {
    const fields: [string, TensorProto | undefined][] = [
      ['weight', found.weight],
      ['bias', found.bias],
      ['running_mean', found.mean],
      ['running_var', found.variance],
    ];
    const norm = [...folded].find(([, conv]) => conv === layer)?.[0];
    for (const [field, tensor] of fields) {
      const name = joined(layer.path, field);
      const shape = target.shapes.get(name);
      if (field === 'bias' && norm) await loadFolded(layer, norm, tensor!);
      else if (tensor && shape) await load(name, tensor, field === 'weight' && found.transposed);
      else if (shape && field === 'bias') state.set(name, filled([shapeOf(found)[0]!], 0));
      else if (tensor && !shape && (layer.kind !== 'norm' || field !== 'weight'))
        throw new WeightFileError(file, `${found.label} has a ${field}, but '${layer.path}' of the model has none.`);
    }
  }

  /** The bias of a folded convolution becomes that of a batch norm which changes nothing else. */
  async function loadFolded(conv: TargetLayer, norm: TargetLayer, bias: TensorProto): Promise<void> {
    const eps = target.batchNormEps?.get(norm.path) ?? USUAL_EPS;
    const values: Record<string, number> = { weight: 1, running_mean: 0, running_var: Math.fround(1 - eps) };
    for (const [field, shape] of norm.fields)
      if (field in values) state.set(joined(norm.path, field), filled(shape, values[field]!));
    const [holder, other] = norm.fields.has('bias') ? [norm, conv] : [conv, norm];
    if (!holder.fields.has('bias'))
      throw new WeightFileError(
        file,
        `the batch norm '${norm.path}' was folded into its convolution, and neither '${norm.path}' nor '${conv.path}' of ` +
          'the model has a bias to hold the rest. Export the model with its batch norms kept.',
      );
    await load(joined(holder.path, 'bias'), bias, false);
    const shape = other.fields.get('bias');
    if (shape) state.set(joined(other.path, 'bias'), filled(shape, 0));
  }

  // A tensor of no such layer can only be found by its name.
  for (const name of target.shapes.keys()) {
    const tensor = graph.constants.get(name);
    if (!state.has(name) && tensor) await load(name, tensor, false);
  }
  const ordered: StateDict = new Map();
  for (const name of target.shapes.keys()) if (state.has(name)) ordered.set(name, state.get(name)!);
  return { state: ordered, namesInFile, notes: notesOf(graph, folded, byOrder) };
}

function targetLayers(shapes: ReadonlyMap<string, Shape>): TargetLayer[] {
  const byPath = new Map<string, Map<string, Shape>>();
  for (const [name, shape] of shapes) {
    const cut = name.lastIndexOf('.');
    const path = cut < 0 ? '' : name.slice(0, cut);
    const fields = byPath.get(path) ?? new Map<string, Shape>();
    byPath.set(path, fields.set(name.slice(cut + 1), shape));
  }
  return [...byPath].flatMap(([path, fields]): TargetLayer[] => {
    const rank = fields.get('weight')?.length;
    const kind = fields.has('running_mean') ? 'norm' : rank === 4 ? 'conv' : rank === 2 ? 'linear' : undefined;
    return kind ? [{ path, kind, fields }] : [];
  });
}

interface Alignment {
  readonly pairs: ReadonlyMap<TargetLayer, GraphLayer>;
  /** Batch norms of the model to the convolutions that they were folded into. */
  readonly folded: ReadonlyMap<TargetLayer, TargetLayer>;
  /** Layers that nothing but their order tells apart. */
  readonly byOrder: readonly (readonly [TargetLayer, GraphLayer])[];
}

function align(file: string, targets: readonly TargetLayer[], { layers }: WeightGraph): Alignment {
  const anchors = anchorsOf(targets, layers);
  const anchored = new Set(anchors.values());
  const rest = layers.filter((layer) => !anchored.has(layer));
  const consumers = new Map(layers.filter(({ kind }) => kind === 'norm').map((layer) => [layer.input, layer]));
  const pairs = new Map<TargetLayer, GraphLayer>();
  const folded = new Map<TargetLayer, TargetLayer>();
  const byOrder: [TargetLayer, GraphLayer][] = [];
  const convolutions = convolutionsBefore(targets);
  for (const target of targets) {
    let found = anchors.get(target);
    if (!found) {
      const convolution = convolutions.get(target);
      const before = convolution && pairs.get(convolution);
      if (convolution && before?.bias && !consumers.has(before.output)) {
        folded.set(target, convolution);
        continue;
      }
      found = rest[0];
      if (found) byOrder.push([target, found]);
    }
    checkFit(file, target, found);
    if (rest[0] === found) rest.shift();
    pairs.set(target, found);
  }
  if (rest.length > 0)
    throw new WeightFileError(
      file,
      `has ${plural(rest.length, 'layer')} more than the model; the first is ${rest[0]!.label} ${formatShape(shapeOf(rest[0]!))}.`,
    );
  return { pairs, folded, byOrder };
}

/**
 * The convolution that each batch norm of a model follows. Of branches, models may list all convolutions first and all batch
 * norms behind them, in the same order.
 */
function convolutionsBefore(targets: readonly TargetLayer[]): Map<TargetLayer, TargetLayer> {
  const found = new Map<TargetLayer, TargetLayer>();
  for (let start = 0, end = 0; start < targets.length; start = end) {
    const { kind } = targets[start]!;
    while (targets[end]?.kind === kind) end++;
    if (kind !== 'conv') continue;
    const norms = targets.slice(end, end + (end - start)).findIndex((layer) => layer.kind !== 'norm');
    const count = Math.min(end - start, norms < 0 ? targets.length - end : norms);
    for (let i = 0; i < count; i++) found.set(targets[end + i]!, targets[end - count + i]!);
  }
  return found;
}

/** Layers that are known for certain: a tensor has its state-dict name, or the node the path of its module. */
function anchorsOf(targets: readonly TargetLayer[], layers: readonly GraphLayer[]): Map<TargetLayer, GraphLayer> {
  const byName = new Map(layers.flatMap((layer) => layer.names.map((name) => [name, layer] as const)));
  const byScope = new Map<string, GraphLayer[]>();
  for (const layer of layers) {
    const inScope = byScope.get(layer.scope);
    if (inScope) inScope.push(layer);
    else byScope.set(layer.scope, [layer]);
  }
  const anchors = new Map<TargetLayer, GraphLayer>();
  const taken = new Set<GraphLayer>();
  for (const target of targets) {
    const inScope = target.path === '' ? [] : (byScope.get(target.path) ?? []);
    const found =
      [...target.fields.keys()].map((field) => byName.get(joined(target.path, field))).find((layer) => layer) ??
      (inScope.length === 1 ? inScope[0] : undefined);
    if (!found || found.kind !== target.kind || taken.has(found)) continue;
    anchors.set(target, found);
    taken.add(found);
  }
  return anchors;
}

function checkFit(file: string, target: TargetLayer, found: GraphLayer | undefined): asserts found {
  const shape = target.fields.get('weight') ?? target.fields.get('running_mean') ?? [];
  if (!found)
    throw new WeightFileError(file, `has no layer left for '${target.path}' ${formatShape(shape)} of the model.`);
  const got = shapeOf(found);
  const fits = got.length === shape.length && shape.every((d, i) => d === -1 || d === got[i]);
  if (found.kind === target.kind && fits) return;
  throw new WeightFileError(
    file,
    `its ${found.label} ${formatShape(got)} does not fit '${target.path}' ${formatShape(shape)}, which comes next in the model. ` +
      'It is of another model, or its layers are in another order.',
  );
}

function shapeOf({ weight, transposed }: GraphLayer): Shape {
  return transposed ? [...weight.dims].reverse() : weight.dims;
}

function notesOf(graph: WeightGraph, folded: Alignment['folded'], byOrder: Alignment['byOrder']): string[] {
  const notes: string[] = [];
  if (byOrder.length > 0)
    notes.push(
      `${plural(byOrder.length, 'layer')} without ${byOrder.length === 1 ? 'its name' : 'their names'} in the file: matched to the model by order and shape.`,
    );
  const ambiguous = twins(graph, byOrder);
  if (ambiguous.length > 0)
    notes.push(
      `Told apart by nothing but their order, since they have one shape and lie beside each other: ${listed(ambiguous)}. Compare the outputs.`,
    );
  if (folded.size > 0)
    notes.push(
      `${plural(folded.size, 'batch norm')} had been folded into convolutions: ${folded.size === 1 ? 'it loads' : 'they load'} as ` +
        '(weight 1, running_mean 0, running_var 1 - eps), the bias being what was folded. The outputs are those of the file; keep them frozen in training.',
    );
  return notes;
}

/** Pairs of layers of one shape, next to each other in the order, where neither feeds the other. */
function twins({ nodes }: WeightGraph, byOrder: Alignment['byOrder']): string[] {
  const makers = new Map<string, number>();
  if (byOrder.length > 1)
    for (const [i, { output }] of nodes.entries()) for (const value of output) makers.set(value, i);
  const feeds = (from: number, to: number): boolean => {
    const seen = new Set([to]);
    const stack = [to];
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      if (i === from) return true;
      for (const value of nodes[i]!.input) {
        const maker = makers.get(value);
        // Nodes are sorted: a node before `from` cannot depend on it.
        if (maker === undefined || maker < from || seen.has(maker)) continue;
        seen.add(maker);
        stack.push(maker);
      }
    }
    return false;
  };
  const last = new Map<string, readonly [TargetLayer, GraphLayer]>();
  const found: string[] = [];
  for (const pair of byOrder) {
    const key = `${pair[1].kind} ${formatShape(shapeOf(pair[1]))}`;
    const before = last.get(key);
    if (before && !feeds(before[1].index, pair[1].index)) found.push(`${before[0].path} and ${pair[0].path}`);
    last.set(key, pair);
  }
  return found;
}

function filled(shape: Shape, value: number): TensorData {
  return { shape, dtype: 'float32', data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value) };
}

/** [in, out] to [out, in]. */
function transpose({ shape, dtype, data }: TensorData): TensorData {
  const [rows, columns] = shape as [number, number];
  const out = data.slice();
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]!;
  return { shape: [columns, rows], dtype, data: out };
}

function joined(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
