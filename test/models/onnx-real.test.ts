/** ONNX files that people have (REGRAFT_DATA or ../shared/data): the outputs that were recorded for them, or those of ONNX Runtime. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { Generator, init, noGrad, step, type Tensor, tensor } from '../../src/index.ts';
import { onnxBytes } from '../../src/io/index.ts';
import { messageType, type TensorProto } from '../../src/io/onnx/schema.ts';
import { onnx } from '../../src/models/index.ts';
import { clipGradNorm, SGD } from '../../src/optim/index.ts';
import { NEEDS_ONNX_RUNTIME, onnxRuntime } from '../io/onnx-runtime.ts';
import { sharedData } from '../shared-data.ts';

const slow = !process.env.REGRAFT_SLOW;
const data = (...path: string[]) => join(sharedData!, ...path);

beforeAll(async () => {
  await init();
});

/** The largest difference. */
function apart(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(theirs.length).toBe(ours.length);
  return Array.from(ours).reduce((most, v, i) => Math.max(most, Math.abs(v - theirs[i]!)), 0);
}

describe.skipIf(!sharedData)('graphs of the ONNX model zoo, with constants for weights', () => {
  const light = async (name: string) => {
    const folder = data('classification', 'onnx-light');
    const model = (await onnx.loadModel(join(folder, `light_${name}.onnx`))).eval();
    const recorded = readFileSync(join(folder, `light_${name}_output_0.pb`));
    const { rawData } = messageType('TensorProto').decode(Uint8Array.from(recorded)) as unknown as TensorProto;
    const size = 3 * 224 * 224;
    const x = tensor(
      Float32Array.from({ length: size }, (_, i) => i / size),
      [1, 3, 224, 224],
    );
    const y = noGrad(() => model.forward(x));
    expect(apart(await y.data(), new Float32Array(Uint8Array.from(rawData!).buffer))).toBeLessThan(1e-3);
  };

  test.each(['squeezenet', 'resnet50'])('%s gives what was recorded', light);
  test.skipIf(slow).each(['densenet121', 'inception_v1', 'inception_v2', 'shufflenet'])(
    '%s gives what was recorded (takes half a minute: REGRAFT_SLOW=1)',
    light,
  );
  // Its first dense layer has 411 MB, which most software adapters bind in parts.
  test.skipIf(slow)('vgg19 gives what was recorded (takes a minute: REGRAFT_SLOW=1)', () => light('vgg19'));
});

/** Photos as EfficientNet-Lite wants them: [N, 3, 224, 224]. */
async function photos(files: readonly string[]): Promise<Tensor> {
  const plane = 224 * 224;
  const out = new Float32Array(files.length * 3 * plane);
  for (const [n, file] of files.entries()) {
    const pixels = await sharp(file, { ignoreIcc: true }).toColourspace('srgb').removeAlpha().raw().toBuffer();
    for (let i = 0; i < 3 * plane; i++)
      out[n * 3 * plane + (i % 3) * plane + Math.floor(i / 3)] = (pixels[i]! / 255 - 0.498) / 0.502;
  }
  return tensor(out, [files.length, 3, 224, 224]);
}

interface Recorded {
  readonly photo: string;
  readonly top5_logits: readonly (readonly [number, string, number])[];
}

