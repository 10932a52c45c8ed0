/** What a visitor takes away: the files of a model folder, as `regraft predict` opens it. */
import { type Zippable, zipSync } from 'fflate';
import { safetensorsChunks } from '../../src/io/safetensors.ts';
import { renderReport } from '../../src/train/report.ts';
import type { ExportKind } from '../messages.ts';
import { networkEntry } from './networks.ts';
import type { Trained } from './predict.ts';
import { VERSION } from './result.ts';

export async function exported(trained: Trained, kind: ExportKind): Promise<File> {
  if (kind === 'weights') return file('model.safetensors', 'application/octet-stream', await weights(trained));
  if (kind === 'description') return file('model.json', 'application/json', [description(trained)]);
  if (kind === 'report') return file('report.html', 'text/html', [renderReport(trained.result)]);
  const text = (content: string) => new TextEncoder().encode(content);
  const files: Zippable = {
    // Weights do not compress; the rest is small.
    'model.safetensors': new Uint8Array(await new Blob((await weights(trained)) as BlobPart[]).arrayBuffer()),
    'model.json': text(description(trained)),
    'metrics.json': text(metrics(trained)),
    'report.html': text(renderReport(trained.result)),
  };
  return file('model.zip', 'application/zip', [zipSync(files, { level: 0 })]);
}

async function weights({ model, name, classes }: Trained): Promise<Uint8Array[]> {
  const metadata = { format: 'pt', regraft: VERSION, model: name, classes: JSON.stringify(classes) };
  return [...safetensorsChunks(await model.stateDict(), { metadata })];
}

/** `model.json`. */
function description({ name, classes, transforms }: Trained): string {
  const content = {
    regraft: VERSION,
    model: name,
    head: networkEntry(name).head,
    classes,
    transforms: transforms.toJSON(),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** `metrics.json`, without the pictures: they are the report's. */
function metrics({ result }: Trained): string {
  const worstMistakes = result.worstMistakes.map((mistake) => ({ ...mistake, thumbnail: null }));
  return `${JSON.stringify({ ...result, worstMistakes }, null, 2)}\n`;
}

function file(name: string, type: string, parts: readonly (Uint8Array | string)[]): File {
  return new File(parts as BlobPart[], name, { type });
}
