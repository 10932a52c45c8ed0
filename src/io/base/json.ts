/** Faults of a JSON header that JSON.parse lets pass: one key twice in an object, needless depth, too much memory. */
import { WeightFileError } from '../../core/errors.ts';
import { printable } from './bytes.ts';
import { COST, MemoryBudget } from './memory.ts';

/** An object whose keys are all that is known of it. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A JSON object.
 * @param file Its name, and the size by which its memory is bounded.
 * @param depth How far it may nest.
 * @throws WeightFileError if it is none, is too large, or has one key twice.
 */
export function jsonObject(
  file: { readonly name: string; readonly size: number },
  text: string,
  depth: number,
): Record<string, unknown> {
  const fail = (detail: string): never => {
    throw new WeightFileError(file.name, detail);
  };
  MemoryBudget.ofObjects(file).take(jsonCost(text), 'its JSON');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('is no valid JSON. It is truncated or damaged: get it again.');
  }
  const fault = headerFault(text, depth);
  if (fault && 'duplicate' in fault) return fail(`has the key '${printable(fault.duplicate)}' twice in one object.`);
  if (fault) return fail(`nests deeper than ${depth} levels.`);
  return isRecord(value) ? value : fail('expected a JSON object.');
}

/** Bytes that a JSON text takes once it is parsed: an estimate from above, without parsing it. */
export function jsonCost(text: string): number {
  let cost = COST.value;
  for (let p = 0; p < text.length; p++) {
    switch (text.charCodeAt(p)) {
      case 0x7b /* { */:
      case 0x5b /* [ */:
        cost += COST.container;
        break;
      case 0x2c /* , */:
        cost += COST.slot;
        break;
      case 0x3a /* : */:
        cost += COST.entry;
        break;
      case 0x22 /* " */:
        {
          const end = endOfText(text, p);
          cost += COST.value + COST.character * (end - p);
          p = end;
        }
    }
  }
  return cost;
}

/**
 * The first fault of `text`: a key that an object has twice, or containers nested deeper than `depth`. Undefined if none.
 * @param text Valid JSON: JSON.parse has taken it.
 */
export function headerFault(text: string, depth: number): { duplicate: string } | { tooDeep: true } | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let p = 0; p < text.length; p++) {
    switch (text.charCodeAt(p)) {
      case 0x7b /* { */:
        open.push(new Set());
        break;
      case 0x5b /* [ */:
        open.push(undefined);
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        open.pop();
        break;
      case 0x22 /* " */:
        {
          const start = p;
          p = endOfText(text, p);
          let after = p + 1;
          while (text.charCodeAt(after) <= 0x20) after++;
          if (text[after] !== ':') break;
          const key = JSON.parse(text.slice(start, p + 1)) as string;
          const keys = open.at(-1);
          if (keys?.has(key)) return { duplicate: key };
          keys?.add(key);
          break;
        }
    }
    if (open.length > depth) return { tooDeep: true };
  }
  return undefined;
}

/** Position of the closing quote of the text that begins at `p`; the end of all where it has none. */
function endOfText(text: string, p: number): number {
  for (p++; p < text.length && text.charCodeAt(p) !== 0x22; p++) if (text.charCodeAt(p) === 0x5c /* \ */) p++;
  return p;
}
