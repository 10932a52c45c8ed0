/** Names of classes that tools write beside a model: Teachable Machine's `metadata.json` and `labels.txt`. */
import type { ByteSource } from '../../device/byte-source.ts';
import type { WeightFile } from '../base/format.ts';

interface Labels {
  readonly labels: readonly string[];
  /** Teachable Machine's images are -1..1. */
  readonly isTeachableMachine: boolean;
}

const LIMIT = 1 << 20;
/** Teachable Machine numbers its lines: `0 cat`. */
const NUMBERED = /^\d+ /;

/** A Keras model with the names that lie beside `source` in its metadata: `labels`, JSON, and `input_range` where they tell it. */
export async function withLabels(file: WeightFile, source: ByteSource): Promise<WeightFile> {
  // Nothing is fetched that nobody asked for.
  if (file.metadata.model_config === undefined || /^https?:/i.test(source.name)) return file;
  const found =
    fromMetadata(await textBeside(source, 'metadata.json')) ?? fromLines(await textBeside(source, 'labels.txt'));
  if (!found) return file;
  const { labels, isTeachableMachine } = found;
  const range = isTeachableMachine ? { input_range: '-1..1' } : {};
  return { ...file, metadata: { ...file.metadata, labels: JSON.stringify(labels), ...range } };
}

function fromMetadata(text: string | undefined): Labels | undefined {
  if (text === undefined) return undefined;
  try {
    const { labels, packageName } = JSON.parse(text) as { labels?: unknown; packageName?: unknown };
    if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string')) return undefined;
    return { labels, isTeachableMachine: String(packageName).startsWith('@teachablemachine/') };
  } catch {
    return undefined;
  }
}

function fromLines(text: string | undefined): Labels | undefined {
  if (text === undefined) return undefined;
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const numbered = lines.every((line, i) => line.startsWith(`${i} `));
  return {
    labels: lines.map((line) => (numbered ? line.replace(NUMBERED, '') : line).trim()),
    isTeachableMachine: numbered,
  };
}

async function textBeside(source: ByteSource, name: string): Promise<string | undefined> {
  const file = await source.beside?.(name).catch(() => undefined);
  if (!file) return undefined;
  try {
    return file.size <= LIMIT ? new TextDecoder().decode(await file.read(0, file.size)) : undefined;
  } finally {
    await file.close();
  }
}
