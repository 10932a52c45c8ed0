/** How a module prints: PyTorch's `print(model)`, character for character. */
import type { ModuleTree } from './tree.ts';

/** A number as Python's `repr(float)` writes it: `0.1`, `1.0`, `1e-05`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** `True` or `False`. */
export function pythonBool(value: boolean): string {
  return value ? 'True' : 'False';
}

/** `3`, `(3, 3)` or, where a size is left open, `(None, 3)`: written as it was given. */
export function pythonSize(size: number | readonly (number | null)[]): string {
  return typeof size === 'number' ? String(size) : `(${size.map((s) => s ?? 'None').join(', ')})`;
}

/** Modules being printed: one that holds its parent would never end otherwise. */
const open = new Set<ModuleTree>();

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

/** The module, its options and its children, one line each. */
export function printModule(module: ModuleTree): string {
  if (open.has(module)) return `${module.typeName}(...)`;
  open.add(module);
  try {
    const children = module.namedChildren().map(([name, child]) => `(${name}): ${indented(child.toString())}`);
    return printBlock(module.typeName, module.extraRepr(), children);
  } finally {
    open.delete(module);
  }
}

/** As {@link printModule}, with runs of equal children on one line: `(0-3): 4 x Linear(…)`, PyTorch's form for lists. */
export function printList(module: ModuleTree): string {
  const texts = module.namedChildren().map(([, child]) => indented(child.toString()));
  const lines: string[] = [];
  for (let start = 0; start < texts.length; ) {
    let end = start;
    while (texts[end + 1] === texts[start]) end++;
    lines.push(
      start === end ? `(${start}): ${texts[start]}` : `(${start}-${end}): ${end - start + 1} x ${texts[start]}`,
    );
    start = end + 1;
  }
  return printBlock(module.typeName, '', lines);
}

function printBlock(type: string, options: string, children: readonly string[]): string {
  if (children.length === 0) return `${type}(${options})`;
  const lines = options === '' ? children : [options, ...children];
  return `${type}(\n${lines.map((line) => `  ${line}\n`).join('')})`;
}
