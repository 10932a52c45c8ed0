/** What JSON.parse lets pass and a header must not have: one key twice in an object, and needless depth. */

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
          const start = p++;
          while (text.charCodeAt(p) !== 0x22) p += text.charCodeAt(p) === 0x5c /* \ */ ? 2 : 1;
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
