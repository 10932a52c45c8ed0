/**
 * The accesses to a kernel's bindings, found in its text: a kernel names a binding only to index it, `x[i]` to load and
 * `y[i] = value;` to store. So another element type (element-types.ts) or a binding in parts (parts.ts) is a change of text.
 */
import { RegraftError } from '../core/errors.ts';

/** WGSL in place of an access, from the text of its index and of the value that is stored. */
export interface Access {
  load(index: string): string;
  /** A whole statement. */
  store(index: string, value: string): string;
}

/** The module with every load and store of the binding `name` replaced. */
export function withAccesses(wgsl: string, name: string, { load, store }: Access): string {
  const inside = (text: string): string => withAccesses(text, name, { load, store });
  const access = new RegExp(`(?<![\\w.])${name}\\[`, 'g');
  let out = '';
  let at = 0;
  for (let found = access.exec(wgsl); found; found = access.exec(wgsl)) {
    const open = found.index + name.length;
    const close = closing(wgsl, open);
    const index = inside(wgsl.slice(open + 1, close));
    const stored = /^ = ([^;]*);/.exec(wgsl.slice(close + 1));
    out += wgsl.slice(at, found.index) + (stored ? store(index, inside(stored[1]!)) : load(index));
    at = access.lastIndex = close + 1 + (stored?.[0].length ?? 0);
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
