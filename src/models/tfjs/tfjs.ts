/** `tfjs` of `regraft/models`: TF.js graph models as models. What reads and runs graphs is loaded when it is needed. */
import type { SourceLike } from '../../device/byte-source.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { OnnxModel, OnnxModelOptions } from '../onnx/model.ts';

/**
 * Rebuilds a network from a TF.js graph model, a frozen TensorFlow graph, with its weights as parameters under their names in the file: it runs,
 * trains, freezes by name and is exported to ONNX. Its operators are read as ONNX's, and `graph` tells of it as of an ONNX graph. Inputs and outputs
 * of four axes are [N, C, H, W] here, whatever the file has. Quantised weights are read as float32.
 * @param source A path or URL of `model.json`, whose shards lie beside it.
 * @param options Where notes go.
 * @throws WeightFileError if the file cannot be read, is a model of layers, or has operators that are not computed here: all of them, with their nodes.
 * @example
 * const model = (await tfjs.loadGraphModel('mobilenet/model.json')).eval();
 * graftHead(model, model.graph.head, 5); // its last layer, for five classes
 */
export async function loadGraphModel<Inputs extends unknown[] = Tensor[], Outputs = Tensor>(
  source: SourceLike,
  options: OnnxModelOptions = {},
): Promise<OnnxModel<Inputs, Outputs>> {
  return (await import('./load.ts')).loadGraphModel(source, options);
}
