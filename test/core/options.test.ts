/** Options that do not exist: refused wherever options are taken, with the name that was meant. */
import { expect, test } from 'vitest';
import {
  ArrayDataset,
  ColorJitter,
  DataLoader,
  ImageFolder,
  openImageFolders,
  openLabelledFolder,
  Resize,
  trainingTransforms,
} from '../../src/data/index.ts';
import { init } from '../../src/index.ts';
import { resnet18, resnet50, squeezenet1_1 } from '../../src/models/index.ts';
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  ModuleList,
  MSELoss,
  ReLU,
  Sequential,
} from '../../src/nn/index.ts';
import {
  AdamW,
  CosineAnnealingLR,
  clipGradNorm,
  ExponentialLR,
  GradScaler,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  SGD,
  StepLR,
} from '../../src/optim/index.ts';
import { fit, predictLogits } from '../../src/runs/index.ts';

/** As a caller without a compiler. */
// biome-ignore lint/suspicious/noExplicitAny: that is what it is about
const js = (value: unknown): any => value;
const data = () => new ArrayDataset(new Float32Array(12), [1, 3, 2, 2], [0]);
const layer = new Linear(1, 1);
const sgd = () => new SGD(layer.parameters(), { lr: 1 });
const parametersWanted = 'expected parameters, or groups { params, lr }';

