/** ONNX files as models. */
import { openSource, type SourceLike } from '#files';
import { checkOptions } from '../../core/options.ts';
import { readProgram } from '../../io/onnx/program.ts';
import { OnnxModel, type OnnxModelOptions } from './model.ts';
import { prepared } from './prepared.ts';

/** See onnx.ts, which is what programs call. */
export async function loadModel<Inputs extends unknown[], Outputs>(
  source: SourceLike,
  options: OnnxModelOptions,
): Promise<OnnxModel<Inputs, Outputs>> {
  checkOptions('onnx.loadModel', options, { onNote: true });
  const file = await openSource(source);
  try {
    const model = new OnnxModel<Inputs, Outputs>(prepared(await readProgram(file)));
    for (const note of model.graph.notes) options.onNote?.(note);
    return model;
  } finally {
    await file.close();
  }
}
