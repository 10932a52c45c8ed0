/** Runs ONNX files as they are, by the ops here: a file that was written is so compared with its model. */
import { openSource, type SourceLike } from '#files';
import { noGrad } from '../../tensor/autograd.ts';
import { tensor } from '../../tensor/factory.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Surroundings } from './operators/call.ts';
import type { HostValue, Value } from './operators/value.ts';
import { declaredBatch, outputsOf, readProgram, runSteps } from './program.ts';

/** Numbers as a tensor: whole ones as int32. */
export const asTensor = ({ shape, kind, data }: HostValue): Tensor =>
  kind === 'int' ? tensor(Int32Array.from(data), shape) : tensor(Float32Array.from(data), shape);

/**
 * The first output of a graph.
 * @param inputs one for each input of the graph, in its order.
 * @throws WeightFileError if the file cannot be read, or has operators that are not computed here.
 */
export async function runOnnx(source: SourceLike, inputs: readonly Tensor[]): Promise<Tensor> {
  const file = await openSource(source);
  try {
    const program = await readProgram(file);
    return noGrad(() => {
      const values = new Map<string, Value>(program.constants);
      for (const [i, { name }] of program.inputs.entries()) values.set(name, inputs[i]!);
      const batch = { declared: declaredBatch(program), now: inputs[0]?.shape[0] ?? 1 };
      const around: Surroundings = { opset: program.opset, training: false, batch, toTensor: asTensor };
      runSteps(program.steps, values, around);
      return outputsOf(program, values, around)[0]!;
    });
  } finally {
    await file.close();
  }
}
