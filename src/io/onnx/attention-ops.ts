/** The ONNX forms of what networks of tokens are made of. */
import { ArgumentError } from '../../core/errors.ts';
import type { AttentionAttributes } from '../../ops/attention.ts';
import { i, ints, type Rule } from './emitter.ts';

export const ATTENTION: Readonly<Record<string, Rule>> = {
  embedding: (e) => {
    e.node('Gather', [e.inputs[1]!, e.inputs[0]!], { axis: i(0) }, 'last');
  },
  scaledDotProductAttention: (e, op) => {
    const { scale, causal, layout } = op.attributes as AttentionAttributes;
    const [q, k, v, mask, bias] = e.inputs as [string, string, string, string?, string?];
    if (causal || mask)
      throw new ArgumentError(
        "exportOnnx: 'scaledDotProductAttention' with a mask, lengths or causal is not exported.",
      );
    const axes = op.output.shape.map((_, d) => d);
    const isTurned = layout === 'bthd';
    // Heads before time, and keys as columns.
    const order = isTurned ? [0, 2, 1, 3] : axes;
    const turned = (x: string) => (isTurned ? e.node('Transpose', [x], { perm: ints(order) }) : x);
    const columns = [...order.slice(0, -2), order.at(-1)!, order.at(-2)!];
    const product = e.node('MatMul', [turned(q), e.node('Transpose', [k], { perm: ints(columns) })]);
    const scores = e.node('Mul', [product, e.scalar(scale)]);
    const weights = e.node('Softmax', [bias ? e.node('Add', [scores, bias]) : scores], { axis: i(-1) });
    if (isTurned) e.node('Transpose', [e.node('MatMul', [weights, turned(v)])], { perm: ints(order) }, 'last');
    else e.node('MatMul', [weights, v], {}, 'last');
  },
};
