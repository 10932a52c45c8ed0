/** Tables of vectors, and attention with each of its options. */

import { embedding, scaledDotProductAttention } from '../../../src/nn/index.ts';
import { lastTokens, tokenPositions } from '../../../src/ops/tokens.ts';
import { apply } from '../../../src/tensor/tensor.ts';
import { labels, mask } from '../inputs.ts';
import { type Row, row } from '../row.ts';

const lookUp = (name: string, ids: number[], table: [number, number], padding?: number): Row =>
  row(
    'embedding',
    name,
    [labels(ids, table[0]), table],
    (i, w) => embedding(i, w, padding === undefined ? {} : { paddingIdx: padding }),
    `lambda i, w: F.embedding(i, w${padding === undefined ? '' : `, ${padding}`})`,
  );

type Options = NonNullable<Parameters<typeof scaledDotProductAttention>[3]>;

const attend = (name: string, shapes: [number[], number[], number[]], options: Options = {}, torch = ''): Row =>
  row(
    'scaledDotProductAttention',
    name,
    shapes,
    (q, k, v) => scaledDotProductAttention(q, k, v, options),
    `lambda q, k, v: F.scaled_dot_product_attention(q, k, v${torch})`,
  );

export const text: Row[] = [
  lookUp('a table of 17 rows', [3, 5], [17, 7]),
  lookUp('one place', [1], [65, 3]),
  lookUp('one number', [], [65, 3]),
  lookUp('width 1', [2, 3], [33, 1]),
  lookUp('width 64, 300 places, 100 rows', [3, 100], [100, 64]),
  lookUp('a table of one row', [3, 5], [1, 7]),
  lookUp('a table of two rows, 257 places', [257], [2, 5]),
  lookUp('padding in a small table', [4, 9], [5, 3], 2),
  lookUp('padding in a larger table', [4, 33], [31, 3], 0),
  lookUp('padding counted from the end', [4, 33], [31, 3], -2),
  lookUp('every row many times', [1031], [19, 3]),
  row(
    'embedding',
    'three tables, added up and normalised',
    [labels([3, 5], 33), labels([3, 5], 2), [33, 9], [2, 9], [5, 9], [9], [9]],
    (i, t, words, types, positions, w, b) =>
      embedding(i, words).add(embedding(t, types)).add(positions).layerNorm([9], w, b),
    'lambda i, t, words, types, positions, w, b: F.layer_norm(F.embedding(i, words) + F.embedding(t, types) + positions, (9,), w, b)',
    { tolerance: 'composed' },
  ),

  row(
    'tokenPositions',
    'padding anywhere',
    [labels([3, 17], 4)],
    (ids) => apply(tokenPositions, [ids], { padding: 1 }),
    'lambda i: ((i != 1).cumsum(1) * (i != 1) + 1).int()',
  ),
  row(
    'lastTokens',
    'padding anywhere',
    [labels([5, 4], 2)],
    (ids) => apply(lastTokens, [ids], { padding: 1 }),
    'lambda i: F.one_hot((torch.arange(4) * (i != 1)).argmax(-1), 4).float()',
  ),

  attend('heads', [
    [2, 3, 5, 7],
    [2, 3, 5, 7],
    [2, 3, 5, 7],
  ]),
  attend('other numbers of queries and keys, another width of values', [
    [2, 3, 4, 7],
    [2, 3, 9, 7],
    [2, 3, 9, 5],
  ]),
  attend('one batch axis', [
    [3, 5, 8],
    [3, 6, 8],
    [3, 6, 8],
  ]),
  attend('no batch', [
    [17, 9],
    [65, 9],
    [65, 3],
  ]),
  attend('one query and one key', [
    [1, 1, 1, 3],
    [1, 1, 1, 3],
    [1, 1, 1, 3],
  ]),
  attend(
    'causal',
    [
      [2, 2, 6, 5],
      [2, 2, 6, 5],
      [2, 2, 6, 5],
    ],
    { causal: true },
    ', is_causal=True',
  ),
  attend(
    'causal, fewer queries than keys',
    [
      [1, 2, 4, 5],
      [1, 2, 7, 5],
      [1, 2, 7, 5],
    ],
    { causal: true },
    ', is_causal=True',
  ),
  attend(
    'without scale',
    [
      [2, 3, 5, 7],
      [2, 3, 5, 7],
      [2, 3, 5, 7],
    ],
    { scale: 1 },
    ', scale=1.0',
  ),
  row(
    'scaledDotProductAttention',
    'a mask of keys, some rows of which are 0',
    [[3, 2, 5, 7], [3, 2, 6, 7], [3, 2, 6, 4], mask([3, 1, 1, 6])],
    (q, k, v, m) => scaledDotProductAttention(q, k, v, { mask: m }),
    'lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m.bool())',
  ),
  row(
    'scaledDotProductAttention',
    'a mask of queries and keys, causal as well',
    [[2, 2, 5, 7], [2, 2, 5, 7], [2, 2, 5, 4], mask([2, 1, 5, 5])],
    (q, k, v, m) => scaledDotProductAttention(q, k, v, { mask: m, causal: true }),
    'lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=(m.bool() & torch.ones(5, 5).tril().bool()))',
  ),
  row(
    'scaledDotProductAttention',
    'lengths, 0 among them',
    [[5, 2, 3, 7], [5, 2, 9, 7], [5, 2, 9, 4], labels([5], 10)],
    (q, k, v, lengths) => scaledDotProductAttention(q, k, v, { lengths }),
    'lambda q, k, v, n: F.scaled_dot_product_attention(q, k, v, attn_mask=(torch.arange(9) < n[:, None])[:, None, None])',
  ),
  row(
    'scaledDotProductAttention',
    'a bias, which gets a gradient',
    [
      [2, 3, 5, 7],
      [2, 3, 6, 7],
      [2, 3, 6, 4],
      [1, 3, 5, 6],
    ],
    (q, k, v, bias) => scaledDotProductAttention(q, k, v, { bias, scale: 1 }),
    'lambda q, k, v, b: F.scaled_dot_product_attention(q, k, v, attn_mask=b, scale=1.0)',
  ),
  row(
    'scaledDotProductAttention',
    'heads after time',
    [
      [2, 5, 3, 8],
      [2, 6, 3, 8],
      [2, 6, 3, 4],
    ],
    (q, k, v) => scaledDotProductAttention(q, k, v, { layout: 'bthd' }),
    'lambda q, k, v: F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)',
  ),
  row(
    'scaledDotProductAttention',
    '33 queries of 65 keys, 2 heads of 32, heads after time',
    [
      [1, 33, 2, 32],
      [1, 65, 2, 32],
      [1, 65, 2, 32],
    ],
    (q, k, v) => scaledDotProductAttention(q.mul(0.25), k, v, { layout: 'bthd' }),
    'lambda q, k, v: F.scaled_dot_product_attention(q.transpose(1, 2) * 0.25, k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)',
  ),
];
