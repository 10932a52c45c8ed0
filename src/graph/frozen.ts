/**
 * The frozen trunk of a recorded graph: everything that depends on the images and on frozen parameters alone, one image at
 * a time. Its results, where the trainable part takes them up, are the same in every epoch and need not be computed again.
 */
import type { HostArray } from '../core/dtype.ts';
import { type Node, recorder } from './record.ts';
import type { Data } from './value.ts';

/** The trunk, and the values at which it ends. */
export interface Trunk {
  /** What the trainable part reads; empty when nothing lies between the images and it. */
  readonly cuts: readonly Data[];
  /** The frozen parameters and buffers that the cuts depend on. */
  readonly slots: readonly Data[];
  /** The trunk's nodes in words, whatever the batch size: with the slots' bytes, what a cut's values depend on. */
  readonly text: string;
  readonly nodes: ReadonlySet<Node>;
}

/**
 * Finds the trunk of what has been recorded so far.
 * @param images the input; its first axis counts images.
 * @param trainable parameters that training changes. Slots that the graph itself updates are not frozen either.
 */
export function findTrunk(images: Data, trainable: ReadonlySet<Data>): Trunk {
  const { nodes } = recorder;
  const batch = nodes.flatMap((n) => n.inputs).find((v) => v.data === images)?.shape[0];
  const moving = new Set<Data>(trainable);
  for (const node of nodes) if (node.inPlace) for (const data of node.outputs) moving.add(data);

  /** Per datum: whether it is the same for all batches, or image by image a function of the images. */
  const kinds = new Map<Data, 'constant' | 'perImage'>([[images, 'perImage']]);
  const kindOf = (data: Data) => kinds.get(data) ?? (data.slot && !moving.has(data) ? 'constant' : undefined);
  const trunk = new Set<Node>();
  for (const node of nodes) {
    const inputs = node.inputs.map((v) => kindOf(v.data));
    const random = node.kind === 'elementwise' && node.name === 'dropout';
    if (node.inPlace || random || inputs.includes(undefined)) continue;
    if (!inputs.includes('perImage')) {
      for (const data of node.outputs) kinds.set(data, 'constant');
      continue;
    }
    // In an elementwise node every image must lie along the first axis, and nothing else may.
    const alike = node.inputs.every((v, k) =>
      inputs[k] === 'perImage'
        ? v.shape[0] === batch
        : v.shape.length < node.inputs[0]!.shape.length || v.shape[0] === 1,
    );
    if (node.kind === 'kernel' ? !node.samplewise : !alike || node.shape[0] !== batch) continue;
    for (const data of node.outputs) kinds.set(data, 'perImage');
    trunk.add(node);
  }
  const cuts = new Set<Data>();
  for (const node of nodes)
    if (!trunk.has(node)) for (const { data } of node.inputs) if (kinds.get(data) === 'perImage') cuts.add(data);
  if (cuts.has(images)) return { cuts: [], slots: [], text: '', nodes: new Set() };

  // Back from the cuts to the slots.
  const slots = new Set<Data>();
  const text: string[] = [];
  const seen = new Set<Data>();
  const stack = [...cuts];
  while (stack.length) {
    const data = stack.pop()!;
    if (seen.has(data)) continue;
    seen.add(data);
    const { node } = data;
    if (data.slot) slots.add(data);
    if (!node) continue;
    // Not the kernel's key: it holds the batch size. Sizes for one image tell strides and paddings apart.
    const sizes = node.outputs.map((d) => (kinds.get(d) === 'perImage' ? d.count / batch! : d.count));
    text.push(`${node.name}(${node.kind === 'elementwise' ? node.scalars.join() : ''})${sizes.join()}`);
    for (const input of node.inputs) stack.push(input.data);
  }
  return { cuts: [...cuts], slots: [...slots], text: text.join('\n'), nodes: trunk };
}

/** Takes the trunk out of the graph: its cuts get their values from the host. `values[k]` belongs to `cuts[k]`. */
export function replaceTrunk(trunk: Trunk, values: readonly HostArray[]): void {
  recorder.nodes = recorder.nodes.filter((node) => !trunk.nodes.has(node));
  trunk.cuts.forEach((data, k) => {
    data.node = null;
    data.host = values[k]!;
  });
}
