/** Whole Keras models out of files: topology, then weights. */

import { WeightFileError } from '../../core/errors.ts';
import type { SourceLike } from '../../device/byte-source.ts';
import { KerasModel, type KerasModelOptions } from './model.ts';

/**
 * Rebuilds a Sequential or functional model, with its weights, from a TF.js `model.json`, a whole-model `.h5` or a `.keras`
 * file. Nothing of the file is run.
 * @param source A path, URL, File or bytes; a `model.json` needs a path or URL, since its weights lie beside it.
 * @param options What a file may not tell.
 * @throws WeightFileError if the file cannot be read or holds no topology; ArgumentError for layers that are not supported,
 * Lambda layers and custom objects among them; StateDictError if topology and weights do not fit each other.
 * @example
 * const model = (await keras.loadModel('mobilenet.keras')).eval();
 */
export async function loadModel(source: SourceLike, options: KerasModelOptions = {}): Promise<KerasModel> {
  const { readWeightFile } = await import('../../io/index.ts');
  const file = await readWeightFile(source);
  const { model_config: text } = file.metadata;
  const name = typeof source === 'string' ? source : source instanceof URL ? source.href : 'bytes';
  if (file.metadata.format === 'graph-model')
    throw new WeightFileError(name, 'is a TF.js graph model, which has no layers. Open it by tfjs.loadGraphModel.');
  if (text === undefined)
    throw new WeightFileError(
      name,
      `holds weights (${file.format}) but no topology. Build the model first (keras.ResNet50, or new keras.KerasModel), then loadStateDict.`,
    );
  const model = new KerasModel(JSON.parse(text), options);
  model.loadStateDict(file.state, { copy: false });
  return model;
}
