/** A program that any runtime runs alike: trains a little network, and prints its losses to the last bit. */
import { init, manualSeed, randn, step, tensor } from 'regraft';
import { cifarResnet20 } from 'regraft/models';
import { crossEntropy } from 'regraft/nn';
import { SGD } from 'regraft/optim';

manualSeed(7);
const { description } = await init();
const model = await cifarResnet20({ numClasses: 3, seed: 0 });
const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const images = randn([6, 3, 32, 32]);
const labels = tensor(Int32Array.from([0, 1, 2, 0, 1, 2]));
const losses: number[] = [];
for (let k = 0; k < 3; k++) {
  const loss = step(() => {
    const value = crossEntropy(model.forward(images), labels);
    value.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return value;
  });
  losses.push(await loss.item());
}
console.log(JSON.stringify({ description, losses }));
