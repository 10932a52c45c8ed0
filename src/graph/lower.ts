/** Planning: a group as steps for one adapter. */
import type { DType } from '../core/dtype.ts';
import { texelBytes } from '../device/texture-pool.ts';
import { withElementTypes } from '../kernels/element-types.ts';
import { withImmediates } from '../kernels/immediates.ts';
import { type KernelTarget, type Operand, type Step, TEXEL_COLUMNS } from '../kernels/kernel.ts';
import { bindingBytes } from './buffers.ts';
import type { Group } from './group.ts';
import type { Data } from './value.ts';

/** A group with its program, ready to be given buffers. */
export interface Lowered {
  readonly group: Group;
  readonly steps: readonly Step[];
  readonly temps: readonly number[];
}

export const dataOf = (group: Group, { kind, index }: Operand): Data | undefined =>
  kind === 'temp' ? undefined : (kind === 'input' ? group.reads : group.writes)[index]!;

/** Bytes that an operand is bound with. */
export const bytesOf = ({ group, temps }: Pick<Lowered, 'group' | 'temps'>, o: Operand): number =>
  bindingBytes(dataOf(group, o)?.bytes ?? temps[o.index]!);

/** The group's program for operands of its types. Texels hold float32, and so many of them. */
export function lower(group: Group, target: KernelTarget): Lowered {
  const typeOf = (o: Operand): DType => dataOf(group, o)?.dtype ?? 'float32';
  const { steps, temps = [] } = group.lower({ ...target, isFloat16: (o) => typeOf(o) === 'float16' });
  const fits = ({ reads, texels = [] }: Step): boolean =>
    texels.every((format, k) => {
      if (!format) return true;
      const most = texelBytes(format) * TEXEL_COLUMNS ** 2;
      return typeOf(reads[k]!) === 'float32' && bytesOf({ group, temps }, reads[k]!) <= most;
    });
  if (!steps.every(fits)) return lower(group, { ...target, texels: false });
  return {
    group,
    steps: steps.map((step) => withImmediates(withElementTypes(step, typeOf), target.immediateBytes ?? 0)),
    temps,
  };
}
