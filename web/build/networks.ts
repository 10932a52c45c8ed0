/** Gives the page the list of its networks as data, so that it carries none before one is chosen. */
import { fileURLToPath } from 'node:url';
import { createServer, type Plugin } from 'vite';
import type * as registry from '../../src/models/registry.ts';

const ID = 'virtual:networks';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function networks(): Plugin {
  return {
    name: 'regraft-networks',
    resolveId: (source) => (source === ID ? `\0${ID}` : undefined),
    async load(id) {
      if (id !== `\0${ID}`) return undefined;
      const server = await createServer({
        configFile: false,
        logLevel: 'error',
        root: ROOT,
        server: { middlewareMode: true, ws: false, watch: null },
        optimizeDeps: { noDiscovery: true },
        ssr: { resolve: { conditions: ['regraft-source', 'node'] } },
      });
      try {
        const { networkEntries } = (await server.ssrLoadModule('/src/models/registry.ts')) as typeof registry;
        const listed = (await networkEntries()).map(({ name, title, parameters, inputSize }) => {
          return { name, title, parameters, inputSize };
        });
        return `export default ${JSON.stringify(listed)};`;
      } finally {
        await server.close();
      }
    },
  };
}
