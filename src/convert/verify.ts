/** Whether a file that was written computes what the model did that it was written from. */
import { DeviceError, RegraftError, ShapeError } from '../core/errors.ts';
import { Generator } from '../core/random.ts';
import { sizeOf } from '../core/shape.ts';
import { init } from '../graph/init.ts';
import type { ModelFormat, WeightFile } from '../io/base/format.ts';
import { readWeightFile, targetOf } from '../io/index.ts';
import * as keras from '../models/keras/keras.ts';
import type { Module } from '../nn/index.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tensor } from '../tensor/factory.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ModelInput, Opened } from './open.ts';
import { magnitude, type Verification } from './report.ts';

/** The model's output for one seeded input; a sentence where it cannot be run. */
export async function outputBefore({ model, inputs }: Opened): Promise<Float32Array | string> {
  try {
    await init();
    return await run(model, inputs);
  } catch (error) {
    const isTooSmall = error instanceof ShapeError && inputs.some(({ open }) => open !== undefined);
    if (!(error instanceof DeviceError) && !isTooSmall) throw error;
    return `Not run before and after: ${error.message}`;
  }
}

/** The output of what was written: of a graph itself, of a Keras file by its own topology, else of the model again. */
export async function outputAfter({ model, inputs }: Opened, path: string, format: ModelFormat): Promise<Float32Array> {
  if (format.run) return (await format.run(path, probes(inputs))).data();
  return run(reloaded(model, await readWeightFile(path, targetOf(model))), inputs);
}

function reloaded(model: Module, { state, metadata }: WeightFile): Module {
  const isWhole = model instanceof keras.KerasModel && metadata.model_config !== undefined;
  const again = isWhole ? new keras.KerasModel(JSON.parse(metadata.model_config!)) : model;
  again.loadStateDict(state);
  return again.eval();
}

function run(model: Module, inputs: readonly ModelInput[]): Promise<Float32Array> {
  return noGrad(() => model.forward(...probes(inputs))).data();
}

function probes(inputs: readonly ModelInput[]): Tensor[] {
  const generator = new Generator(0);
  return inputs.map(({ probeShape }) => {
    const x = Float32Array.from({ length: sizeOf(probeShape) }, () => generator.normal());
    return tensor(x, probeShape);
  });
}

/**
 * Compares two outputs.
 * @param tolerance of the largest output.
 * @param path what is not to be written if they differ.
 * @throws RegraftError if they do.
 */
export function compare(
  before: Float32Array,
  after: Float32Array,
  inputs: readonly ModelInput[],
  tolerance: number,
  path: string,
): Verification {
  // Weights that are no numbers give outputs that are none, before as after.
  const difference = (a: number, b: number) => (Object.is(a, b) ? 0 : Math.abs(a - b));
  const largestOutput = before.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  const largestDifference = before.reduce((most, v, i) => Math.max(most, difference(v, after[i]!)), 0);
  if (largestDifference <= tolerance * largestOutput && before.length === after.length)
    return { inputShapes: inputs.map(({ probeShape }) => probeShape), largestDifference, largestOutput };
  throw new RegraftError(
    `convert: what was written computes something else: largest difference ${magnitude(largestDifference)}, ` +
      `largest output ${magnitude(largestOutput)}. ${path} was left as it was; please report it.`,
  );
}
