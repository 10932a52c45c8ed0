/**
 * float16 in kernels, which are written for float32 alone: the declaration of a binding that holds float16 is rewritten, each load of it
 * is widened and each store rounded. WGSL converts nothing by itself, so a place that was missed does not compile.
 *
 * For that, a kernel names a binding only to index it: `x[i]` to load, `y[i] = value;` to store.
 */
import type { DType } from '../core/dtype.ts';
import { RegraftError } from '../core/errors.ts';
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
  return widened(wgsl.replace(declaration!, `${head}${HALF[type]}>`), name!, type);
}

/** `name[i]` becomes `type(name[i])`, and `name[i] = value;` is rounded. */
function widened(wgsl: string, name: string, type: string): string {
  const access = new RegExp(`(?<![\\w.])${name}\\[`, 'g');
  let out = '';
  let at = 0;
  for (let found = access.exec(wgsl); found; found = access.exec(wgsl)) {
    const open = found.index + name.length;
    const close = closing(wgsl, open);
    const element = `${name}[${widened(wgsl.slice(open + 1, close), name, type)}]`;
    const store = /^ = ([^;]*);/.exec(wgsl.slice(close + 1));
    const end = close + 1 + (store?.[0].length ?? 0);
    out += wgsl.slice(at, found.index);
    out += store ? `${element} = ${HALF[type]}(${widened(store[1]!, name, type)});` : `${type}(${element})`;
    at = access.lastIndex = end;
  }
  return out + wgsl.slice(at);
}

/** The place where the bracket at `open` closes. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '[') depth++;
    else if (text[i] === ']' && --depth === 0) return i;
  }
  throw new RegraftError('kernel: a bracket is not closed.');
}
