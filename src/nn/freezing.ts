/** Which parameters a freezing pattern names. */
import { ArgumentError } from '../core/errors.ts';
import { editDistance } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ModuleTree } from './tree.ts';

/**
 * A glob over dotted names as a regular expression: `*` any run of characters, dots included; `?` one character;
 * `[12]` one of these; `{bn1,bn2}` one of these words.
 */
export function globToRegExp(glob: string): RegExp {
  let inBraces = 0;
  let source = '';
  for (const c of glob) {
    if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (c === '[' || c === ']') source += c;
    else if (c === '{') {
      source += '(?:';
      inBraces++;
    } else if (c === '}' && inBraces > 0) {
      source += ')';
      inBraces--;
    } else if (c === ',' && inBraces > 0) source += '|';
    else source += c.replace(/[.+^$()|\\}]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new ArgumentError(
      `freeze: '${glob}' is not a complete pattern. Close its brackets, as in 'layer[34].*' or '*.{bn1,bn2}.*'.`,
    );
  }
}

/**
 * The parameters whose own name, or the name of a module around them, matches one of `globs`.
 * @throws ArgumentError for a pattern that matches nothing, with the names that come close.
 */
export function matchParameters<P extends Tensor>(op: string, root: ModuleTree<P>, globs: readonly string[]): P[] {
  const named = root.namedParameters();
  const matched = new Set<P>();
  for (const glob of globs) {
    const pattern = globToRegExp(glob);
    const hits = named.filter(([name]) => nameAndAncestors(name).some((n) => pattern.test(n)));
    if (hits.length === 0)
      throw new ArgumentError(
        `${op}: no parameter or module of ${root.typeName} matches '${glob}'. ${closeNames(root, glob)}`,
      );
    for (const [, parameter] of hits) matched.add(parameter);
  }
  return [...matched];
}

/** `a.b.c`, `a.b`, `a`. */
function nameAndAncestors(name: string): string[] {
  const parts = name.split('.');
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('.'));
}

/** `Close names: layer4, layer3, layer2.`, for an error message. */
export function closeNames(root: ModuleTree, wanted: string): string {
  const names = [...root.namedModules().map(([name]) => name), ...root.namedParameters().map(([name]) => name)];
  const bare = wanted.replace(/[*?]/g, '').replace(/^\.+|\.+$/g, '');
  const ranked = [...new Set(names)]
    .filter((name) => name !== '')
    .map((name, order) => ({ name, order, distance: editDistance(bare, name) }))
    .sort((a, b) => a.distance - b.distance || a.order - b.order)
    .slice(0, 3);
  return ranked.length === 0 ? 'It has no named parts.' : `Close names: ${ranked.map((r) => r.name).join(', ')}.`;
}