test.each<[() => unknown, string]>([
  [
    () => resnet50(js({ num_classes: 10 })),
    "resnet50: expected options that exist, got 'num_classes'. Write numClasses.",
  ],
  [() => resnet18(js({ pretrained: true })), "resnet18: expected options that exist, got 'pretrained'. Write weights."],
  [
    () => squeezenet1_1(js({ classes: 3 })),
    "squeezenet1_1: expected options that exist, got 'classes'. Write numClasses.",
  ],
  [
    () => new SGD(layer.parameters(), js({ lr: 1, weight_decay: 1 })),
    "SGD: expected options that exist, got 'weight_decay'. Write weightDecay.",
  ],
  [
    () => new AdamW(layer.parameters(), js({ learningRate: 1 })),
    "AdamW: expected options that exist, got 'learningRate'. Write lr.",
  ],
  [() => new AdamW(layer.parameters(), js(0.1)), 'AdamW: expected options as an object, got 0.1. Write { lr: … }.'],
  [
    () => new SGD([{ params: layer.parameters(), LR: 1 }] as never, { lr: 1 }),
    "SGD: a group: expected options that exist, got 'LR'. Write lr.",
  ],
  [() => new Linear(1, 1, js(false)), 'Linear: expected options as an object, got false. Write { bias: … }.'],
  [() => new Conv2d(1, 1, 3, js({ pad: 1 })), "Conv2d: expected options that exist, got 'pad'. Write padding."],
  [() => new Conv2d(1, 1, 3, js(2)), 'Conv2d: expected options as an object, got 2. Write { stride: … }.'],
  [
    () => new ConvTranspose2d(1, 1, 3, js({ output_padding: 1 })),
    "ConvTranspose2d: expected options that exist, got 'output_padding'. Write outputPadding.",
  ],
  [
    () => new BatchNorm2d(1, js({ track_running_stats: false })),
    "BatchNorm2d: expected options that exist, got 'track_running_stats'. Write trackRunningStats.",
  ],
  [
    () => new MaxPool2d(2, js({ ceil_mode: true })),
    "MaxPool2d: expected options that exist, got 'ceil_mode'. Write ceilMode.",
  ],
  [() => new AvgPool2d(2, js({ strides: 1 })), "AvgPool2d: expected options that exist, got 'strides'. Write stride."],
  [() => new Dropout(0.5, js(true)), 'Dropout: expected options as an object, got true. Write { inplace: … }.'],
  [() => new ReLU(js({ inPlace: true })), "ReLU: expected options that exist, got 'inPlace'. Write inplace."],
  [
    () => new DataLoader(data(), js({ batch_size: 2 })),
    "DataLoader: expected options that exist, got 'batch_size'. Write batchSize.",
  ],
  [
    () => new DataLoader(data(), js({ num_workers: 2 })),
    "DataLoader: expected options that exist, got 'num_workers'. Write workers.",
  ],
  [
    () => new ArrayDataset(new Float32Array(12), [1, 3, 2, 2], [0], js({ labels: ['a'] })),
    "ArrayDataset: expected options that exist, got 'labels'. There are classes, name.",
  ],
  [
    () => new SGD(js(layer), { lr: 1 }),
    `SGD: ${parametersWanted}, got an object of type Linear. Pass model.parameters().`,
  ],
  [
    () => new SGD(js(layer.namedParameters()), { lr: 1 }),
    `SGD: ${parametersWanted}, got ['weight', an object of type Parameter]. Pass model.parameters().`,
  ],
  [
    () => new AdamW(js([{ parameters: layer.parameters() }]), { lr: 1 }),
    `AdamW: ${parametersWanted}, got an object of type Object. Pass model.parameters().`,
  ],
  [
    () => new SGD(layer.parameters(), { lr: js('0.1') }),
    "SGD: expected a learning rate, got '0.1'. Pass { lr: 1e-3 }.",
  ],
  [() => new StepLR(sgd(), 1, js({ gama: 1 })), "StepLR: expected options that exist, got 'gama'. Write gamma."],
  [() => new StepLR(sgd(), 1, js(0.5)), 'StepLR: expected options as an object, got 0.5. Write { gamma: … }.'],
  [
    () => new CosineAnnealingLR(sgd(), 5, js({ eta_min: 1 })),
    "CosineAnnealingLR: expected options that exist, got 'eta_min'. Write etaMin.",
  ],
  [
    () => new LinearLR(sgd(), js({ start_factor: 1 })),
    "LinearLR: expected options that exist, got 'start_factor'. Write startFactor.",
  ],
  [
    () => new ReduceLROnPlateau(sgd(), js({ min_lr: 1 })),
    "ReduceLROnPlateau: expected options that exist, got 'min_lr'. Write minLr.",
  ],
  [
    () => new OneCycleLR(sgd(), 1, js({ total_steps: 9 })),
    "OneCycleLR: expected options that exist, got 'total_steps'. Write totalSteps.",
  ],
  [() => new ExponentialLR(sgd(), js(undefined)), 'ExponentialLR: expected gamma as a number, got undefined.'],
  [
    () => new LambdaLR(sgd(), js(0.9)),
    'LambdaLR: expected factor as a function, got 0.9. Write (epoch) => 0.95 ** epoch.',
  ],
  [() => new MultiStepLR(sgd(), js(30)), 'MultiStepLR: expected milestones as an array, got 30. Write [30, 60].'],
  [
    () => new StepLR(js({ lr: 1 }), 1),
    'schedule: expected an optimizer, got an object of type Object. Pass new AdamW(…), say.',
  ],
  [
    () => new GradScaler(js({ init_scale: 1 })),
    "GradScaler: expected options that exist, got 'init_scale'. Write initScale.",
  ],
  [
    () => clipGradNorm(layer.parameters(), js({ maxNorm: 1 })),
    'clipGradNorm: expected maxNorm as a number, got an object of type Object.',
  ],
  [
    () => layer.loadStateDict(new Map(), js({ stict: false })),
    "loadStateDict: expected options that exist, got 'stict'. Write strict.",
  ],
  [
    () => layer.loadStateDict(new Map(), js(false)),
    'loadStateDict: expected options as an object, got false. Write { strict: … }.',
  ],
  [
    () => layer.loadStateDict(js({ weight: [1] })),
    "loadStateDict: expected a state dict, a Map, got an object of type Object. Pass await readWeights(file), or another model's stateDict().",
  ],
  [
    () => new Conv2d(1, 1, 3, { padding: js('same') }),
    "Conv2d: expected padding as a whole number of 0 or more, [height, width] or [top, bottom, left, right], got 'same'.",
  ],
  [
    () => new Conv2d(1, 1, js(undefined)),
    'Conv2d: expected kernelSize as a whole number of 1 or more or [height, width], got undefined.',
  ],
  [
    () => new AvgPool2d(js({ kernelSize: 2 })),
    'AvgPool2d: expected kernelSize as a whole number of 1 or more or [height, width], got an object of type Object.',
  ],
  [() => new Linear(js('2'), 1), "Linear: inFeatures must be a positive whole number, got '2'."],
  [() => new Flatten(js({ start: 1 })), 'Flatten: expected start as a number, got an object of type Object.'],
  [
    () => new Sequential(js([layer, layer])),
    'Sequential: expected a module, got [an object of type Linear, an object of type Linear]. Write new Sequential(...layers).',
  ],
  [
    () =>
      new Sequential(
        layer,
        js(() => 1),
      ),
    'Sequential: expected a module, got a function. Put it into the forward of a Module.',
  ],
  [
    () => new ModuleList(js(layer)),
    'ModuleList: expected an array of modules, got an object of type Linear. Write new ModuleList([…]).',
  ],
  [
    () => new ImageFolder('photos', js({ transforms: [] })),
    "ImageFolder: expected options that exist, got 'transforms'. Write transform.",
  ],
  [
    () => openImageFolders('photos', js({ val: 0.1 })),
    "openImageFolders: expected options that exist, got 'val'. Write validation.",
  ],
  [
    () => openLabelledFolder('photos', js({ transform: {} })),
    'openLabelledFolder: expected classes as an array, got undefined.',
  ],
  [
    () => data().split(0.5, js({ stratify: true })),
    "split: expected options that exist, got 'stratify'. There are seed, stratified.",
  ],
  [
    () => new Resize(8, js({ interpolate: 'bicubic' })),
    "Resize: expected options that exist, got 'interpolate'. Write interpolation.",
  ],
  [
    () => new ColorJitter(js({ brightnes: 1 })),
    "ColorJitter: expected options that exist, got 'brightnes'. Write brightness.",
  ],
  [
    () => trainingTransforms(js({ flips: 1 })),
    "trainingTransforms: expected options that exist, got 'flips'. Write flip.",
  ],
  [
    () => new DataLoader(js('photos')),
    "DataLoader: expected a data set, got 'photos'. Pass new ImageFolder(folder) or new ArrayDataset(…).",
  ],
  [
    () => new ArrayDataset(js([0]), [1, 1, 1, 1], [0]),
    'ArrayDataset: expected the images as one Float32Array, got [0]. Write Float32Array.from(…).',
  ],
  [
    () => fit(layer, js({ epochs: 1 })),
    'fit: expected train as a data set, got undefined. Pass new ImageFolder(folder).',
  ],
  [
    () => fit(layer, js({ train: data(), epochs: '2' })),
    "fit: expected epochs as a whole number of 0 or more, got '2'.",
  ],
  [
    () => fit(layer, { train: data(), epochs: 1, accumulate: 0 }),
    'fit: expected accumulate as a whole number of 1 or more, got 0.',
  ],
  [
    () => fit(layer, { train: data(), epochs: 1, optimizer: js('sgd') }),
    "fit: expected an optimizer, got 'sgd'. Pass new AdamW(model.parameters(), { lr: 1e-3 }).",
  ],
  [
    () => fit(layer, { train: data(), epochs: 1, schedule: js('cosine') }),
    "fit: expected a schedule, got 'cosine'. Pass new CosineAnnealingLR(optimizer, epochs).",
  ],
  [
    () => fit(layer, { train: data(), epochs: 1, loss: js(new MSELoss()) }),
    'fit: expected loss as a function, got an object of type MSELoss. Write (outputs, labels) => mseLoss(outputs, labels).',
  ],
  [
    () => predictLogits(layer, data(), js({ batch_size: 1 })),
    "predictLogits: expected options that exist, got 'batch_size'. Write batchSize.",
  ],
  [
    () => new CrossEntropyLoss(js({ label_smoothing: 0.1 })),
    "CrossEntropyLoss: expected options that exist, got 'label_smoothing'. Write labelSmoothing.",
  ],
  [
    async () =>
      new SGD(layer.parameters(), { lr: 1 }).loadStateDict(await new AdamW(layer.parameters(), { lr: 1 }).stateDict()),
    'SGD: expected its own saved state, got one with betas, eps. Make the optimizer that was saved.',
  ],
  [() => init(js({ device: 'cuda' })), "init: expected options that exist, got 'device'. There are adapter."],
  [
    () => fit(layer, js({ train: data(), epochs: 1, learning_rate: 0.1 })),
    /^fit: expected options that exist, got 'learning_rate'. There are train, validation, .*onEpoch.$/ as unknown as string,
  ],
])('%s', async (run, message) => {
  const said = await Promise.resolve()
    .then(run)
    .then(
      () => 'nothing was thrown',
      (error: Error) => error.message,
    );
  expect(said).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
});
