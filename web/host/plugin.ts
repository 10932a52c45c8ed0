/** Gives the page its exported sibling: `web/host/main.ts` as one classic script, which a page opened from a folder can load too. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin, type Rolldown } from 'vite';
import { leaveOut } from '../build/leave-out.ts';
import { collectLicenses } from '../build/licenses.ts';

const ID = 'virtual:host-script';
const ENTRY = fileURLToPath(new URL('main.ts', import.meta.url));

/** @param define constants, as in the page's own build */
export function hostScript(define: Record<string, string>): Plugin {
  return {
    name: 'regraft-host-script',
    resolveId: (source) => (source === ID ? `\0${ID}` : undefined),
    async load(id) {
      if (id !== `\0${ID}`) return undefined;
      const built = await build({
        configFile: false,
        logLevel: 'error',
        define,
        // Models can be built from files of any format, which would be inlined here.
        plugins: [leaveOut('/io/index.ts'), collectLicenses()],
        resolve: { conditions: ['regraft-source', 'browser', 'module'] },
        build: {
          write: false,
          target: 'es2022',
          lib: { entry: ENTRY, formats: ['iife'], name: 'regraft' },
          rolldownOptions: { shimMissingExports: true },
        },
      });
      const [{ output }] = built as [Rolldown.RolldownOutput];
      return `export default ${JSON.stringify(output[0].code)};`;
    },
  };
}
