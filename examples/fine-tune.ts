/**
 * Fine-tunes torchvision's ResNet-50 on a folder of photos, the training loop by hand:
 * `npx tsx --conditions=regraft-source examples/fine-tune.ts PHOTOS [--weights FILE] [--epochs 5] [--out tuned.safetensors]`.
 * PHOTOS holds one folder a class. Without --weights, torchvision's are downloaded (102 MB, once).
 */
import { parseArgs } from 'node:util';
import { init, step } from 'regraft';
import { DataLoader, ImageFolder } from 'regraft/data';
import { writeWeights } from 'regraft/io';
import { ResNet50Weights, resnet50 } from 'regraft/models';
import { crossEntropy, Linear } from 'regraft/nn';
import { SGD } from 'regraft/optim';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    weights: { type: 'string' },
    epochs: { type: 'string', default: '5' },
    'batch-size': { type: 'string', default: '32' },
    out: { type: 'string', default: 'tuned.safetensors' },
  },
});
const [photos] = positionals;
if (photos === undefined) {
  console.error('Usage: fine-tune.ts PHOTOS [--weights FILE] [--epochs N] [--batch-size N] [--out FILE]');
  process.exit(2);
}

const { description } = await init();
console.log(`Adapter: ${description}`);

const published = ResNet50Weights.IMAGENET1K_V2!;
const model = await resnet50({ weights: values.weights ?? published });
const train = new ImageFolder(photos, { transform: published.transforms() });

for (const p of model.parameters()) p.requires_grad = false; // freeze everything
model.fc = new Linear(model.fc.inFeatures, train.classes.length); // graft a new head: trainable
for (const [name, p] of model.namedParameters()) if (name.includes('layer4')) p.requires_grad = true; // unfreeze the last stage
console.log(model.summary());

const loader = new DataLoader(train, { batchSize: Number(values['batch-size']), shuffle: true, seed: 0 });
const optimizer = new SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 }); // skips frozen parameters
for (let epoch = 1; epoch <= Number(values.epochs); epoch++) {
  let batch = 0;
  for await (const { images, labels } of loader) {
    // `step` runs what is recorded inside, and frees all of it but the loss.
    const loss = step(() => {
      const loss = crossEntropy(model.forward(images), labels);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    console.log(`epoch ${epoch}, batch ${++batch} of ${loader.length}: loss ${(await loss.item()).toFixed(3)}`);
  }
}
await writeWeights(values.out, model.stateDict());
console.log(`Saved: ${values.out}`);
