/** Small networks and data for the tests of training: a frozen part, a trainable part, and images without files. */
import { DataError } from '../../src/core/errors.ts';
import { ArrayDataset } from '../../src/data/array-dataset.ts';
import type { Dataset, View } from '../../src/data/dataset.ts';
import { cat, manualSeed, type Tensor } from '../../src/index.ts';
import { type AnyModule, BatchNorm2d, Conv2d, Dropout, Linear, Module, StochasticDepth } from '../../src/nn/index.ts';
import { fill, labels } from '../ops/inputs.ts';

const conv = (from: number, to: number): Conv2d => new Conv2d(from, to, 3, { padding: 1, bias: false });

/** Running statistics of a batch norm that has seen data. */
function seen(norm: BatchNorm2d): BatchNorm2d {
  norm.running_mean!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => 0.1 * i - 0.2));
  norm.running_var!.set(Float32Array.from({ length: norm.numFeatures }, (_, i) => 0.5 + 0.2 * i));
  return norm;
}

/** A convolution and a linear head. */
export class Plain extends Module {
  conv = conv(3, 4);
  fc = new Linear(4, 3);
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.conv.forward(x).relu().mean([2, 3]));
  }
}

class Block extends Module {
  conv1 = conv(4, 4);
  bn1 = seen(new BatchNorm2d(4));
  stochastic_depth: StochasticDepth;
  constructor(p: number) {
    super();
    this.stochastic_depth = new StochasticDepth(p, 'row', { block: this });
  }
  forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x));
    return this.stochastic_depth.forward(y).add(x).relu();
  }
}

/** A stem and two residual blocks: frozen up to `layer2`, its cut has two consumers. Branches are left out with probability `p`. */
export class Residual extends Module {
  conv1 = conv(3, 4);
  bn1 = seen(new BatchNorm2d(4));
  layer1: Block;
  layer2: Block;
  fc = new Linear(4, 3);
  constructor(p = 0) {
    super();
    this.layer1 = new Block(p);
    this.layer2 = new Block(p);
  }
  forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu().maxPool2d(2);
    return this.fc.forward(this.layer2.forward(this.layer1.forward(y)).mean([2, 3]));
  }
}

/** Dropout in the trunk or only in the head. */
export class Dropped extends Module {
  conv = conv(3, 4);
  dropout = new Dropout(0.5);
  fc = new Linear(4, 3);
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.dropout.forward(this.conv.forward(x).relu().mean([2, 3])));
  }
}

/** A frozen convolution, then a batch norm that is trained. */
export class Normed extends Module {
  conv = conv(3, 4);
  bn: BatchNorm2d;
  fc = new Linear(4, 3);
  constructor(norm = new BatchNorm2d(4)) {
    super();
    this.bn = norm;
  }
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.bn.forward(this.conv.forward(x)).relu().mean([2, 3]));
  }
}

/** The trainable part takes up the trunk at two places. */
export class Skipped extends Module {
  conv1 = conv(3, 4);
  conv2 = conv(4, 4);
  head = conv(4, 4);
  fc = new Linear(8, 3);
  forward(x: Tensor): Tensor {
    const a = this.conv1.forward(x).relu();
    const b = this.conv2.forward(a).relu();
    return this.fc.forward(cat([this.head.forward(b).relu().mean([2, 3]), a.mean([2, 3])], 1));
  }
}

/** The same initial weights each time. */
export function made<T extends AnyModule>(make: () => T, ...frozen: string[]): T {
  manualSeed(7);
  const model = make();
  // Lazy initial values are drawn now, so that what runs in between changes nothing.
  for (const [k, p] of model.parameters().entries())
    p.set(fill({ shape: p.shape, kind: 'uniform', scale: 0.25 }, k) as Float32Array);
  return frozen.length > 0 ? model.freeze(...frozen) : model;
}

/** `count` images [3, 8, 8] of three classes. */
export function images(count: number, seed = 0): ArrayDataset {
  const pixels = fill({ shape: [count, 3, 8, 8], kind: 'uniform' }, seed) as Float32Array;
  const targets = fill(labels([count], 3), seed + 1) as Int32Array;
  // The class shows in the mean of a channel.
  pixels.forEach((value, i) => {
    const [image, channel] = [Math.floor(i / 192), Math.floor(i / 64) % 3];
    pixels[i] = value + (targets[image] === channel ? 0.7 : 0);
  });
  return new ArrayDataset(pixels, [count, 3, 8, 8], targets);
}

/** The images in versions: view v is shifted by v. */
export function augmented(data: ArrayDataset): Dataset {
  return {
    length: data.length,
    classes: data.classes,
    label: (index) => data.label(index),
    get: async (index, view?: View) => {
      const sample = await data.get(index);
      return { ...sample, image: sample.image.map((value) => value + 0.25 * (view?.view ?? 0)) };
    },
    key: async (index, view?: View) => `${await data.key(index)} ${view?.seed} ${view?.view}`,
  };
}

/** The images, of which some cannot be read. */
export function damaged(data: ArrayDataset, bad: readonly number[]): Dataset {
  return {
    length: data.length,
    classes: data.classes,
    label: (index) => data.label(index),
    get: (index) =>
      bad.includes(index) ? Promise.reject(new DataError(`array[${index}]`, 'is cut short.')) : data.get(index),
    key: (index) => data.key(index),
  };
}

/** Counts what is asked of a data set. */
export function counted(data: Dataset): { data: Dataset; reads: number[] } {
  const reads: number[] = [];
  const get: Dataset['get'] = (index, view, threads) => {
    reads.push(index);
    return data.get(index, view, threads);
  };
  const wrapped: Dataset = {
    length: data.length,
    get,
    label: (i) => data.label!(i),
    key: (i, view) => data.key!(i, view),
  };
  return { data: wrapped, reads };
}
