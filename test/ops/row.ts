/** One row of the op table: what is run here, and the same in PyTorch. */
import type { Shape } from '../../src/core/shape.ts';
import type { Tensor } from '../../src/index.ts';
import type { ToleranceName } from '../tolerances.ts';
import type { InputSpec } from './inputs.ts';

export interface Row {
  /** The op's name in the registry of src/ops. */
  readonly op: string;
  /** What is special about this row, as part of a sentence. */
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** A Python lambda over the same inputs; `torch` and `F` (torch.nn.functional) are in scope. */
  readonly torch: string;
  /** False where finite differences say nothing: values on a kink, or steps that cross one. */
  readonly smooth: boolean;
  /** Replaces the op's own tolerance for output and gradients. */
  readonly tolerance: ToleranceName | undefined;
}

/**
 * The row with its inputs rounded to float16 and kept so, but for labels and the vectors of batch norms. Rounding hides small
 * differences, so it is not smooth.
 */
export function inHalf(row: Row): Row {
  const norm = row.run.toString().includes('batchNorm2d');
  const inputs = row.inputs.map(
    (spec): InputSpec => (spec.kind === 'labels' || (norm && spec.shape.length === 1) ? spec : { ...spec, half: true }),
  );
  return { ...row, name: `${row.name}, in float16`, inputs, smooth: false, tolerance: 'half' };
}

/** A row; an input given as a bare shape is `uniform`. Rows with ties are never smooth. */
export function row(
  op: string,
  name: string,
  inputs: readonly (Shape | InputSpec)[],
  run: (...inputs: Tensor[]) => Tensor,
  torch: string,
  options: { smooth?: boolean; tolerance?: ToleranceName } = {},
): Row {
  const specs = inputs.map((input): InputSpec => ('kind' in input ? input : { shape: input, kind: 'uniform' }));
  const smooth = options.smooth ?? specs.every((spec) => spec.kind !== 'ties');
  return { op, name, inputs: specs, run, torch, smooth, tolerance: options.tolerance };
}
