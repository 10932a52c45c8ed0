/** What a visitor takes away: the files of a model folder, as `regraft predict` opens it, and other formats. */
import { type Zippable, zipSync } from 'fflate';
import { onnxBytes } from '../../src/io/onnx/export.ts';
import { safetensorsChunks } from '../../src/io/safetensors.ts';
import { torchChunks } from '../../src/io/torch/write.ts';
import { metricsJSON } from '../../src/runs/metrics-json.ts';
import { type ModelDescription, metadataOf } from '../../src/runs/model-description.ts';
import { renderReport } from '../../src/runs/report.ts';
import { DEFAULT_TASK } from '../../src/tasks/kinds.ts';
import type { ExportKind } from '../messages.ts';
import type { Trained } from './predict.ts';
import { VERSION } from './result.ts';

export async function exported(trained: Trained, kind: ExportKind): Promise<File> {
  const { plan, outcome } = trained;
  const report = () => renderReport(outcome.result);
  switch (kind) {
    case 'safetensors':
      return file('model.safetensors', 'application/octet-stream', await weights(trained));
    case 'pth':
      return file('model.pth', 'application/octet-stream', torchChunks(await trained.model.stateDict()));
    case 'onnx': {
      const side = plan.preset.crop;
      const metadata = { classes: JSON.stringify(plan.train.classes), transforms: JSON.stringify(plan.transforms) };
      const bytes = await onnxBytes(trained.model, { inputShape: [1, 3, side, side], metadata });
      return file('model.onnx', 'application/octet-stream', [bytes]);
    }
    case 'description':
      return file('model.json', 'application/json', [describing(trained)]);
    case 'report':
      return file('report.html', 'text/html', [report()]);
    case 'folder':
      return zipped('model.zip', trained, { 'metrics.json': metricsJSON(outcome.result), 'report.html': report() });
    case 'page':
      return file(
        'model-page.html',
        'text/html',
        (await import('./host-page.ts')).hostPage(describing(trained), await weights(trained)),
      );
  }
}

/** A zip of the model's weights, its description and further texts. Weights do not compress: nothing is. */
async function zipped(name: string, trained: Trained, texts: Readonly<Record<string, string>>): Promise<File> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const files: Zippable = {
    'model.safetensors': new Uint8Array(await new Blob([...(await weights(trained))] as BlobPart[]).arrayBuffer()),
    'model.json': bytes(describing(trained)),
    ...Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, bytes(text)])),
  };
  return file(name, 'application/zip', [zipSync(files, { level: 0 })]);
}

async function weights(trained: Trained): Promise<Iterable<Uint8Array>> {
  return safetensorsChunks(await trained.model.stateDict(), { metadata: metadataOf(description(trained)) });
}

function description({ plan }: Trained): ModelDescription {
  return {
    regraft: VERSION,
    task: DEFAULT_TASK,
    model: plan.request.model,
    head: plan.entry.head,
    classes: plan.train.classes,
    transforms: plan.transforms.toJSON(),
  };
}

/** `model.json`. */
const describing = (trained: Trained): string => `${JSON.stringify(description(trained), null, 2)}\n`;

function file(name: string, type: string, parts: Iterable<Uint8Array | string>): File {
  return new File([...parts] as BlobPart[], name, { type });
}
