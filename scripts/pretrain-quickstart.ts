/**
 * Pretrains the quickstart's trunk on generated pictures and writes examples/quickstart/trunk.safetensors:
 * `npx tsx --conditions=regraft-source scripts/pretrain-quickstart.ts [--count 240] [--epochs 6] [--out FILE]`.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { init, manualSeed } from 'regraft';
import { classificationTransforms } from 'regraft/data';
import { readWeights, type StateDict, writeWeights } from 'regraft/io';
import { CIFAR_PRESET, SmallResNet } from 'regraft/models';
import { OneCycleLR, SGD } from 'regraft/optim';
import { createProgress, fit, formatPercent, predictLogits } from 'regraft/train';
import { drawDataset } from '../examples/quickstart/pictures.ts';
import { PRETRAINING_SUBJECTS } from '../examples/quickstart/pretraining-subjects.ts';
import { digest } from '../examples/quickstart/trunk.ts';

const SEED = 0;
const BATCH_SIZE = 64;
const VALIDATION_COUNT = 20;
const VALIDATION_SEED = 1;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '240' },
    epochs: { type: 'string', default: '6' },
    out: {
      type: 'string',
      default: fileURLToPath(new URL('../examples/quickstart/trunk.safetensors', import.meta.url)),
    },
  },
});
const [count, epochs, out] = [Number(values.count), Number(values.epochs), values.out];

const { description } = await init();
manualSeed(SEED);
const classes = Object.keys(PRETRAINING_SUBJECTS).length;
console.log(`Drawing ${count + VALIDATION_COUNT} pictures of each of ${classes} classes`);
const transform = classificationTransforms(CIFAR_PRESET);
const train = drawDataset(PRETRAINING_SUBJECTS, count, SEED, transform);
const validation = drawDataset(PRETRAINING_SUBJECTS, VALIDATION_COUNT, VALIDATION_SEED, transform);

console.log(`Training on ${description}`);
const model = new SmallResNet({ numClasses: classes });
const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4, nesterov: true });
const stepsPerEpoch = Math.ceil(train.length / BATCH_SIZE);
await fit(model, {
  train,
  validation,
  epochs,
  batchSize: BATCH_SIZE,
  seed: SEED,
  optimizer,
  schedule: new OneCycleLR(optimizer, 0.1, { epochs, stepsPerEpoch, pctStart: 0.2 }),
  scheduleEvery: 'batch',
  keepBest: false,
  progress: createProgress(),
  onEpoch: ({ epoch, validationAccuracy, seconds }) =>
    console.log(`epoch ${epoch}: validation accuracy ${formatPercent(validationAccuracy)}, ${seconds.toFixed(0)} s`),
});

// What goes into the file is measured as it comes out of it: in half precision.
await writeWeights(out, model.stateDict(), { dtype: 'float16' });
const state: StateDict = await readWeights(out);
model.loadStateDict(state);
const { logits, labels } = await predictLogits(model, validation);
const right = labels.filter((label, i) => {
  const row = logits.subarray(i * classes, (i + 1) * classes);
  return row.indexOf(Math.max(...row)) === label;
}).length;
const accuracy = right / labels.length;
await writeWeights(out, state, {
  metadata: {
    model: 'SmallResNet',
    parameters: String(model.parameters().reduce((sum, p) => sum + p.size, 0)),
    classes: Object.keys(PRETRAINING_SUBJECTS).join(' '),
    trained_on: `${train.length} generated pictures, ${epochs} epochs, batch size ${BATCH_SIZE}, seed ${SEED}`,
    accuracy: `${formatPercent(accuracy)} of ${validation.length} other pictures of these classes`.replaceAll(
      '\u00a0',
      ' ',
    ),
    adapter: description,
    script: 'scripts/pretrain-quickstart.ts',
    sha256_of_tensors: digest(state),
  },
});
console.log(`${out}: validation accuracy ${formatPercent(accuracy)} in half precision`);
