/**
 * float16 in kernels, which are written for float32 alone: the declaration of a binding that holds float16 is rewritten, each load of it
 * is widened and each store rounded. WGSL converts nothing by itself, so a place that was missed does not compile.
 */
import type { DType } from '../core/dtype.ts';
import { RegraftError } from '../core/errors.ts';
import { withAccesses } from './accesses.ts';
import type { Operand, Step } from './kernel.ts';

/** WGSL type of a float16 binding, by the float32 type that it replaces. */
const HALF: Readonly<Record<string, string>> = { f32: 'f16', vec4f: 'vec4h' };

/** The step for operands of the given types. */
export function withElementTypes(step: Step, typeOf: (operand: Operand) => DType): Step {
  const { reads, writes, fusion } = step;
  const groups = [[...reads, ...writes], fusion ? [...fusion.reads, ...fusion.writes] : []];
  const halves = groups.flatMap((operands, group) =>
    operands.flatMap((operand, binding) => (typeOf(operand) === 'float16' ? [{ group, binding }] : [])),
  );
  if (!halves.length) return step;
  const wgsl = halves.reduce((text, { group, binding }) => withHalf(text, group, binding, step.name), step.wgsl);
  return { ...step, wgsl: `enable f16;\n${wgsl}` };
}

/** The module with a binding in float16; one that is declared so already is left alone. */
function withHalf(wgsl: string, group: number, binding: number, kernel: string): string {
  const pattern = `(@group\\(${group}\\) @binding\\(${binding}\\) var<storage, [a-z_]+> (\\w+): array<)(\\w+)>`;
  const [declaration, head, name, type = ''] = new RegExp(pattern).exec(wgsl) ?? [];
  const stored = type === 'Word' ? /alias Word = (\w+);/.exec(wgsl)![1]! : type;
  if (Object.values(HALF).includes(stored)) return wgsl;
  if (!HALF[type]) throw new RegraftError(`${kernel}: takes no float16. Convert its operands with to('float32').`);
  const declared = wgsl.replace(declaration!, `${head}${HALF[type]}>`);
  return withAccesses(declared, name!, {
    load: (i) => `${type}(${name}[${i}])`,
    store: (i, value) => `${name}[${i}] = ${HALF[type]}(${value});`,
  });
}
