/** Planning: a group as steps for one adapter. */
import type { DType } from '../core/dtype.ts';
import { texelBytes } from '../device/texture-pool.ts';
import { withElementTypes } from '../kernels/element-types.ts';
import { withImmediates } from '../kernels/immediates.ts';
import { type KernelTarget, type Operand, type Step, TEXEL_COLUMNS } from '../kernels/kernel.ts';
import { PART_ALIGNMENT, partsOf, type Sizes, withParts } from '../kernels/parts.ts';
import { bindingBytes } from './buffers.ts';
import type { Group } from './group.ts';
import { graphOptions } from './options.ts';
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
  o.range?.size ?? bindingBytes(dataOf(group, o)?.bytes ?? temps[o.index]!);

/** Bytes of the largest binding that an operand of so many bytes may have. */
const limitFor = (bytes: number, { maxBindingBytes = Number.POSITIVE_INFINITY }: KernelTarget): number =>
  Math.min(maxBindingBytes, graphOptions.whole ? bytes : Math.ceil(bytes / 2 / PART_ALIGNMENT) * PART_ALIGNMENT);

/** The number of bindings that a buffer takes in a kernel. */
export const bindingsOf = (bytes: number, target: KernelTarget): number =>
  partsOf(bindingBytes(bytes), limitFor(bindingBytes(bytes), target));

/** The group's program for operands of its types and sizes. Texels hold float32, and what one binding could hold. */
export function lower(group: Group, target: KernelTarget): Lowered {
  const typeOf = (o: Operand): DType => dataOf(group, o)?.dtype ?? 'float32';
  const { steps, temps = [] } = group.lower({ ...target, isFloat16: (o) => typeOf(o) === 'float16' });
  const fits = ({ reads, texels = [] }: Step): boolean =>
    texels.every((format, k) => {
      if (!format) return true;
      const bytes = bytesOf({ group, temps }, reads[k]!);
      const most = Math.min(texelBytes(format) * TEXEL_COLUMNS ** 2, limitFor(bytes, target));
      return typeOf(reads[k]!) === 'float32' && bytes <= most;
    });
  if (!steps.every(fits)) return lower(group, { ...target, texels: false });
  const sizes: Sizes = {
    bytesOf: (o) => bytesOf({ group, temps }, o),
    limitOf: (o) => limitFor(bytesOf({ group, temps }, o), target),
  };
  const whole = steps.flatMap((step) => withParts(withElementTypes(step, typeOf), sizes));
  return { group, steps: whole.map((step) => withImmediates(step, target.immediateBytes ?? 0)), temps };
}
