/** Attention. */
import { check, PROBABILITY } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkNumber, checkOneOf, checkOptions, type OptionNames } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import { type AttentionAttributes, attention } from '../ops/attention.ts';
import { dropoutScalars } from '../ops/dropout.ts';
import { drawOnce } from '../tensor/replay.ts';
import { apply, checkTensor, type Tensor } from '../tensor/tensor.ts';

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /** 0 where a query does not see a key; of any type, broadcast to [batch, heads, queries, keys]. PyTorch's mask of booleans. */
  mask?: Tensor;
  /** In place of a mask: how many keys each of the batch has, int32 [batch]. */
  lengths?: Tensor;
  /** Query number n sees no keys after number n; false by default. */
  causal?: boolean;
  /** Added to the scores, broadcast to [batch, heads, queries, keys]; it gets a gradient. PyTorch's mask of numbers. */
  bias?: Tensor;
  /** The probability that a weight is dropped; 0 by default. Pass 0 in evaluation. */
  dropout?: number;
  /** Of the dropout's masks; by default they follow from `manualSeed`. */
  seed?: number;
  /** What the products are multiplied by; 1 / sqrt(width) by default. */
  scale?: number;
  /** Order of the axes: 'bhtd' as PyTorch's by default, 'bthd' for heads after time. */
  layout?: 'bhtd' | 'bthd';
}

const OPTIONS: OptionNames<AttentionOptions> = {
  mask: true,
  lengths: true,
  causal: true,
  bias: true,
  dropout: true,
  seed: true,
  scale: true,
  layout: true,
};

/**
 * softmax(q kᵀ scale + bias) v over the keys that a query sees: q [batch, heads, queries, width], k [batch, heads, keys, width], v [batch,
 * heads, keys, any width] give [batch, heads, queries, v's width]. Without the batch, or batch and heads, too. As
 * `F.scaled_dot_product_attention`; a query that sees no key gives 0.
 * @throws ShapeError for sizes that do not go together; ArgumentError for a mask and lengths at once.
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const op = 'scaledDotProductAttention';
  checkOptions(op, options, OPTIONS);
  const { mask, lengths, causal = false, bias = null, dropout = 0, seed, layout = 'bhtd' } = options;
  const { scale = 1 / Math.sqrt(checkTensor(op, q).shape.at(-1) ?? 1) } = options;
  if (mask && lengths) throw new ArgumentError(`${op}: expected a mask or lengths, got both. Pass the mask.`);
  check(op, 'dropout', dropout, PROBABILITY);
  checkNumber(op, 'scale', scale);
  checkOneOf(op, 'layout', layout, ['bhtd', 'bthd']);
  const scalars = dropout > 0 ? dropoutScalars(dropout, seed ?? drawOnce(() => defaultGenerator.uint32())) : null;
  const attributes = { scale, causal, lengths: lengths !== undefined, dropout: scalars, layout };
  return apply<AttentionAttributes>(attention, [q, k, v, mask ?? lengths ?? null, bias], attributes);
}
