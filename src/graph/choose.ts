/**
 * Planning, first part: the choices that depend on the adapter. A kernel may want an operand in an order of its own; a node that packs
 * it comes before the kernel's, so that packing a frozen weight is hoisted out of the steps.
 */
import { SAME } from '../kernels/expressions.ts';
import type { KernelTarget, Operand } from '../kernels/kernel.ts';
import { batchScaleOf, type ChoiceNode, type KernelNode, type Node, type PlannedNode, producersOf } from './record.ts';
import { Data, type Value, withShape } from './value.ts';

/** The nodes with a kernel for the adapter in place of every choice. */
export function choose(nodes: readonly Node[], adapter: KernelTarget): PlannedNode[] {
  const producers = producersOf(nodes);
  const written = new Set<Data>();

  /**
   * The value that `value` is converted from; `value` itself where it is not, or where that has changed since. Packing reads each
   * element once, and widens or rounds it anyway.
   */
  const unconverted = (value: Value): Value => {
    const node = producers.get(value.data);
    const [source] = node?.kind === 'elementwise' && node.wgsl === SAME ? node.inputs : [];
    const suits = source && source.data.dtype !== 'int32' && source.data.count === value.data.count;
    return suits && !written.has(source.data) ? withShape(source, value.shape) : value;
  };

  return nodes.flatMap((node): PlannedNode[] => {
    if (node.inPlace) for (const data of node.outputs) written.add(data);
    return node.kind === 'choice' ? chosen(node, adapter, unconverted) : [node];
  });
}

/** The kernel that `node` chooses, after the one that packs its operand, if there is one. */
function chosen(node: ChoiceNode, adapter: KernelTarget, unconverted: (value: Value) => Value): KernelNode[] {
  const isFloat16 = ({ index }: Operand): boolean => node.inputs[index]!.data.dtype === 'float16';
  const choice = node.choose({ ...adapter, batchScale: batchScaleOf(node), isFloat16 });
  const kernel: KernelNode = { ...node, kind: 'kernel', key: `${choice.key},${node.key}`, lower: choice.lower };
  if (!choice.packing) return [kernel];
  const { input, key, elements, dtype, lower } = choice.packing;
  const operand = node.inputs[input]!;
  const data = new Data(elements, dtype ?? operand.data.dtype);
  const pack: KernelNode = {
    ...{ kind: 'kernel', name: `${node.name}.pack`, key, lower, fuses: 'nothing', inPlace: false },
    inputs: [unconverted(operand)],
    outputs: [data],
  };
  return [pack, { ...kernel, inputs: node.inputs.with(input, { shape: [elements], data }) }];
}
