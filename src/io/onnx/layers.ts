/** The layers of an ONNX graph in order: which nodes hold weights, and where the module that each came from was. */
import { printable } from '../base/bytes.ts';
import type { GraphProto, NodeProto, TensorProto } from './schema.ts';

/** A node with weights. */
export interface GraphLayer {
  readonly kind: 'conv' | 'linear' | 'norm';
  /** Name in messages: `Conv '/layer1/layer1.0/conv1/Conv'`. */
  readonly label: string;
  /** Names of its tensors, as the node spells them. */
  readonly names: readonly string[];
  readonly weight: TensorProto;
  readonly bias: TensorProto | undefined;
  /** Statistics of a batch norm. */
  readonly mean?: TensorProto;
  readonly variance?: TensorProto;
  /** The weight lies as [in, out]. */
  readonly transposed: boolean;
  /** Strides of a convolution. */
  readonly strides?: readonly number[];
  /** The module path that PyTorch's exporter left in the node's name, `layer1.0.conv1`; '' where there is none. */
  readonly scope: string;
  /** Place of the node among the graph's. */
  readonly index: number;
  readonly input: string;
  readonly output: string;
}

/** A graph with its tensors and nodes looked up by name. */
export interface WeightGraph {
  /** Constants by the names that nodes use: initialisers, Constant nodes, and Identity nodes over either. */
  readonly constants: ReadonlyMap<string, TensorProto>;
  readonly layers: readonly GraphLayer[];
  readonly nodes: readonly NodeProto[];
}

/** The domain of ONNX's own operators, by its two names. */
const DOMAINS = ['', 'ai.onnx'];

export function weightGraph(graph: GraphProto): WeightGraph {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const biasAfter = addedBiases(graph, constants);
  const layers: GraphLayer[] = [];
  const seen = new Set<string>();
  for (const [index, node] of graph.node.entries()) {
    if (!DOMAINS.includes(node.domain)) continue;
    const output = node.output[0] ?? '';
    const tensor = (i: number) => constants.get(node.input[i] ?? '');
    if (node.opType === 'Constant') {
      const value = node.attribute.find(({ name, t }) => name === 'value' && t)?.t;
      if (value) constants.set(output, value);
      continue;
    }
    const first = tensor(0);
    if (node.opType === 'Identity' && first) constants.set(output, first);
    const layer = layerOf(node, tensor);
    // A module that runs twice is one layer.
    const weightName = node.input[1] ?? '';
    if (!layer || seen.has(weightName)) continue;
    seen.add(weightName);
    const added = layer.bias ? undefined : biasAfter(node);
    layers.push({
      ...layer,
      bias: layer.bias ?? added?.bias,
      names: [...node.input.slice(1), ...(added ? [added.name] : [])].filter((name) => constants.has(name)),
      output: added?.output ?? output,
      label: `${node.opType}${node.name && ` '${printable(node.name)}'`}`,
      scope: scopeOf(node.name),
      index,
    });
  }
  return { constants, layers, nodes: graph.node };
}

type Found = Omit<GraphLayer, 'names' | 'label' | 'scope' | 'index' | 'output'>;

function layerOf(node: NodeProto, tensor: (input: number) => TensorProto | undefined): Found | undefined {
  const attribute = (name: string, otherwise: number): number => {
    const found = node.attribute.find((a) => a.name === name);
    return found ? found.i : otherwise;
  };
  const weight = tensor(1);
  if (!weight) return undefined;
  const input = node.input[0] ?? '';
  switch (node.opType) {
    case 'Conv':
    case 'ConvTranspose': {
      const strides = node.attribute.find(({ name }) => name === 'strides')?.ints.map(Number) ?? [1, 1];
      return { kind: 'conv', weight, bias: tensor(2), transposed: false, strides, input };
    }
    case 'Gemm':
      return { kind: 'linear', weight, bias: tensor(2), transposed: attribute('transB', 0) === 0, input };
    case 'MatMul':
      return weight.dims.length === 2
        ? { kind: 'linear', weight, bias: undefined, transposed: true, input }
        : undefined;
    case 'BatchNormalization': {
      const [mean, variance] = [tensor(3), tensor(4)];
      if (!mean || !variance) return undefined;
      return { kind: 'norm', weight, bias: tensor(2), mean, variance, transposed: false, input };
    }
    default:
      return undefined;
  }
}

/** The bias that a node behind adds to a matrix product: `Add` of a constant vector. */
function addedBiases(
  { node: nodes }: GraphProto,
  constants: ReadonlyMap<string, TensorProto>,
): (node: NodeProto) => { name: string; bias: TensorProto; output: string } | undefined {
  const adds = new Map<string, NodeProto>();
  for (const node of nodes)
    if (node.opType === 'Add' && DOMAINS.includes(node.domain)) for (const value of node.input) adds.set(value, node);
  return (node) => {
    const value = node.output[0] ?? '';
    const add = node.opType === 'MatMul' ? adds.get(value) : undefined;
    const name = add?.input.find((other) => other !== value) ?? '';
    const bias = constants.get(name);
    return add && bias?.dims.length === 1 ? { name, bias, output: add.output[0] ?? '' } : undefined;
  };
}

/**
 * `/layer1/layer1.0/downsample/downsample.0/Conv` to `layer1.0.downsample.0`: PyTorch (since 1.13) names nodes by the fields of
 * the modules they are in, elements of a Sequential with its name before them.
 */
export function scopeOf(name: string): string {
  if (!name.startsWith('/')) return '';
  const segments = name.split('/').slice(1, -1);
  let path = '';
  let before = '';
  for (const segment of segments) {
    const field = before !== '' && segment.startsWith(`${before}.`) ? segment.slice(before.length + 1) : segment;
    path = path === '' ? field : `${path}.${field}`;
    before = segment;
  }
  return path;
}
