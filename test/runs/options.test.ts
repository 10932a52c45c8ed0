/** Options of data, files and whole runs that do not exist: refused before anything is opened. */
import { expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import {
  ColorJitter,
  Compose,
  classificationTransforms,
  RandomCrop,
  RandomResizedCrop,
  Resize,
  trainingTransforms,
  transformFromJSON,
} from '../../src/data/index.ts';
import { autocast } from '../../src/index.ts';
import { exportOnnx, fetchPretrained, readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';
import { keras, ResNet18Weights } from '../../src/models/index.ts';
import { init, Parameter, ReLU } from '../../src/nn/index.ts';
import {
  createProgress,
  evaluateFolder,
  finetune,
  openModel,
  predictImages,
  TrunkCache,
} from '../../src/runs/index.ts';

/** As a caller without a compiler. */
// biome-ignore lint/suspicious/noExplicitAny: that is what it is about
const js = (value: unknown): any => value;
const exist = 'expected options that exist, got';

test.each<[() => unknown, string]>([
  [
    () => new Resize(8, js('nearest')),
    "Resize: expected options as an object, got 'nearest'. Write { interpolation: … }.",
  ],
  [() => new RandomCrop(8, js({ pad_if_needed: true })), `RandomCrop: ${exist} 'pad_if_needed'. Write padIfNeeded.`],
  [() => new RandomCrop(8, js(4)), 'RandomCrop: expected options as an object, got 4. Write { padding: … }.'],
  [() => new RandomResizedCrop(8, js({ scales: [0.5, 1] })), `RandomResizedCrop: ${exist} 'scales'. Write scale.`],
  [
    () => new ColorJitter(js({ colour: 1 })),
    `ColorJitter: ${exist} 'colour'. There are brightness, contrast, saturation, hue.`,
  ],
  [() => new ColorJitter(js(0.4)), 'ColorJitter: expected options as an object, got 0.4. Write { brightness: … }.'],
  [() => new Compose([], js({ orient: 'exif' })), `Compose: ${exist} 'orient'. Write orientation.`],
  [() => classificationTransforms(js({ size: 8 })), `classificationTransforms: ${exist} 'size'. Write crop.`],
  [() => trainingTransforms(js({ size: 8 })), `trainingTransforms: ${exist} 'size'. Write crop.`],
  [() => trainingTransforms(js({ flips: 0 })), `trainingTransforms: ${exist} 'flips'. Write flip.`],
  [
    () => transformFromJSON({ name: 'Resize', size: 8, sise: 8 }),
    `Resize: ${exist} 'sise'. There are interpolation, antialias.`,
  ],
  [() => autocast(js({ dtypes: 'float16' }), () => 1), `autocast: ${exist} 'dtypes'. Write dtype.`],
  [() => readWeights('none.pth', js({ keys: 'model' })), `readWeights: ${exist} 'keys'. Write key.`],
  [
    () => readWeightFile('none.pth', js({ strip_prefix: 'a.' })),
    `readWeights: ${exist} 'strip_prefix'. Write stripPrefix.`,
  ],
  [() => writeWeights('none.pth', new Map(), js({ type: 'float16' })), `writeWeights: ${exist} 'type'. Write dtype.`],
  [() => convert('none.pth', 'none.safetensors', js({ dType: 'float16' })), `convert: ${exist} 'dType'. Write dtype.`],
  [
    () => convert('none.pth', 'none.onnx', js({ num_classes: 3 })),
    `convert: ${exist} 'num_classes'. Write numClasses.`,
  ],
  [
    () => exportOnnx(new ReLU(), 'none.onnx', js({ input_shape: [1] })),
    `exportOnnx: ${exist} 'input_shape'. Write inputShape.`,
  ],
  [() => predictImages(js({}), [], js({ top_k: 1 })), `predict: ${exist} 'top_k'. Write topK.`],
  [
    () => evaluateFolder(js({}), 'none', js({ batch_size: 1 })),
    `evaluateFolder: ${exist} 'batch_size'. Write batchSize.`,
  ],
  [
    () => finetune(js({ photos: 'none', model: 'resnet18', learningRate: 0.1 })),
    `finetune: ${exist} 'learningRate'. Write lr.`,
  ],
  [
    () => fetchPretrained(ResNet18Weights.DEFAULT!, js({ timeOut: 1 })),
    `fetchPretrained: ${exist} 'timeOut'. Write timeout.`,
  ],
  [() => new ReLU().summary(js({ input_shape: [1] })), `summary: ${exist} 'input_shape'. Write inputShape.`],
  [
    () => init.kaimingNormal(new Parameter([2, 2], () => new Float32Array(4)), js({ nonLinear: 'relu' })),
    `kaimingNormal: ${exist} 'nonLinear'. Write nonlinearity.`,
  ],
  [
    () => init.kaimingUniform(new Parameter([2, 2], () => new Float32Array(4)), js({ nonlinearity: 'gelu' })),
    "kaimingUniform: expected nonlinearity as one of linear, sigmoid, tanh, relu, leakyRelu, selu, got 'gelu'.",
  ],
  [() => new TrunkCache(1, js({ memory: 1 })), `TrunkCache: ${exist} 'memory'. Write memoryBytes.`],
  [() => createProgress(js({ streams: 1 })), `createProgress: ${exist} 'streams'. Write stream.`],
  [() => openModel('none', js({ input_range: '0..1' })), `openModel: ${exist} 'input_range'. Write inputRange.`],
  [
    () => openModel('none', js({ inputRange: '0..2' })),
    "openModel: expected inputRange as one of 0..255, 0..1, -1..1, caffe, torch, got '0..2'.",
  ],
  [() => new keras.Dense(1, 1, js({ use_bias: false })), `Dense: ${exist} 'use_bias'. Write bias.`],
  [() => new keras.BatchNormalization(1, js({ eps: 1 })), `BatchNormalization: ${exist} 'eps'. Write epsilon.`],
  [() => keras.ResNet50(js({ include_top: false })), `keras.ResNet50: ${exist} 'include_top'. Write includeTop.`],
  [() => finetune(js({ photos: 'none', batch_size: 8 })), `finetune: ${exist} 'batch_size'. Write batchSize.`],
  [() => finetune(js('photos')), "finetune: expected options as an object, got 'photos'. Write { model: … }."],
])('%s', async (run, message) => {
  const said = await Promise.resolve()
    .then(run)
    .then(
      () => 'nothing was thrown',
      (error: Error) => error.message,
    );
  expect(said).toBe(message);
});

test('a transform is read back from what it wrote', () => {
  const chain = new Compose(
    [new Resize(8, { antialias: false }), new RandomCrop(8, { padding: 2 }), new ColorJitter({ hue: 0.1 })],
    {
      orientation: 'ignore',
    },
  );
  expect(transformFromJSON(chain.toJSON()).toJSON()).toEqual(chain.toJSON());
});
