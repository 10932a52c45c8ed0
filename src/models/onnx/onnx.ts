/** `onnx` of `regraft/models`: any ONNX graph as a model. What reads and runs graphs is loaded when it is needed. */
import type { SourceLike } from '../../device/byte-source.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { OnnxModel, OnnxModelOptions } from './model.ts';

export type { OnnxPort } from '../../io/onnx/program.ts';
export type { OnnxGraph, OnnxModel, OnnxModelOptions } from './model.ts';

/**
 * Rebuilds a network from the graph of an ONNX file, of opset 7 or newer, with its weights as parameters under their names in the file: it runs,
 * trains, freezes by name and is exported again. float16 and quantised integers are read as float32. Nothing of the file is run but its
 * operators.
 * @param source A path, URL, File or bytes; weights that lie in files beside it need a path or URL.
 * @param options Where notes go.
 * @throws WeightFileError if the file cannot be read, or has operators that are not computed here: all of them, with their nodes.
 * @example
 * const model = (await onnx.loadModel('net.onnx')).eval();
 * graftHead(model, model.graph.head, 5); // its last layer, for five classes
 */
export async function loadModel<Inputs extends unknown[] = Tensor[], Outputs = Tensor>(
  source: SourceLike,
  options: OnnxModelOptions = {},
): Promise<OnnxModel<Inputs, Outputs>> {
  return (await import('./load.ts')).loadModel(source, options);
}
