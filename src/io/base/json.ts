/** Faults of a JSON header that JSON.parse lets pass: one key twice in an object, needless depth, too much memory. */
import { COST } from './memory.ts';

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
