/** A TF.js graph model's nodes, checked: every input is made before it is used. */
import { WeightFileError } from '../../core/errors.ts';
import { count, printable } from '../base/bytes.ts';
import { isRecord } from '../base/json.ts';

/** A node of a TensorFlow graph. */
export interface TfNode {
  readonly op: string;
  readonly name: string;
  /** Names of values: `name`, or `name:1` of a second output. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** An input or output of a graph: sizes are null where they are open, undefined where nothing is told. */
export interface TfPort {
  readonly name: string;
  readonly shape: readonly (number | null)[] | undefined;
}

/** A graph in the order of its values. */
export interface TfGraph {
  readonly nodes: readonly TfNode[];
  readonly inputs: readonly TfPort[];
  readonly outputs: readonly TfPort[];
}

/** A value's name without the `:0` of a first output. */
export const plainName = (name: string): string => name.replace(/:0$/, '');

/** @throws WeightFileError for what is no graph that can be walked in order. */
export function graphOf(file: string, model: Readonly<Record<string, unknown>>): TfGraph {
  const fail = (detail: string) => new WeightFileError(file, detail);
  const topology = isRecord(model.modelTopology) ? model.modelTopology : {};
  if (!Array.isArray(topology.node)) throw fail('is a TF.js graph model without nodes. It is truncated or damaged.');
  const all = new Map<string, TfNode>();
  for (const [i, json] of topology.node.entries()) {
    const node = nodeOf(json);
    if (!node) throw fail(`node ${count(i)} of its graph has no name and operator. It is damaged: get it again.`);
    if (all.has(node.name)) throw fail(`has two nodes named '${printable(node.name)}'.`);
    all.set(node.name, node);
  }
  const { inputs, outputs } = portsOf(model, topology);
  const wanted = outputs.length > 0 ? outputs : lastOf([...all.values()]);
  const nodes = sorted(
    all,
    wanted.map(({ name }) => name),
    (detail) => {
      throw fail(detail);
    },
  );
  const shapes = new Map([...inputs, ...outputs].map(({ name, shape }) => [name, shape]));
  const placeholders = [...all.values()].filter(({ op }) => op.startsWith('Placeholder'));
  const order = inputs.map(({ name }) => name);
  return {
    nodes,
    outputs: wanted,
    inputs: placeholders
      .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
      .map(({ name, attributes }) => ({ name, shape: shapes.get(name) ?? shapeOf(attributes.shape) })),
  };
}

function nodeOf(json: unknown): TfNode | undefined {
  if (!isRecord(json) || typeof json.name !== 'string' || typeof json.op !== 'string') return undefined;
  const inputs = Array.isArray(json.input) ? json.input.filter((name) => typeof name === 'string') : [];
  return {
    op: json.op,
    name: json.name,
    // What begins with ^ says when to run, and is no value.
    inputs: inputs.filter((name) => !name.startsWith('^')).map(plainName),
    attributes: isRecord(json.attr) ? json.attr : {},
  };
}

/** What the signature tells, which newer files have beside the graph and older ones in their own metadata. */
function portsOf(model: Readonly<Record<string, unknown>>, topology: Readonly<Record<string, unknown>>) {
  const own = isRecord(model.userDefinedMetadata) ? model.userDefinedMetadata : {};
  const signature = [model.signature, own.signature, topology.signature].find(isRecord) ?? {};
  const ports = (list: unknown): TfPort[] =>
    Object.entries(isRecord(list) ? list : {}).map(([key, port]) => {
      const { name, tensorShape } = isRecord(port) ? port : {};
      return { name: plainName(typeof name === 'string' ? name : key), shape: shapeOf({ shape: tensorShape }) };
    });
  return { inputs: ports(signature.inputs), outputs: ports(signature.outputs) };
}

/** Sizes as protobuf's JSON has them: text, -1 where they are open. */
function shapeOf(attribute: unknown): TfPort['shape'] {
  const shape = isRecord(attribute) ? attribute.shape : undefined;
  if (!isRecord(shape) || shape.unknownRank === true) return undefined;
  const dims = Array.isArray(shape.dim) ? shape.dim : [];
  return dims.map((dim) => {
    const size = Number(isRecord(dim) ? dim.size : -1);
    return Number.isSafeInteger(size) && size >= 0 ? size : null;
  });
}

/** Nodes that no other uses: the outputs of a graph that does not tell them. */
function lastOf(nodes: readonly TfNode[]): TfPort[] {
  const used = new Set(nodes.flatMap(({ inputs }) => inputs.map((name) => name.replace(/:\d+$/, ''))));
  return nodes
    .filter(({ name, op }) => !used.has(name) && op !== 'NoOp' && op !== 'Const')
    .map(({ name }) => ({ name, shape: undefined }));
}

/** The nodes that `wanted` values depend on, each behind its inputs. */
function sorted(
  all: ReadonlyMap<string, TfNode>,
  wanted: readonly string[],
  fail: (detail: string) => never,
): TfNode[] {
  const nodes: TfNode[] = [];
  const state = new Map<TfNode, 'open' | 'done'>();
  const find = (value: string, user: string): TfNode =>
    all.get(value) ??
    all.get(value.replace(/:\d+$/, '')) ??
    fail(`${user} uses '${printable(value)}', which nothing makes.`);
  const stack = wanted.map((name) => find(name, 'its signature')).reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (state.get(node) === 'done') {
      stack.pop();
      continue;
    }
    const label = `node '${printable(node.name)}' of its graph`;
    const before = node.inputs.map((name) => find(name, label)).filter((other) => state.get(other) !== 'done');
    if (before.some((other) => state.get(other) === 'open')) fail(`${label} depends on itself: the graph is cyclic.`);
    if (before.length === 0) {
      state.set(node, 'done');
      nodes.push(node);
      stack.pop();
    } else {
      state.set(node, 'open');
      stack.push(...before.reverse());
    }
  }
  return nodes;
}
