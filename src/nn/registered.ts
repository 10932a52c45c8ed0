/** Modules and parameters that are in a field, but in a list there: training, saving and freezing would pass them by. */
import { ArgumentError } from '../core/errors.ts';
import type { ModuleTree } from './tree.ts';

/**
 * @param isLost tells what is a module or a parameter and in no field of its own, from whatever else a field may hold
 * @throws ArgumentError for an array or a plain object with such a one.
 */
export function requireRegistered(
  module: ModuleTree,
  isLost: (part: unknown) => 'module' | 'parameter' | undefined,
): void {
  for (const [field, value] of Object.entries(module)) {
    const kind = partsOf(value).map(isLost).find(Boolean);
    if (!kind) continue;
    const list = Array.isArray(value) ? 'array' : 'object';
    const fix = kind === 'module' ? `Write ${field} = new ModuleList([…]).` : 'Give each a field.';
    throw new ArgumentError(
      `${module.typeName}: expected every ${kind} in a field of its own, got one in the ${list} '${field}', where it would not be trained. ${fix}`,
    );
  }
}

/** What an array, a map, a set or a plain object holds, and what those in it hold. */
function partsOf(value: unknown, seen: Set<unknown> = new Set()): unknown[] {
  if (value === null || typeof value !== 'object' || seen.has(value)) return [];
  seen.add(value);
  return heldBy(value).flatMap((part) => [part, ...partsOf(part, seen)]);
}

function heldBy(value: object): unknown[] {
  // Numbers, however many, hold nothing.
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'object');
  if (value instanceof Map || value instanceof Set) return [...value.values()];
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value) : [];
}
