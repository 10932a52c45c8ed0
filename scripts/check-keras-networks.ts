/**
 * Opens what `record-keras-networks.py write DIR NAME` wrote, compares the outputs, and writes each again for `check DIR NAME`.
 *   npx tsx --conditions=regraft-source scripts/check-keras-networks.ts DIR NAME
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { init } from '../src/graph/init.ts';
import { keras } from '../src/models/index.ts';
import { KERAS_NETWORKS } from '../src/models/keras/networks.ts';
import { noGrad } from '../src/tensor/autograd.ts';
import { tensor } from '../src/tensor/factory.ts';

const [folder, name] = process.argv.slice(2) as [string, string];
await init();
const floats = (extension: string) =>
  new Float32Array(Uint8Array.from(readFileSync(join(folder, `${name}.${extension}`))).buffer);
const logits = floats('logits');
const pixels = floats('image');
const side = Math.sqrt(pixels.length / 3);

for (const extension of ['h5', 'keras', 'weights.h5']) {
  const file = join(folder, `${name}.${extension}`);
  const inputShape = [side, side, 3] as const;
  const own = await KERAS_NETWORKS[`keras.${name}`]!({ weights: file, inputShape, classifierActivation: null });
  const models = extension === 'weights.h5' ? [own] : [own, await keras.loadModel(file)];
  for (const model of models) {
    const x = tensor(pixels.slice(), [1, 3, side, side]);
    const found = await noGrad(() => model.eval().forward(x)).data();
    const scale = Math.max(...logits.map(Math.abs));
    const difference = Math.max(...found.map((value, i) => Math.abs(value - logits[i]!))) / scale;
    console.log(`${name}.${extension}: ${found.length} logits, ${difference.toExponential(1)} from Keras's`);
    if (!(difference < 1e-4)) process.exitCode = 1;
  }
  await keras.saveModel(own, join(folder, `${name}.out.${extension}`));
}
