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
import { timed } from './quickstart/timed.ts';
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
const photos = `${out}/photos`;
await timed('drawing the pictures', () => drawFolder(`${photos}/train`, SUBJECTS, Number(values.train), 2));
await timed('drawing the pictures', () => drawFolder(`${photos}/test`, SUBJECTS, Number(values.test), 3));
const transform = classificationTransforms(CIFAR_PRESET);
const train = new ImageFolder(`${photos}/train`, { transform });
const test = new ImageFolder(`${photos}/test`, { transform });

const device = await timed('opening the adapter', () => init());
manualSeed(0);
printStart(device, photos, train, test);

// Transfer learning: keep what the network learned on other pictures, and graft a new head on it.
const model = new SmallResNet({ numClasses: 52 }); // as many classes as it was pretrained on
model.loadStateDict(await readWeights(TRUNK));
model.freeze();
model.fc = new Linear(model.fc.inFeatures, train.classes.length);

printHeading('Fine-tuning: a new head on the frozen trunk', model);
const shared = { train, validation: test, batchSize: 16, seed: 0, keepBest: false, onEpoch: printEpoch };
const frozen = await FrozenSnapshot.of(model);
const transfer = await fit(model, { ...shared, epochs, optimizer: new AdamW(model.parameters(), { lr: 1e-2 }) });
const proof = await frozen.proof(model);

// The same network on the same pictures from random weights, with three times the epochs.
const untrained = new SmallResNet({ numClasses: train.classes.length });
printHeading('From scratch: the same network, random weights, three times the epochs', untrained);
const optimizer = new AdamW(untrained.parameters(), { lr: 1e-3 });
const scratch = await fit(untrained, { ...shared, epochs: 3 * epochs, optimizer });

const run = await describeRun({ values, device, train, test, model, transfer, untrained, scratch, proof, began });
await mkdir(out, { recursive: true });
await writeFile(`${out}/report.html`, renderReport(run));
printOutcome(run, `${out}/report.html`);
