/** Formats of PyTorch that few files have: their readers are loaded when such a file is there. */
import type { ModelFormat } from '../base/format.ts';
import { isZip, readZipDirectory } from '../zip/zip.ts';

const EXPORT = /^(?:[^/]+\/)?data\/weights\/[^/]+_weights_config\.json$/;

/** `.metadata` of a folder. */
export const torchDistributed: ModelFormat = {
  name: 'torch (distributed)',
  extensions: [],
  holds: 'tensors',
  matches: (head) =>
    head[0] === 0x80 && new TextDecoder('latin1').decode(head).includes('torch.distributed.checkpoint'),
  async read(source, options) {
    return (await import('./distributed.ts')).readDistributed(source, options, torchDistributed.name);
  },
  async filesBeside(source) {
    return (await import('./distributed.ts')).filesOfRanks(source);
  },
};

/** What `torch.export.save` writes. */
export const torchExport: ModelFormat = {
  name: 'torch.export',
  extensions: ['.pt2'],
  holds: 'tensors',
  async matches(head, source) {
    return isZip(head) && [...(await readZipDirectory(source)).keys()].some((name) => EXPORT.test(name));
  },
  async read(source, options) {
    return (await import('./export.ts')).readExport(source, options, torchExport.name);
  },
};

/** An index of Hugging Face's: which shard each tensor lies in. */
export const shardIndex: ModelFormat = {
  name: 'Hugging Face index',
  extensions: [],
  holds: 'tensors',
  async matches(head, source) {
    if (!/^\s*\{/.test(new TextDecoder('latin1').decode(head))) return false;
    const start = await source.read(0, Math.min(source.size, 1 << 16));
    return new TextDecoder('latin1').decode(start).includes('"weight_map"');
  },
  async read(source, options) {
    return (await import('../shard-index.ts')).readShards(source, options, shardIndex.name);
  },
  async filesBeside(source) {
    return (await import('../shard-index.ts')).shardsOf(source);
  },
};
