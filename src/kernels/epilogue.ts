/**
 * The epilogue that most products of a network have: y = relu(value * scale + vector + tensor), each part of it present or not. Which are
 * is a matter of the uniform, so that convolutions with a bias, a batch norm, a residual and a ReLU, and without, share one
 * pipeline: each takes a third of a second to compile on a software adapter.
 */
import { ADD, type EpilogueAxes, type Expression, RELU, SCALE_SHIFT } from './expressions.ts';
import type { EpilogueTerms, Fusion, Operand } from './kernel.ts';

type Load = Extract<Expression, { kind: 'load' }>;
type Vectors = { readonly scale?: Load; readonly shift: Load | undefined };

/** `expression` in the terms of the shared epilogue, applied in its order; undefined if it is anything else. */
export function termsOf(
  expression: Expression,
  reads: readonly Operand[],
  axes: EpilogueAxes,
): EpilogueTerms | undefined {
  const relu = expression.kind === 'apply' && expression.wgsl === RELU;
  const [sum, tensor] = summands(relu ? expression.args[0]! : expression, ({ access }) => access.kind === 'same');
  for (const axis of ['row', 'column'] as const) {
    const [scaled, shift] = summands(sum, (e) => runsAlong(e, axes[axis]));
    const vectors: Vectors | undefined = scaled.kind === 'value' ? { shift } : affine(scaled, axes[axis]);
    if (!vectors) continue;
    const operand = (e: Load | undefined) => e && reads[e.read]!;
    return { relu, axis, scale: operand(vectors.scale), shift: operand(vectors.shift), tensor: operand(tensor) };
  }
  return undefined;
}

const runsAlong = ({ access }: Load, axis: EpilogueAxes['row']): boolean =>
  access.kind === 'period' && axis !== undefined && access.inner === axis.inner && access.size === axis.size;

const isFloat = (e: Expression): e is Load => e.kind === 'load' && e.dtype !== 'int32';

/** Takes a load that `suits` out of a sum of two: the other summand, and the load. */
function summands(e: Expression, suits: (load: Load) => boolean): readonly [Expression, Load?] {
  if (e.kind !== 'apply' || e.wgsl !== ADD) return [e];
  const [a, b] = e.args as [Expression, Expression];
  const isTerm = (side: Expression): side is Load => isFloat(side) && suits(side);
  return isTerm(b) ? [a, b] : isTerm(a) ? [b, a] : [e];
}

/** value * scale + shift. */
function affine(e: Expression, axis: EpilogueAxes['row']): Vectors | undefined {
  if (e.kind !== 'apply' || e.wgsl !== SCALE_SHIFT) return undefined;
  const [value, scale, shift] = e.args as [Expression, Expression, Expression];
  const fits = (side: Expression): side is Load => isFloat(side) && runsAlong(side, axis);
  return value.kind === 'value' && fits(scale) && fits(shift) ? { scale, shift } : undefined;
}

const wgsl = /* wgsl */ `
struct Terms {
  // Whether scale and shift run along columns.
  columns: u32,
  scale: u32,
  shift: u32,
  tensor: u32,
  relu: u32,
}
@group(1) @binding(0) var<storage, read> scale: array<f32>;
@group(1) @binding(1) var<storage, read> shift: array<f32>;
@group(1) @binding(2) var<storage, read> tensor: array<f32>;
@group(1) @binding(3) var<uniform> terms: Terms;

// Scale and shift of an element: the same all along a row, or a column.
fn termsAt(row: u32, column: u32) -> vec2f {
  let at = select(row, column, terms.columns == 1u);
  var found = vec2f(1.0, 0.0);
  if (terms.scale == 1u) {
    found.x = scale[at];
  }
  if (terms.shift == 1u) {
    found.y = shift[at];
  }
  return found;
}

fn withTerms(value: f32, found: vec2f, i: u32) -> f32 {
  var sum = value * found.x + found.y;
  if (terms.tensor == 1u) {
    sum += tensor[i];
  }
  return select(sum, 0.0, terms.relu == 1u && sum < 0.0);
}

fn epilogue(value: f32, i: u32, row: u32, column: u32) -> f32 {
  return withTerms(value, termsAt(row, column), i);
}`;

/** @param spare any buffer that the kernel reads: bound where a term is absent. */
export function sharedEpilogue({ axis, scale, shift, tensor, relu }: EpilogueTerms, spare: Operand): Fusion {
  return {
    wgsl,
    reads: [scale ?? spare, shift ?? spare, tensor ?? spare],
    writes: [],
    params: [axis === 'column', scale, shift, tensor, relu].map((term) => (term ? 1 : 0)),
  };
}
