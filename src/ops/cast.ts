/** The elements in another type, and the rule for ops that want their operands in one. */
import type { DType } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { wantFloat16 } from '../device/current.ts';
import { recordElementwise } from '../graph/record.ts';
import type { Value } from '../graph/value.ts';
import { SAME } from '../kernels/expressions.ts';
import { defineOp, type Op } from './op.ts';

/**
 * Records a conversion; nothing where the elements are of that type. To int32 it drops the fraction. To float16 it rounds what is
 * kept: inside a fused chain values stay float32.
 */
export function cast(x: Value, dtype: DType): Value {
  if (x.data.dtype === dtype) return x;
  return recordElementwise(`to.${dtype}`, dtype === 'int32' ? 'trunc(a)' : SAME, [x], x.shape, { dtype });
}

/** The elements as float32, float16 or int32. The gradient goes back in the input's type. */
export const to: Op<{ dtype: DType }> = defineOp<{ dtype: DType }>({
  name: 'to',
  forward: ([x], { dtype }) => {
    if (dtype === 'float16') wantFloat16('to');
    return cast(x!, dtype);
  },
  backward: (gy, { inputs: [x] }) => [cast(gy, x!.data.dtype)],
});

/** @throws ArgumentError unless both operands are floats of one type. */
export function checkOneType(op: string, a: Value, b: Value): void {
  const [left, right] = [a.data.dtype, b.data.dtype];
  if (left === right && left !== 'int32') return;
  throw new ArgumentError(
    `${op}: the operands must be floats of one type, got ${left} and ${right}. Convert with to(), or compute in autocast().`,
  );
}
