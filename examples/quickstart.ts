/**
 * The main job in one file: fine-tunes a pretrained network on 120 pictures of things that it has never seen, and trains the
 * same network from scratch on them to compare. `npm run quickstart`; needs no GPU. Your own photos: see fine-tune.ts.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { init, manualSeed } from 'regraft';
import { classificationTransforms, ImageFolder } from 'regraft/data';
import { readWeights } from 'regraft/io';
import { CIFAR_PRESET, SmallResNet } from 'regraft/models';
import { Linear } from 'regraft/nn';
import { AdamW } from 'regraft/optim';
import { FrozenSnapshot, fit, renderReport } from 'regraft/train';
import { describeRun } from './quickstart/describe-run.ts';
import { drawFolder } from './quickstart/pictures.ts';
import { printEpoch, printHeading, printOutcome, printStart } from './quickstart/print.ts';
import { SUBJECTS } from './quickstart/subjects.ts';
import { TRUNK } from './quickstart/trunk.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/quickstart' },
    epochs: { type: 'string', default: '6' },
    train: { type: 'string', default: '20' },
    test: { type: 'string', default: '30' },
  },
});
const [out, epochs] = [values.out, Number(values.epochs)];
const began = performance.now();

// Six kinds of pictures, drawn here: one folder a class, as your photos would be.
await drawFolder(`${out}/photos/train`, SUBJECTS, Number(values.train), 2);
await drawFolder(`${out}/photos/test`, SUBJECTS, Number(values.test), 3);
const transform = classificationTransforms(CIFAR_PRESET);
const train = new ImageFolder(`${out}/photos/train`, { transform });
const test = new ImageFolder(`${out}/photos/test`, { transform });

const device = await init();
manualSeed(0);
printStart(device, `${out}/photos`, train, test);

// Transfer learning: keep what the network learned on other pictures, and graft a new head on it.
const model = new SmallResNet({ numClasses: 52 }); // as many classes as it was pretrained on
model.loadStateDict(await readWeights(TRUNK));
model.freeze();
model.fc = new Linear(model.fc.inFeatures, train.classes.length);

printHeading('Fine-tuning: a new head on the frozen trunk', model);
const budget = { train, validation: test, epochs, batchSize: 16, seed: 0, keepBest: false, onEpoch: printEpoch };
const frozen = await FrozenSnapshot.of(model);
const transfer = await fit(model, { ...budget, optimizer: new AdamW(model.parameters(), { lr: 1e-2 }) });
const proof = await frozen.proof(model);

// The same network under the same budget, from random weights.
const untrained = new SmallResNet({ numClasses: train.classes.length });
printHeading('From scratch: the same network, random weights', untrained);
const scratch = await fit(untrained, { ...budget, optimizer: new AdamW(untrained.parameters(), { lr: 1e-3 }) });

const seconds = (performance.now() - began) / 1000;
const run = await describeRun({ out, device, train, test, model, transfer, scratch, proof, batchSize: 16, seconds });
await mkdir(out, { recursive: true });
await writeFile(`${out}/report.html`, renderReport(run));
printOutcome(run, `${out}/report.html`);
