/** TF.js graph models as models. */
import { openSource, type SourceLike } from '#files';
import { checkOptions } from '../../core/options.ts';
import { readGraphProgram } from '../../io/tfjs/program.ts';
import { OnnxModel, type OnnxModelOptions } from '../onnx/model.ts';
import { prepared } from '../onnx/prepared.ts';

/** See tfjs.ts, which is what programs call. */
export async function loadGraphModel<Inputs extends unknown[], Outputs>(
  source: SourceLike,
  options: OnnxModelOptions,
): Promise<OnnxModel<Inputs, Outputs>> {
  checkOptions('tfjs.loadGraphModel', options, { onNote: true });
  const file = await openSource(source);
  try {
    const model = new OnnxModel<Inputs, Outputs>(prepared(await readGraphProgram(file)));
    for (const note of model.graph.notes) options.onNote?.(note);
    return model;
  } finally {
    await file.close();
  }
}
