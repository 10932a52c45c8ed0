/** Options that do not exist: refused wherever options are taken, with the name that was meant. */
import { expect, test } from 'vitest';
import { ArrayDataset, DataLoader } from '../../src/data/index.ts';
import { init } from '../../src/index.ts';
import { resnet18, resnet50, squeezenet1_1 } from '../../src/models/index.ts';
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Linear,
  MaxPool2d,
  ReLU,
} from '../../src/nn/index.ts';
import { AdamW, SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/index.ts';

/** As a caller without a compiler. */
// biome-ignore lint/suspicious/noExplicitAny: that is what it is about
const js = (value: unknown): any => value;
const data = () => new ArrayDataset(new Float32Array(12), [1, 3, 2, 2], [0]);
const layer = new Linear(1, 1);

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
