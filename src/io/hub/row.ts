/** Folders as the Hugging Face hub has them, opened by their `config.json`: the reader is loaded when there is one. */
import type { ModelFormat } from '../base/format.ts';

export const hubFolder: ModelFormat = {
  name: 'Hugging Face folder',
  extensions: [],
  holds: 'tensors',
  matches: (head, { name }) =>
    /(^|[\\/])config\.json$/.test(name) && /^\s*\{/.test(new TextDecoder('latin1').decode(head)),
  async read(source, options) {
    return (await import('./folder.ts')).readHubFolder(source, options, hubFolder.name);
  },
  async filesBeside(source) {
    return (await import('./folder.ts')).filesOfHubFolder(source);
  },
};
