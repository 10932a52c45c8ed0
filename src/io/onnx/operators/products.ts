/** Operators that are matrix products. */
import { RegraftError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';

function gemm(call: Call, given: Tensor): Tensor {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const weight = call.tensor(1);
  const c = call.optional(2);
  const a = call.int('transA', 0) ? given.transpose(0, 1) : given;
  const isTransposed = call.int('transB', 0) === 1;
  const bias = c && beta !== 1 ? c.mul(beta) : c;
  const isLinear = isTransposed && alpha === 1;
  if (isLinear && bias?.rank === 1 && bias.size === weight.shape[0]) return a.linear(weight, bias);
  const product = isTransposed ? a.linear(weight) : a.matmul(weight);
  const scaled = alpha === 1 ? product : product.mul(alpha);
  return bias ? scaled.add(bias) : scaled;
}

/** One operand of an equation, with its axes by their letters. */
interface Labelled {
  readonly t: Tensor;
  readonly letters: readonly string[];
}

/** Axes in the order of `letters`, of size 1 where there are none. */
function aligned({ t, letters: own }: Labelled, letters: readonly string[]): Tensor {
  const present = letters.filter((l) => own.includes(l));
  const turned = t.permute(present.map((l) => own.indexOf(l)));
  return turned.reshape(letters.map((l) => (own.includes(l) ? t.shape[own.indexOf(l)]! : 1)));
}

/** Sums over the letters that `kept` does not have. */
function summed({ t, letters }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = letters.flatMap((l, d) => (kept.has(l) ? [] : [d]));
  return axes.length ? { t: t.sum(axes), letters: letters.filter((l) => kept.has(l)) } : { t, letters };
}

/** The product of two operands: letters of both that are wanted are its batch, others of both are summed over. */
function contracted(a: Labelled, b: Labelled, kept: ReadonlySet<string>): Labelled {
  const all = new Set([...a.letters, ...b.letters, ...kept]);
  const both = a.letters.filter((l) => b.letters.includes(l));
  const [x, y] = [
    summed(a, new Set([...all].filter((l) => kept.has(l) || both.includes(l)))),
    summed(b, new Set([...all].filter((l) => kept.has(l) || both.includes(l)))),
  ];
  const batch = both.filter((l) => kept.has(l));
  const inner = both.filter((l) => !kept.has(l));
  const rows = x.letters.filter((l) => !both.includes(l));
  const columns = y.letters.filter((l) => !both.includes(l));
  const sizes = ({ t, letters }: Labelled, of: readonly string[]) => of.map((l) => t.shape[letters.indexOf(l)]!);
  const [left, right] = [aligned(x, [...batch, ...rows, ...inner]), aligned(y, [...batch, ...inner, ...columns])];
  const lead = sizes(x, batch);
  const product = left
    .reshape([...lead, sizeOf(sizes(x, rows)), sizeOf(sizes(x, inner))])
    .matmul(right.reshape([...lead, sizeOf(sizes(y, inner)), sizeOf(sizes(y, columns))]));
  return {
    t: product.reshape([...lead, ...sizes(x, rows), ...sizes(y, columns)]),
    letters: [...batch, ...rows, ...columns],
  };
}

function einsum(call: Call): Tensor {
  const text = call.text('equation', '').replaceAll(' ', '');
  const match = /^([a-zA-Z,]+)(?:->([a-zA-Z]*))?$/.exec(text);
  const terms = match?.[1]?.split(',').map((term) => [...term]);
  const repeated = terms?.some((letters) => new Set(letters).size !== letters.length);
  if (!terms || repeated || terms.length !== call.inputs.length)
    throw new RegraftError(
      `its equation '${text}' is not computed here: expected letters, once in each operand, and no '…'.`,
    );
  const count = (l: string) => terms.flat().filter((other) => other === l).length;
  const implied = [...new Set(terms.flat())].filter((l) => count(l) === 1).sort();
  const wanted = match![2] === undefined ? implied : [...match![2]];
  const operands = terms.map((letters, i): Labelled => ({ t: call.tensor(i), letters }));
  const result = operands.slice(1).reduce((a, b, i) => {
    const later = terms.slice(i + 2).flat();
    return contracted(a, b, new Set([...wanted, ...later]));
  }, operands[0]!);
  return aligned(summed(result, new Set(wanted)), wanted);
}

export const PRODUCTS: Readonly<Record<string, Rule>> = {
  Gemm: onDevice(gemm),
  MatMul: onDevice((call, x) => x.matmul(call.tensor(1))),
  FusedMatMul: onDevice((call, x) => {
    if (call.int('transBatchA', 0) || call.int('transBatchB', 0))
      call.refuse('a transposed batch is not computed here.');
    const turned = (t: Tensor, name: string) => (call.int(name, 0) ? t.transpose(-2, -1) : t);
    const product = turned(x, 'transA').matmul(turned(call.tensor(1), 'transB'));
    const alpha = call.float('alpha', 1);
    return alpha === 1 ? product : product.mul(alpha);
  }),
  Einsum: einsum,
};
