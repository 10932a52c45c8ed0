/**
 * Compares ResNet-50 at 224 with PyTorch: logits, the gradients of a fine-tuning step, ten steps' losses.
 *
 *   python3 scripts/record-resnet50-parity.py OUT
 *   npx tsx --conditions=regraft-source scripts/check-resnet50-parity.ts OUT
 *
 * Exits with 1 where a bar is missed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explain, init, noGrad, step, tensor } from 'regraft';
import { resnet50 } from 'regraft/models';
import { crossEntropy, Linear } from 'regraft/nn';
import { SGD } from 'regraft/optim';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: check-resnet50-parity.ts FOLDER (made by record-resnet50-parity.py)');
  process.exit(2);
}
const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
const recorded = async (name: string) => {
  const { shape, file } = index[name];
  const bytes = await readFile(join(folder, file));
  return {
    shape: shape as number[],
    data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
  };
};
/** max |a - b| / max |b| */
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(b[i]!));
  }
  return Number.isFinite(most) ? most / scale : Number.POSITIVE_INFINITY;
};
let missed = 0;
const report = (what: string, value: number, bar: number): void => {
  if (!(value <= bar)) missed++;
  console.log(`${value <= bar ? 'ok  ' : 'MISS'} ${what}: ${value.toExponential(2)} (bar ${bar})`);
};

const { description } = await init();
console.log(description);
const model = await resnet50({ weights: join(folder, 'resnet50.pth') });
const images = await recorded('images');
const x = tensor(images.data, images.shape);
model.eval();
let began = performance.now();
const logits = await noGrad(() => model.forward(x)).data();
console.log(`first forward ${((performance.now() - began) / 1000).toFixed(1)} s`);
report('logits, batch 2 at 224', difference(logits, (await recorded('logits')).data), 1e-4);

for (const p of model.parameters()) p.requires_grad = false;
model.fc = new Linear(model.fc.inFeatures, 10);
model.fc.weight.set((await recorded('fc.weight')).data);
model.fc.bias!.set((await recorded('fc.bias')).data);
for (const [name, p] of model.namedParameters()) if (name.includes('layer4')) p.requires_grad = true;
model.train();
const labels = tensor(Int32Array.from(index.labels));
const optimizer = new SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
const backward = () => {
  const loss = crossEntropy(model.forward(x), labels);
  loss.backward();
  return loss;
};
const update = () => {
  optimizer.step();
  optimizer.zeroGrad();
};
// In one piece, as `fit` does it: kernels that compute gradients take the optimizer's step.
const train = () => {
  const loss = backward();
  update();
  return loss;
};
const { peakBytes, lowerBoundBytes } = explain(train);
console.log(
  `fine-tuning step: ${(peakBytes / 2 ** 20).toFixed(0)} MiB peak, lower bound ${(lowerBoundBytes / 2 ** 20).toFixed(0)}`,
);
let worst = { name: '', value: 0 };
let worstLoss = 0;
for (let k = 0; k < 10; k++) {
  began = performance.now();
  const loss = step(k === 0 ? backward : train);
  if (k === 0) {
    for (const [name, p] of model.namedParameters()) {
      if (!p.requires_grad) continue;
      const value = difference(await p.grad!.data(), (await recorded(`grad/${name}`)).data);
      if (!(value <= worst.value)) worst = { name, value };
    }
    step(update);
  }
  const value = await loss.item();
  worstLoss = Math.max(worstLoss, Math.abs(value - index.losses[k]) / Math.abs(index.losses[k]));
  console.log(
    `step ${k}: loss ${value.toFixed(6)}, PyTorch ${index.losses[k].toFixed(6)}, ${((performance.now() - began) / 1000).toFixed(2)} s`,
  );
}
report(`gradients of the first step (worst: ${worst.name})`, worst.value, 1e-3);
report('losses of ten SGD steps', worstLoss, 1e-3);
process.exitCode = missed ? 1 : 0;
