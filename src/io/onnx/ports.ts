/** Options of an export; inputs and outputs of its graph: names, types, shapes with an open batch size. */
import { ArgumentError } from '../../core/errors.ts';
import type { OptionNames } from '../../core/options.ts';
import type { Shape } from '../../core/shape.ts';
import type { InputSpec, InputSpecs } from '../../nn/index.ts';
import { describedInputs, type Inputs } from '../../nn/inputs.ts';
import type { ModelTrace } from './trace.ts';
import type { GraphPort } from './write.ts';

/** Type of an input in an ONNX file. Models take int64 as int32. */
export type OnnxInputType = 'float32' | 'int32' | 'int64';

/** An input of an exported model. */
export interface OnnxInput extends InputSpec<OnnxInputType> {
  /** Name in the file: by default the key in a record, 'input' or 'input_1', 'input_2', … in a list. */
  readonly name?: string;
}

/** Options of {@link exportOnnx} and {@link onnxBytes}: `inputShape` or `inputs` is needed. */
export interface ExportOnnxOptions {
  /** Shape of a float32 input, batch included: `[1, 3, 224, 224]`. The batch size is left open in the file, whatever it is here. */
  inputShape?: Shape;
  /** Name of the input that has `inputShape`; 'input' by default. */
  inputName?: string;
  /**
   * In place of `inputShape`, inputs that are several or of another type: a record where `forward` takes one
   * (`{ ids: { shape: [1, 16], dtype: 'int64' }, … }`), a list where it takes tensors one after another.
   */
  inputs?: InputSpecs<OnnxInput>;
  /** Whether batch norms behind convolutions become part of them; false by default, so that the file can be trained on. */
  foldBatchNorm?: boolean;
  /** Name of an output that is one tensor; 'output' by default. The tensors of a record have the names of their keys. */
  outputName?: string;
  /** Text to store in the file. */
  metadata?: Readonly<Record<string, string>>;
}

/** Names of the options. */
export const EXPORT_OPTIONS: OptionNames<ExportOnnxOptions> = {
  inputShape: true,
  inputName: true,
  inputs: true,
  foldBatchNorm: true,
  outputName: true,
  metadata: true,
};

/** Inputs as the options describe them. @throws ArgumentError for no description, for two, and for sizes or types that no input has. */
export function inputsOf(options: ExportOnnxOptions): Inputs<OnnxInput> {
  const described = describedInputs<OnnxInput>('exportOnnx', options, ['float32', 'int32', 'int64']);
  if (!described)
    throw new ArgumentError(
      'exportOnnx: expected inputShape or inputs, got neither. Write { inputShape: [1, 3, 224, 224] }.',
    );
  const { inputName, inputs } = options;
  if (inputName === undefined) return described;
  if (inputs !== undefined)
    throw new ArgumentError(
      `exportOnnx: expected inputName beside inputShape only, got '${inputName}' beside inputs. Write it as a name in inputs.`,
    );
  return { ...described, specs: described.specs.map((spec) => ({ ...spec, name: inputName })) };
}

/** An input as the model takes it. */
export const ofModel = ({ shape, dtype = 'float32' }: OnnxInput): InputSpec => ({
  shape,
  dtype: dtype === 'int64' ? 'int32' : dtype,
});

/** Inputs of the graph. */
export function inputPorts({ specs, keys }: Inputs<OnnxInput>): GraphPort[] {
  return specs.map(({ name, shape, dtype = 'float32' }, i) => ({
    name: name ?? keys?.[i] ?? (specs.length === 1 ? 'input' : `input_${i + 1}`),
    dtype,
    shape: withBatch([null, ...shape.slice(1)]),
  }));
}

/** Outputs of the graph. */
export function outputPorts({ outputs }: ModelTrace, { outputName }: ExportOnnxOptions): GraphPort[] {
  if (outputName !== undefined && outputs.some(({ key }) => key !== null))
    throw new ArgumentError(
      `exportOnnx: expected no outputName for a record of outputs, which have the names of their keys, got '${outputName}'. Leave it out.`,
    );
  return outputs.map(({ key, value, openShape }) => ({
    name: key ?? outputName ?? 'output',
    dtype: value.data.dtype,
    shape: withBatch(openShape),
  }));
}

const withBatch = (shape: readonly (number | null)[]) => shape.map((d) => d ?? 'batch');
