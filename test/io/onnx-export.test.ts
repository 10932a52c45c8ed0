/** ONNX out, read back by our own reader. onnx-runtime.test.ts has ONNX Runtime compute what is written. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/core/errors.ts';
import { Generator, init, noGrad, tensor } from '../../src/index.ts';
import { type ExportOnnxOptions, exportOnnx, onnxBytes, readWeightFile, targetOf } from '../../src/io/index.ts';
import { runOnnx } from '../../src/io/onnx/run.ts';
import { type ModelProto, messageType } from '../../src/io/onnx/schema.ts';
import { BatchNorm2d, Conv2d, Identity, Module, Sequential } from '../../src/nn/index.ts';
import { ops } from '../../src/ops/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { traceOps } from '../../src/tensor/trace.ts';
import { Net, recordedNet } from './onnx-build.ts';
import { CASE_SHAPE, CASES } from './onnx-cases.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-onnx-out-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

const inputShape = [1, 3, 8, 8];
type Port = { name: string; type: { tensorType: { shape: { dim: { dimValue: number; dimParam: string }[] } } } };

async function written(model: Module, options: ExportOnnxOptions): Promise<ModelProto> {
  return messageType('ModelProto').decode(await onnxBytes(model, options)) as unknown as ModelProto;
}
const operators = (model: ModelProto): string[] => model.graph!.node.map(({ opType }) => opType);

/** A module of one function. */
class Run extends Module {
  readonly #run: (x: Tensor) => Tensor;
  constructor(run: (x: Tensor) => Tensor) {
    super();
    this.#run = run;
  }
  override forward(x: Tensor): Tensor {
    return this.#run(x);
  }
}

async function withStatistics(): Promise<Net> {
  const model = new Net();
  for (const norm of model.modules().filter((m) => m instanceof BatchNorm2d)) {
    norm.weight!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => 0.5 + 0.1 * i));
    norm.running_mean!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => 0.1 * i - 0.2));
    norm.running_var!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => 0.7 + 0.1 * i));
  }
  return model.eval();
}

