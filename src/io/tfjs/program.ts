/** TF.js graph models as programs: their nodes translated to ONNX's operators, images with their channels first. */
import { RegraftError, WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { printable } from '../base/bytes.ts';
import { isGraphModel, parseModel, readTensors } from '../keras/tfjs.ts';
import { withoutTransposes } from '../onnx/layout.ts';
import { type HostValue, hostOf } from '../onnx/operators/value.ts';
import { missingOperators, type OnnxPort, type Program } from '../onnx/program.ts';
import { graphOf, type TfPort } from './graph.ts';
import { TF_OPERATORS } from './operators.ts';
import { TO_CHANNELS_FIRST, TO_CHANNELS_LAST, Translator } from './translator.ts';

/** The version of ONNX's operators that nodes become. */
const OPSET = 18;

/** Nodes that have a value before anything runs. */
const GIVEN = ['Const', 'Placeholder', 'PlaceholderWithDefault', 'NoOp'];

/**
 * The graph of a `model.json`. Inputs and outputs of four axes are [N, C, H, W].
 * @throws WeightFileError for what is no graph model or cannot be read; it names every operator that is missing, with its node.
 */
export async function readGraphProgram(source: ByteSource): Promise<Program> {
  const file = source.name;
  const model = await parseModel(source);
  if (!isGraphModel(model))
    throw new WeightFileError(file, 'is no TF.js graph model: it has layers. Open it by keras.loadModel.');
  const { nodes, inputs, outputs } = graphOf(file, model);
  const missing = nodes.filter(({ op }) => !GIVEN.includes(op) && !Object.hasOwn(TF_OPERATORS, op));
  if (missing.length > 0) throw missingOperators(file, missing);
  const { state, notes } = await readTensors(source, model);
  const tensors = new Map<string, HostValue>();
  for (const { op, name } of nodes) {
    if (op !== 'Const') continue;
    const tensor = state.get(name);
    if (!tensor) throw new WeightFileError(file, `its manifest lacks the constant '${printable(name)}' of its graph.`);
    tensors.set(name, hostOf(tensor));
  }
  const names = outputs.map(({ name }) => name);
  const t = new Translator(nodes, tensors, names);
  const used = new Set(nodes.map(({ name }) => name));
  const ports = inputs.filter(({ name }) => used.has(name));
  for (const node of nodes) {
    t.begin(node);
    if (node.op.startsWith('Placeholder')) {
      if (ports.find(({ name }) => name === node.name)?.shape?.length === 4)
        t.end([t.transposed(node.name, TO_CHANNELS_LAST)]);
    } else if (!GIVEN.includes(node.op)) {
      const given = translated(file, () => TF_OPERATORS[node.op]!(t, node), `${node.op} '${printable(node.name)}'`);
      t.end(typeof given === 'string' ? [given] : given);
    }
  }
  for (const { name, shape } of outputs) {
    const [op, perm] = shape?.length === 4 ? (['Transpose', TO_CHANNELS_FIRST] as const) : (['Identity'] as const);
    t.begin({ op, name: `${name}~out`, inputs: [], attributes: {} });
    const made = t.emit(op, [t.value(name)], perm ? { perm } : {});
    t.rename(made, name);
  }
  const program: Program = {
    ...{ file, name: '', opset: OPSET, outputs: names, notes, steps: t.steps, constants: t.constants },
    inputs: ports.map(portOf),
  };
  return withoutTransposes(program);
}

/** Runs a rule; its errors are the file's, with the node. */
function translated<T>(file: string, rule: () => T, label: string): T {
  try {
    return rule();
  } catch (error) {
    if (!(error instanceof RegraftError)) throw error;
    throw new WeightFileError(file, `${label}: ${error.message}`);
  }
}

function portOf({ name, shape }: TfPort): OnnxPort {
  return { name, shape: shape?.length === 4 ? TO_CHANNELS_FIRST.map((axis) => shape[axis]!) : shape };
}
