/** What is exported to ONNX, computed by ONNX Runtime: every op by itself, and a ResNet-50 of random weights and statistics. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cat, Generator, init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { exportOnnx, readWeights, targetOf } from '../../src/io/index.ts';
import { keras, type ResNet, resnet50 } from '../../src/models/index.ts';
import { BatchNorm2d, Linear, Module } from '../../src/nn/index.ts';
import { fixture, Net, recordedNet } from './onnx-build.ts';
import { CASE_SHAPE, CASES } from './onnx-cases.ts';
import { NEEDS_ONNX_RUNTIME, onnxRuntime } from './onnx-runtime.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-ort-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

function input(shape: readonly number[]): Tensor {
  const generator = new Generator(7);
  const size = shape.reduce((n, d) => n * d, 1);
  return tensor(
    Float32Array.from({ length: size }, () => generator.normal()),
    shape,
  );
}

/** Statistics as training leaves them: far from 0 and 1. */
function shake(model: Module): void {
  const generator = new Generator(3);
  const uniform = (n: number, low: number, high: number) =>
    Float32Array.from({ length: n }, () => low + (high - low) * generator.uniform());
  for (const norm of model.modules().filter((m) => m instanceof BatchNorm2d)) {
    norm.weight?.set(uniform(norm.numFeatures, 0.25, 0.75));
    norm.bias?.set(uniform(norm.numFeatures, -0.1, 0.1));
    norm.running_mean?.set(uniform(norm.numFeatures, -0.1, 0.1));
    norm.running_var?.set(uniform(norm.numFeatures, 0.5, 1.5));
  }
}

async function runtimeOutput(path: string, ...inputs: Tensor[]): Promise<Float32Array> {
  const { InferenceSession, Tensor: RuntimeTensor } = onnxRuntime!;
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
  const named = inputs.map(async (x, i) => {
    return [session.inputNames[i]!, new RuntimeTensor('float32', await x.data(), x.shape)] as const;
  });
  const output = (await session.run(Object.fromEntries(await Promise.all(named))))[session.outputNames[0]!]!;
  return Float32Array.from(output.data);
}

/** The largest difference, of the largest output and 1. */
function apart(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(theirs.length).toBe(ours.length);
  const largest = Array.from(ours).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  return Array.from(ours).reduce((most, v, i) => Math.max(most, Math.abs(v - theirs[i]!)), 0) / largest;
}

const output = (model: Module, ...x: Tensor[]) => noGrad(() => model.forward(...x)).data();

/** Takes two inputs, the second a vector. */
class Pair extends Module {
  line = new Linear(5, 4);
  override forward(a: Tensor, b: Tensor): Tensor {
    return this.line.forward(cat([a.mean([2, 3]), b], 1));
  }
}

describe.skipIf(!onnxRuntime)(`what ONNX Runtime computes (${NEEDS_ONNX_RUNTIME})`, () => {
  test.each(CASES)('op %s', async (_, model) => {
    const path = join(folder, 'case.onnx');
    const x = input(CASE_SHAPE);
    await exportOnnx(model, path, { inputShape: CASE_SHAPE });
    expect(apart(await output(model, x), await runtimeOutput(path, x))).toBeLessThan(1e-5);
  });

  describe('ResNet-50', () => {
    let model: ResNet;
    let ours: Float32Array;
    // Another batch than the one it is exported with.
    const x = input([2, 3, 64, 64]);

    beforeAll(async () => {
      model = (await resnet50({ seed: 1 })).eval();
      shake(model);
      ours = await output(model, x);
    });

    test.each([false, true])('gives the same logits (batch norms folded: %s)', async (foldBatchNorm) => {
      const path = join(folder, 'resnet50.onnx');
      await exportOnnx(model, path, { inputShape: [1, 3, 64, 64], foldBatchNorm });
      expect(apart(ours, await runtimeOutput(path, x))).toBeLessThan(1e-4);
    });
  });

  test('a Keras tree, with its padding, flattening and softmax', async () => {
    const model = (await keras.loadModel(new URL('../fixtures/keras/whole.h5', import.meta.url))).eval();
    const path = join(folder, 'keras.onnx');
    await exportOnnx(model, path, { inputShape: [1, 3, 15, 18] });
    const x = input([2, 3, 15, 18]);
    expect(apart(await output(model, x), await runtimeOutput(path, x))).toBeLessThan(1e-5);
  });

  test('a model of two inputs, by their names', async () => {
    const path = join(folder, 'pair.onnx');
    const model = new Pair();
    const inputs = [
      { name: 'image', shape: [1, 3, 4, 4] },
      { name: 'size', shape: [1, 2] },
    ];
    await exportOnnx(model, path, { inputs });
    const x = [input([2, 3, 4, 4]), input([2, 2])];
    expect(apart(await output(model, ...x), await runtimeOutput(path, ...x))).toBeLessThan(1e-5);
  });

  test.each(['net-kept.onnx', 'net-folded.onnx', 'net-shared.onnx'])(
    '%s of PyTorch’s exporter gives here what it gives there',
    async (name) => {
      const model = new Net().eval();
      model.loadStateDict(await readWeights(fixture(name), targetOf(model)));
      const x = tensor((await recordedNet()).input, [2, 3, 8, 8]);
      expect(apart(await output(model, x), await runtimeOutput(fixture(name), x))).toBeLessThan(1e-5);
    },
  );
});