describe('the file', () => {
  test('initialisers are the state dict, nodes the layers, the batch is open', async () => {
    const model = (await withStatistics()).train();
    const path = join(folder, 'net.onnx');
    await exportOnnx(model, path, { inputShape, metadata: { classes: 'ant,bee' } });
    const file = await readWeightFile(path);
    const state = await model.stateDict();
    for (const [name, tensorData] of file.state) expect(tensorData).toEqual(state.get(name));
    expect([...file.state.keys()].sort()).toEqual([...state.keys()].filter((n) => !/tracked/.test(n)).sort());
    expect(file.metadata).toEqual({ producer: 'regraft', opset: '17', classes: 'ant,bee' });
    const proto = messageType('ModelProto').decode(await readFile(path)) as unknown as ModelProto;
    expect(operators(proto).join(' ')).toBe(
      'Conv BatchNormalization Relu Conv BatchNormalization Relu Conv BatchNormalization Conv BatchNormalization Add Relu ReduceMean Gemm',
    );
    expect(proto.graph!.node[0]).toMatchObject({ name: 'conv1', input: ['input', 'conv1.weight'] });
    const dims = (port: unknown) =>
      (port as Port).type.tensorType.shape.dim.map((d) => d.dimParam || Number(d.dimValue));
    expect(dims(proto.graph!.input[0])).toEqual(['batch', 3, 8, 8]);
    expect(dims(proto.graph!.output[0])).toEqual(['batch', 5]);
    expect(model.training).toBe(true);
    expect(model.bn1.training).toBe(true);
  });

  test('folded batch norms: none left, and back into the model with the same outputs', async () => {
    const model = await withStatistics();
    const options = { inputShape, foldBatchNorm: true };
    const content = await onnxBytes(model, options);
    expect(operators(await written(model, options)).join(' ')).toBe(
      'Conv Relu Conv Relu Conv Conv Add Relu ReduceMean Gemm',
    );
    const { state, notes } = await readWeightFile(content, targetOf(model));
    expect(notes[0]).toMatch(/^4 batch norms had been folded into convolutions/);
    const again = new Net().eval();
    again.loadStateDict(state);
    const x = tensor((await recordedNet()).input, [2, 3, 8, 8]);
    const [a, b] = [model, again].map((net) => noGrad(() => net.forward(x)));
    const expected = await a!.data();
    for (const [i, value] of (await b!.data()).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  test('a batch norm that folds into nothing stays', async () => {
    const model = new Sequential(new BatchNorm2d(3), new Conv2d(3, 3, 1), new Identity(), new BatchNorm2d(3));
    expect(operators(await written(model, { inputShape, foldBatchNorm: true }))).toEqual([
      'BatchNormalization',
      'Conv',
    ]);
    const conv = new Conv2d(3, 3, 1);
    const tied = new Sequential(conv, new BatchNorm2d(3), conv);
    const { node } = (await written(tied, { inputShape, foldBatchNorm: true })).graph!;
    expect(node.map(({ name }) => name)).toEqual(['0', '1', '0_1']);
  });

  test('a model that returns its input, and outputs that nothing reads', async () => {
    expect(operators(await written(new Identity(), { inputShape }))).toEqual(['Identity']);
    const unread = new Run((x) => {
      x.exp();
      return x.relu();
    });
    expect(operators(await written(unread, { inputShape }))).toEqual(['Relu']);
  });

  test.each(CASES.map(([name, model]) => [name, model] as const))(
    'op case %s is written and read, and runs here',
    async (_, model) => {
      const proto = await written(model, { inputShape: CASE_SHAPE });
      expect(proto.graph!.output[0]!.name).toBe('output');
      // Our reader checks that every value is made once and before it is used.
      const bytes = await onnxBytes(model, { inputShape: CASE_SHAPE });
      const generator = new Generator(7);
      const x = tensor(
        Float32Array.from({ length: 288 }, () => generator.normal()),
        CASE_SHAPE,
      );
      const [ran, expected] = [await runOnnx(bytes, [x]), noGrad(() => model.forward(x))];
      expect(ran.shape).toEqual(expected.shape);
      const [a, b] = [await ran.data(), await expected.data()];
      for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThan(1e-5);
    },
  );

  test('every op but losses and dropout has a case', () => {
    const seen = new Set(['conv2d', 'batchNorm2d', 'crossEntropy', 'mseLoss', 'dropout']);
    for (const [, model] of CASES) {
      const { ops: list } = traceOps(() => noGrad(() => void model.forward(tensor(new Float32Array(288), CASE_SHAPE))));
      for (const { name } of list) seen.add(name);
    }
    expect([...ops.keys()].filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe('what cannot be written is one clear line, and no file', () => {
  const refused = async (model: Module, options: Partial<ExportOnnxOptions> = {}): Promise<string> => {
    const error = await exportOnnx(model, join(folder, 'no.onnx'), { inputShape, ...options }).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(await readdir(folder)).not.toContain('no.onnx');
    return error.message;
  };

  test('an op without a form', async () => {
    expect(await refused(new Run((x) => x.mseLoss(x.relu())))).toBe(
      "exportOnnx: the op 'mseLoss' has no ONNX form here. Export the model without it.",
    );
    expect(await refused(new BatchNorm2d(3, { trackRunningStats: false }))).toBe(
      'exportOnnx: a batch norm without running statistics has no ONNX form: it uses those of the batch.',
    );
    expect(await refused(new Run((x) => x.adaptiveAvgPool2d(3)))).toMatch(
      /from 8x8 to 3x3 has windows of several sizes/,
    );
  });

  test('what depends on the batch size', async () => {
    expect(await refused(new Run((x) => x.mul(1 / x.shape[0]!)))).toMatch(
      /the options of 'mulScalar' depend on the batch size/,
    );
    expect(await refused(new Run((x) => (x.shape[0] === 2 ? x.relu() : x.exp())))).toMatch(
      /something else for another/,
    );
  });

  test('names that clash and shapes that are none', async () => {
    const clash = (names: string) =>
      `exportOnnx: expected names of inputs and outputs (${names}) that differ from each other and from those of the weights, got one ` +
      'twice. Give inputs another name, as in { inputs: { ids: { name: … } } }, and the output an outputName.';
    expect(await refused(new Net(), { inputName: 'fc.weight' })).toBe(clash("'fc.weight', 'output'"));
    expect(await refused(new Net(), { outputName: 'input' })).toBe(clash("'input', 'input'"));
    const sizes = (got: string) =>
      `exportOnnx: expected inputShape as positive sizes, got ${got}. Write [1, 3, 224, 224], say.`;
    expect(await refused(new Net(), { inputShape: [0, 3, 8, 8] })).toBe(sizes('[0, 3, 8, 8]'));
    expect(await refused(new Net(), { inputShape: [] })).toBe(sizes('[]'));
  });
});
