/**
 * A program that trains without an await, for tests of what only a whole process shows. Its arguments: a number of steps, and how many
 * sizes its batches have in turn. Prints one line of JSON.
 */
import { currentDevice } from '../../src/device/current.ts';
import { init, tensor } from '../../src/index.ts';
import { BatchNorm2d, Conv2d, crossEntropy, Linear } from '../../src/nn/index.ts';
import { AdamW } from '../../src/optim/index.ts';

await init();
const [steps, sizes] = process.argv.slice(2).map(Number) as [number, number];
const conv = new Conv2d(3, 8, 3, { padding: 1 });
const norm = new BatchNorm2d(8);
const fc = new Linear(8 * 8 * 8, 4);
const optimizer = new AdamW([conv, norm, fc].flatMap((module) => module.parameters()));
const { counters } = currentDevice();
let planned = 0;
for (let step = 0; step < steps; step++) {
  const n = 1 + (step % sizes);
  const images = tensor(new Float32Array(n * 192).fill(0.1), [n, 3, 8, 8]);
  optimizer.zeroGrad();
  const features = norm.forward(conv.forward(images)).relu().flatten(1);
  const loss = crossEntropy(fc.forward(features), tensor(new Int32Array(n)));
  loss.backward();
  optimizer.step();
  if (step === 4 * sizes) planned = counters.bindGroups;
}
const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ megabytes, newBindGroups: counters.bindGroups - planned }));
process.exit();
