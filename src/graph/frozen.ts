/**
 * The frozen trunk of a recorded graph: everything that depends on the images and on frozen parameters alone, one image at
 * a time. Its results, where the trainable part takes them up, are the same in every epoch and need not be computed again.
 */
import type { HostArray } from '../core/dtype.ts';
import { isRandom } from '../kernels/expressions.ts';
import { type ChoiceNode, type ElementwiseNode, type KernelNode, type Node, producersOf, recorder } from './record.ts';
import type { Data } from './value.ts';

/** The same for all batches, image by image a function of the images, or neither. */
type Kind = 'constant' | 'perImage' | undefined;

/** The trunk, and the values at which it ends. */
export interface Trunk {
  /** The values that the trainable part reads; empty when nothing lies between the images and it. */
  readonly cuts: readonly Data[];
  /** The cuts that a hook shows to the user. */
  readonly shown: ReadonlySet<Data>;
  /** The frozen parameters and buffers that the cuts depend on. */
  readonly slots: readonly Data[];
  /** The trunk's ops in words, whatever the batch size and the algorithms that compute them: with the slots' bytes, what a cut's values depend on. */
  readonly text: string;
  readonly nodes: ReadonlySet<Node>;
}

/**
 * Finds the trunk of the graph recorded so far.
 * @param inputs inputs of the network; the first axis of each counts samples.
 * @param trainable parameters that training changes. Slots that the graph itself updates are not frozen either.
 */
export function findTrunk(inputs: readonly Data[], trainable: ReadonlySet<Data>): Trunk {
  const { nodes } = recorder;
  const batch = nodes.flatMap((n) => n.inputs).find((v) => inputs.includes(v.data))?.shape[0];
  const moving = new Set<Data>(trainable);
  for (const node of nodes) if (node.inPlace) for (const data of node.outputs) moving.add(data);

  const kinds = new Map<Data, Kind>(inputs.map((input) => [input, 'perImage']));
  const kindOf = (data: Data): Kind => kinds.get(data) ?? (data.slot && !moving.has(data) ? 'constant' : undefined);
  const trunk = new Set<Node>();
  for (const node of nodes) {
    const kindsIn = node.inputs.map((v) => kindOf(v.data));
    const random = node.kind === 'elementwise' && isRandom(node.wgsl);
    if (node.inPlace || random || kindsIn.includes(undefined)) continue;
    if (!kindsIn.includes('perImage')) {
      for (const data of node.outputs) kinds.set(data, 'constant');
      continue;
    }
    const apart = 'fuses' in node ? keepsImagesApart(node, kindsIn, batch!) : alignsImages(node, kindsIn, batch!);
    if (!apart) continue;
    for (const data of node.outputs) kinds.set(data, 'perImage');
    trunk.add(node);
  }
  // Values that a hook shows inside the trunk are read like the rest.
  const shown = new Set([...kinds].filter(([data, kind]) => kind === 'perImage' && data.visible).map(([data]) => data));
  for (const input of inputs) shown.delete(input);
  const cuts = new Set(shown);
  for (const node of nodes)
    if (!trunk.has(node)) for (const { data } of node.inputs) if (kinds.get(data) === 'perImage') cuts.add(data);
  // An input that the trainable part reads, a mask as a rule, is kept beside the trunk's results for the others.
  if ([...cuts].every((cut) => inputs.includes(cut))) return { cuts: [], shown, slots: [], text: '', nodes: new Set() };

  // Back from the cuts to the slots.
  const producers = producersOf(nodes);
  const slots = new Set<Data>();
  const text: string[] = [];
  const seen = new Set<Data>();
  const stack = [...cuts];
  while (stack.length) {
    const data = stack.pop()!;
    if (seen.has(data)) continue;
    seen.add(data);
    const node = producers.get(data);
    if (data.slot) slots.add(data);
    if (!node) continue;
    for (const input of node.inputs) stack.push(input.data);
    // The kernel's key is left out, because it holds the batch size. Sizes for one image tell strides and paddings apart.
    const sizes = node.outputs.map((d) => `${d.dtype}${kinds.get(d) === 'perImage' ? d.count / batch! : d.count}`);
    text.push(`${node.name}(${node.kind === 'elementwise' ? node.scalars.join() : ''})${sizes.join()}`);
  }
  return { cuts: [...cuts], shown, slots: [...slots], text: text.join('\n'), nodes: trunk };
}

/** True if image n of the outputs depends on image n of the inputs alone: they are rows of the first operand, or of all that are joined. */
function keepsImagesApart(node: KernelNode | ChoiceNode, kinds: readonly Kind[], batch: number): boolean {
  const rows = node.inputs.every(
    ({ shape }, k) =>
      kinds[k] === (k === 0 || node.joins ? 'perImage' : 'constant') &&
      (kinds[k] === 'constant' || shape[0]! % batch === 0),
  );
  return rows && node.samplewise === true;
}

/** True if in an elementwise node every image is one or more neighbouring rows of the first axis, and nothing else lies along it. */
function alignsImages(node: ElementwiseNode, kinds: readonly Kind[], batch: number): boolean {
  const rank = node.shape.length;
  const rows = node.shape[0]!;
  const aligned = node.inputs.every(({ shape }, k) =>
    kinds[k] === 'perImage' ? shape.length === rank && shape[0] === rows : shape.length < rank || shape[0] === 1,
  );
  return aligned && rows % batch === 0;
}

/** Takes the trunk out of the graph: its cuts get their values from the host. `values[k]` belongs to `cuts[k]`. */
export function replaceTrunk(trunk: Trunk, values: readonly HostArray[]): void {
  recorder.nodes = recorder.nodes.filter((node) => !trunk.nodes.has(node));
  trunk.cuts.forEach((data, k) => {
    data.pending = false;
    data.host = values[k]!;
  });
}