describe.skipIf(!sharedData)('EfficientNet-Lite0 with its shape subgraphs', () => {
  const classify = async (most: number) => {
    const folder = data('classification', 'onnx-efficientnet-lite0');
    const { rows } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { rows: readonly Recorded[] };
    const model = (await onnx.loadModel(join(folder, 'efficientnet_lite0.onnx'))).eval();
    for (let at = 0; at < Math.min(most, rows.length); at += 2) {
      const pair = rows.slice(at, at + 2);
      const images = await photos(pair.map(({ photo }) => data('photos224', photo)));
      const logits = await noGrad(() => model.forward(images)).data();
      for (const [k, { top5_logits: top }] of pair.entries()) {
        const row = logits.subarray(k * 1000, (k + 1) * 1000);
        expect(row.indexOf(Math.max(...row))).toBe(top[0]![0]);
        // Recorded with five decimals; largest first.
        for (const [label, , logit] of top)
          expect(Math.abs(row[label]! - logit)).toBeLessThan(1e-4 * Math.max(1, Math.abs(top[0]![2])));
      }
    }
  };
  test('two photos get the logits that ONNX Runtime gives', () => classify(2));
  test.skipIf(slow)('so do all sixteen (takes half a minute: REGRAFT_SLOW=1)', () => classify(16));
});

/** Files with the sizes of their inputs where those are open, and whether they are quick. */
const FILES = [
  ['odd/onnx/opt-mnist.onnx', [1, 1, 28, 28], true],
  ['odd/onnx/burn_mnist.onnx', [1, 1, 28, 28], true],
  ['odd/onnx/mnist_softmax_tf.onnx', [1, 784], true],
  ['segmentation/unet-diffusion-onnx/unet.onnx', [1, 1, 224, 224], false],
  ['segmentation/unet-sentinel/unet.onnx', [1, 4, 224, 224], false],
  ['odd/onnx/ppocr_cls_constant_nodes.onnx', [1, 3, 48, 192], false],
  ['classification/onnx-mobilenetv3-small/mobilenetv3_small.onnx', [1, 1, 112, 112], false],
  ['detection/yolox/yolox_nano.onnx', [1, 3, 416, 416], false],
] as const;

async function runtimeOutput(
  model: string | Uint8Array,
  x: Float32Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const { InferenceSession, Tensor: RuntimeTensor } = onnxRuntime!;
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const outputs = await session.run({ [session.inputNames[0]!]: new RuntimeTensor('float32', x, shape) });
  return Float32Array.from(outputs[session.outputNames[0]!]!.data);
}

describe.skipIf(!sharedData || !onnxRuntime)(`the same as ONNX Runtime (${NEEDS_ONNX_RUNTIME})`, () => {
  for (const [file, shape, isQuick] of FILES)
    test.skipIf(slow && !isQuick)(
      `${file}: outputs, a step, the file written again${isQuick ? '' : ' (REGRAFT_SLOW=1)'}`,
      async () => {
        const path = data(...file.split('/'));
        const model = (await onnx.loadModel(path)).eval();
        const generator = new Generator(7);
        // Detectors take the values of pixels.
        const [scale, shift] = file.startsWith('detection') ? [50, 128] : [1, 0];
        const x = Float32Array.from(
          { length: shape.reduce<number>((n, d) => n * d, 1) },
          () => generator.normal() * scale + shift,
        );
        const theirs = await runtimeOutput(path, x, shape);
        const largest = theirs.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
        const ours = await noGrad(() => model.forward(tensor(x.slice(), shape))).data();
        expect(apart(ours, theirs) / largest).toBeLessThan(1e-4);

        const written = await onnxBytes(model, { inputShape: shape });
        expect(apart(await runtimeOutput(written, x, shape), theirs) / largest).toBeLessThan(1e-4);

        // Of the logits: a softmax may be sure of itself.
        model.fromLogits = true;
        const base = await noGrad(() => model.forward(tensor(x.slice(), shape))).data();
        const optimizer = new SGD(model.parameters(), { lr: 1e-3 });
        const loss = () =>
          step(() => {
            const y = model.forward(tensor(x.slice(), shape));
            const value = y.mseLoss(
              tensor(
                base.map((v) => v + 0.5),
                y.shape,
              ),
            );
            value.backward();
            clipGradNorm(model.parameters(), 0.1);
            optimizer.step();
            optimizer.zeroGrad();
            return value;
          });
        const [before, after] = [await (await loss()).item(), await (await loss()).item()];
        expect(after).toBeLessThan(before);
      },
    );
});
