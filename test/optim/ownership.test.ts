/** Parameters that training reaches and no optimizer has: an error that names them. */
import { beforeAll, expect, test } from 'vitest';
import { init, step, tensor } from '../../src/index.ts';
import { crossEntropy, Linear, Module, Parameter } from '../../src/nn/index.ts';
import { AdamW, SGD } from '../../src/optim/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

class Net extends Module {
  trunk = new Linear(3, 4);
  fc = new Linear(4, 2);
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.trunk.forward(x).relu());
  }
}

beforeAll(async () => {
  await init();
});

const images = () => tensor([[1, 2, 3]]);
const lossOf = (net: Net) => crossEntropy(net.forward(images()), tensor(Int32Array.of(1)));

test('a head that was grafted after the optimizer was made', async () => {
  const net = new Net();
  const optimizer = new SGD(net.parameters(), { lr: 0.1 });
  net.fc = new Linear(4, 5);
  const before = await net.trunk.weight.data();
  lossOf(net).backward();
  expect(() => optimizer.step()).toThrow(
    'optimizer: expected every trainable parameter in a group of an optimizer, got fc.weight [5, 4], fc.bias [5] in none. ' +
      'Make the optimizer after grafting, or set requires_grad = false on what is to stay as it is.',
  );
  expect(await net.trunk.weight.data()).toEqual(before);
  // The advice helps.
  const remade = new SGD(net.parameters(), { lr: 0.1 });
  remade.step();
  expect(await net.trunk.weight.data()).not.toEqual(before);
});

test('inside step(), and frozen as the message says', () => {
  const net = new Net();
  const optimizer = new AdamW(net.fc.parameters());
  const train = () =>
    step(() => {
      optimizer.zeroGrad();
      lossOf(net).backward();
      optimizer.step();
    });
  expect(train).toThrow(/got trunk.weight \[4, 3\], trunk.bias \[4\] in none/);
  net.freeze('trunk');
  expect(train).not.toThrow();
});

test('a parameter outside of any module, and only the first few are listed', () => {
  const net = new Net();
  const extra = [1, 2, 3, 4, 5, 6].map((n) => new Parameter([n], new Float32Array(n)));
  const optimizer = new SGD(net.parameters(), { lr: 0.1 });
  let loss = lossOf(net);
  for (const p of extra) loss = loss.add(p.sum());
  loss.backward();
  expect(() => optimizer.step()).toThrow(/got (a parameter \[\d\], ){4}2 more in none/);
});

test('several optimizers share a loss, one after the other, and other graphs do not matter', () => {
  const [a, b, other] = [new Net(), new Net(), new Net()];
  // Its gradients come from a backward of its own.
  lossOf(other).backward();
  const optimizers = [new SGD(a.parameters(), { lr: 0.1 }), new SGD(b.parameters(), { lr: 0.1 })];
  for (let k = 0; k < 2; k++) {
    lossOf(a).add(lossOf(b)).backward();
    for (const optimizer of optimizers) optimizer.step();
  }
  // A leaf that is no parameter, an image for example, needs no optimizer.
  const image = tensor([[1, 2, 3]], undefined, { requires_grad: true });
  crossEntropy(a.forward(image), tensor(Int32Array.of(0))).backward();
  optimizers[0]!.step();
  // Neither does one that joined a group later.
  const late = new Parameter([1], new Float32Array(1));
  optimizers[0]!.paramGroups[0]!.params.push(late);
  lossOf(a).add(late.sum()).backward();
  optimizers[0]!.step();
});
