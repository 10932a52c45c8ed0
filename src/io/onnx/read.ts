/**
 * ONNX in, as weights: the initialisers by their names where the exporter kept them, else the layers of the graph matched to the
 * model that {@link ReadOptions.expected} describes. The graph is never run. Format: https://github.com/onnx/onnx/blob/main/docs/IR.md
 */
import type { StateDict } from '../../core/dtype.ts';
import { WeightFileError } from '../../core/errors.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { LITTLE_ENDIAN, listed, plural } from '../base/bytes.ts';
import type { ReadOptions, WeightFile } from '../base/format.ts';
import { type WeightGraph, weightGraph } from './layers.ts';
import { matchLayers } from './match.ts';
import { readModel } from './model.ts';
import type { ModelProto } from './schema.ts';
import { TensorReader } from './tensors.ts';

/** Names that PyTorch's exporters make up: `onnx::Conv_497`, `val_3`, plain numbers. */
const MADE_UP = /^(onnx::.*|val_\d+|_val_\d+|\d+)$/;

/** Whether an exporter made a name up, for a constant of its own; those of nodes' outputs, `/conv/Constant_output_0`, are. */
export const isMadeUp = (name: string): boolean => MADE_UP.test(name) || name.startsWith('/');

/** Whether a tensor is no weight but a shape or a number of a graph that onnx-export.ts wrote. */
function isOwnConstant(name: string, { producerName }: ModelProto): boolean {
  return producerName === 'regraft' && /^constant_\d+(_\d+)?$/.test(name);
}

/** @throws WeightFileError */
export async function readOnnx(source: ByteSource, options: ReadOptions): Promise<WeightFile> {
  if (!LITTLE_ENDIAN) throw new WeightFileError(source.name, 'weight files are read on little-endian machines only.');
  const { model, graph } = await readModel(source);
  const weights = weightGraph(graph);
  const reader = new TensorReader(source);
  try {
    const { expected } = options;
    const counted = (name: string) => !name.endsWith('num_batches_tracked');
    const turned = weights.layers.some(
      ({ transposed, names }) => transposed && names.some((name) => expected?.has(name)),
    );
    const named =
      !turned && expected && [...expected.keys()].filter(counted).every((name) => weights.constants.has(name));
    const found =
      expected && !named
        ? await matchLayers(source.name, weights, { shapes: expected, batchNormEps: options.batchNormEps }, (tensor) =>
            reader.read(tensor),
          )
        : await readNamed(
            weights,
            graph.initializer.map(({ name }) => name).filter((name) => !isOwnConstant(name, model)),
            expected,
            reader,
          );
    checkStrides(source.name, weights, options.strides, found.namesInFile);
    // A model without weights expects none.
    if (found.state.size === 0 && expected?.size !== 0)
      throw new WeightFileError(source.name, 'is an ONNX file that holds no weights.');
    return { metadata: metadataOf(model), format: 'ONNX', ...found };
  } finally {
    await reader.close();
  }
}

/** Two networks may have all names and shapes in common and differ in where they halve their images: ResNet v1 and v1.5 do. */
function checkStrides(
  file: string,
  { layers }: WeightGraph,
  strides: ReadOptions['strides'],
  namesInFile: ReadonlyMap<string, string>,
): void {
  const byWeight = new Map(layers.map((layer) => [layer.weight.name, layer]));
  for (const [path, expected] of strides ?? []) {
    const found = byWeight.get(namesInFile.get(`${path}.weight`) ?? '');
    if (found?.strides && !sameShape(found.strides, expected))
      throw new WeightFileError(
        file,
        `its ${found.label} has strides ${formatShape(found.strides)}, and '${path}' of the model ${formatShape(expected)}: ` +
          'every shape would fit and every result would be wrong. Build the model that the file is of.',
      );
  }
}

/** Tensors by name: those that are expected, or else all that have a name. */
async function readNamed(
  { constants, layers }: WeightGraph,
  initialisers: readonly string[],
  expected: ReadOptions['expected'],
  reader: TensorReader,
): Promise<Pick<WeightFile, 'state' | 'notes' | 'namesInFile'>> {
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  // Names that an Identity gives to another tensor are the exporter's way to write two equal ones once.
  const kept = new Set(initialisers);
  const aliases = [...constants].filter(
    ([name, tensor]) => name !== tensor.name && kept.has(tensor.name) && !MADE_UP.test(name),
  );
  const names = expected ? [...expected.keys()] : [...initialisers, ...aliases.map(([name]) => name)];
  for (const name of names) {
    const tensor = constants.get(name);
    if (!tensor) continue;
    state.set(name, await reader.read(tensor));
    namesInFile.set(name, tensor.name);
  }
  const notes: string[] = [];
  const read = new Set([...namesInFile.values()]);
  const left = initialisers.filter((name) => !read.has(name));
  if (left.length > 0) notes.push(`Left out, being no weights of the model: ${listed(left)}.`);
  const madeUp = [...state.keys()].filter((name) => MADE_UP.test(name));
  if (madeUp.length > 0)
    notes.push(
      `${plural(madeUp.length, 'tensor')} with names that the exporter made up (${listed(madeUp)}). Say which model it is to have them matched.`,
    );
  const folded = layers.filter(({ kind, bias }) => kind === 'conv' && bias && MADE_UP.test(bias.name)).length;
  if (folded > 0)
    notes.push(
      `${plural(folded, 'convolution')} with a made-up bias: batch norms have probably been folded into them.`,
    );
  return { state, namesInFile, notes };
}

/** What an ONNX file says of itself. @throws WeightFileError */
export async function readOnnxMetadata(source: ByteSource): Promise<Record<string, string>> {
  return metadataOf((await readModel(source)).model);
}

function metadataOf({ producerName, producerVersion, metadataProps, opsetImport }: ModelProto): Record<string, string> {
  const opset = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
  const own: [string, string][] = [
    ['producer', [producerName, producerVersion].filter(Boolean).join(' ')],
    ['opset', opset === undefined ? '' : String(opset)],
  ];
  const all = [...own, ...metadataProps.map(({ key, value }): [string, string] => [key, value])];
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}
