/** A small network and its training step: what the tests of the graph run again and again. */
import { manualSeed, type Tensor, tensor } from '../../src/index.ts';
import { BatchNorm2d, Conv2d, crossEntropy, Linear, Module } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { fill, labels } from '../ops/inputs.ts';

/** Convolution, batch norm, a residual block, pooling and a dense layer. */
export class SmallNet extends Module {
  conv1 = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(8);
  conv2 = new Conv2d(8, 8, 3, { padding: 1, bias: false });
  bn2 = new BatchNorm2d(8);
  fc = new Linear(8, 5);

  forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu().maxPool2d(2);
    const z = this.bn2.forward(this.conv2.forward(y)).add(y).relu();
    return this.fc.forward(z.mean([2, 3]));
  }
}

export interface Training {
  readonly model: SmallNet;
  readonly optimizer: SGD;
  /** Images of batch `k`, [4, 3, 8, 8]. */
  readonly images: (k: number) => Tensor;
  /** Records one step on batch `k` and gives the loss. */
  readonly train: (k: number) => Tensor;
}

/** A network of fixed initial weights, with its optimizer. */
export function newTraining(): Training {
  manualSeed(1);
  const model = new SmallNet();
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 });
  const images = (k: number): Tensor => tensor(fill({ shape: [4, 3, 8, 8], kind: 'uniform' }, k), [4, 3, 8, 8]);
  const train = (k: number): Tensor => {
    const targets = tensor(fill(labels([4], 5), k), [4]);
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(images(k)), targets);
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { model, optimizer, images, train };
}
