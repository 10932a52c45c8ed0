/** Planning: who makes, reads and overwrites the data of a graph. */
import type { Scalar } from '../kernels/kernel.ts';
import { type PlannedNode, producersOf } from './record.ts';
import type { Data } from './value.ts';

export interface Uses {
  /** Nodes whose results are kept, are slots, or feed one that is. The others need not run. */
  readonly live: ReadonlySet<PlannedNode>;
  /** The node that computes a datum; undefined for data that the graph only reads or updates. */
  producer(data: Data): PlannedNode | undefined;
  /** Number of live nodes that read a datum. */
  readers(data: Data): number;
  /** True if a datum is written in place after position `from` and before position `to`. */
  isWritten(data: Data, from: number, to: number): boolean;
  /** The scalars of a node, numbered through the graph. */
  scalars(node: PlannedNode): readonly Scalar[];
}

/** The uses of a graph. */
export function usesOf(nodes: readonly PlannedNode[]): Uses {
  const producers = producersOf(nodes);
  const live = liveNodes(nodes, producers);
  const scalars = new Map<PlannedNode, readonly Scalar[]>();
  let count = 0;
  for (const node of nodes)
    if ('scalars' in node)
      scalars.set(
        node,
        node.scalars.map((value) => ({ id: count++, value })),
      );
  const readers = new Map<Data, number>();
  for (const node of live)
    for (const data of new Set(node.inputs.map((v) => v.data))) readers.set(data, (readers.get(data) ?? 0) + 1);
  return {
    live,
    producer: (data) => producers.get(data),
    readers: (data) => readers.get(data) ?? 0,
    isWritten: (data, from, to) =>
      nodes.slice(from + 1, to).some((n) => n.inPlace && n.outputs.some((d) => d === data)),
    scalars: (node) => scalars.get(node) ?? [],
  };
}

function liveNodes(nodes: readonly PlannedNode[], producers: ReadonlyMap<Data, PlannedNode>): Set<PlannedNode> {
  const live = new Set<PlannedNode>();
  const visit = nodes.filter((n) => n.inPlace || n.outputs.some((d) => d.kept || d.slot));
  while (visit.length) {
    const node = visit.pop()!;
    if (live.has(node)) continue;
    live.add(node);
    for (const { data } of node.inputs) {
      const producer = producers.get(data);
      if (producer) visit.push(producer);
    }
  }
  return live;
}
