/** Empties a module that a bundle never wants and would carry, for an import on demand that nothing there reaches. */
import type { Plugin } from 'vite';

/**
 * @param module how its name ends, as it is imported
 * @param entry of the bundles that go without it; default: all
 */
export function leaveOut(module: string, entry = /^/): Plugin {
  let applies = false;
  return {
    name: 'regraft-leave-out',
    enforce: 'pre',
    buildStart({ input }) {
      applies = Object.values(input).some((path) => entry.test(path));
    },
    resolveId: (source) => (applies && source.endsWith(module) ? '\0left-out' : undefined),
    load: (id) => (id === '\0left-out' ? 'export {};' : undefined),
  };
}
