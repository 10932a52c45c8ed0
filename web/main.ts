/** The page: wires the parts to the Worker. All computing happens there. */
import type { FinetuneResult } from '../src/train/result.ts';
import type { ExportKind, WorkerEvent } from './messages.ts';
import { SMALL_RESNET } from './model-names.ts';
import { Trainer, WorkerFault } from './trainer.ts';
import { showNoAnswer } from './view/answer.ts';
import { recordPhotos } from './view/camera.ts';
import { ClassesView } from './view/classes.ts';
import { byId, download } from './view/dom.ts';
import { NetworkView } from './view/network.ts';
import { hideNotice, showNotice, webgpuAdvice } from './view/notice.ts';
import { showNoResult, showResult } from './view/results.ts';
import { TrainingView } from './view/training.ts';
import { TryView } from './view/try.ts';

declare const __VERSION__: string;

let trainer = new Trainer(hear);
let ready = false;
let running = false;

const classes = new ClassesView({
  add: (photos) => void trainer.call('addPhotos', photos).catch(report),
  remove: (ids) => void trainer.call('removePhotos', ids).catch(report),
  record: (name, onFile) => void recordPhotos(name, (bitmap) => trainer.call('frame', bitmap), onFile),
  changed: () => changed(),
});
const network = new NetworkView({
  describe: (model) => trainer.call('describe', model, classes.classes.length),
  openFile: (model, file) => trainer.call('openFile', model, file),
});
const training = new TrainingView({
  train: () => void train(),
  pause: () => void trainer.call('pause'),
  resume: () => void trainer.call('resume'),
  stop: () => void trainer.call('stop'),
});
const trial = new TryView((image) => trainer.call('predict', image));
const exports = [...document.querySelectorAll<HTMLButtonElement>('[data-export]')];
const sampleButton = byId<HTMLButtonElement>('sample');

byId('version').textContent = __VERSION__;
sampleButton.addEventListener('click', () => void runSample());
for (const button of exports)
  button.addEventListener('click', async () => {
    try {
      download(await trainer.call('export', button.dataset.export as ExportKind));
    } catch (error) {
      report(error);
    }
  });
// A drop beside every target must not make the browser open the file.
for (const type of ['dragover', 'drop']) document.addEventListener(type, (event) => event.preventDefault());

forget('Results appear here after training.');
void open();

function hear(event: WorkerEvent): void {
  if (event.event === 'photo') classes.seen(event);
  else training.hear(event);
}

async function open(): Promise<void> {
  try {
    const { description, software } = await trainer.call('open');
    byId('device').textContent = software
      ? `No GPU: ${description} does its work on the CPU, slowly.`
      : `GPU: ${description}`;
    ready = true;
  } catch (error) {
    byId('device').textContent = 'No WebGPU';
    showNotice('This browser has no WebGPU', (error as Error).message, webgpuAdvice());
  }
  await network.refresh().catch(report);
  changed();
}

let counted = -1;

/** After every change of the classes. */
function changed(): void {
  // The first calls come while the parts are being made.
  queueMicrotask(() => {
    sampleButton.disabled = !ready || running;
    training.idle(ready && !running ? classes.missing : running ? null : 'Without WebGPU there is no training.');
    const count = classes.classes.length;
    if (count !== counted) void network.refresh().catch(report);
    counted = count;
  });
}

async function train(): Promise<void> {
  const weights = network.weights;
  if (!weights) {
    training.failed('Open a weight file first, or choose other weights.');
    return;
  }
  hideNotice();
  running = true;
  forget('Training …');
  changed();
  training.begin();
  try {
    const { epochs, batchSize, learningRate } = training;
    const { model, freezeUntil } = network;
    const result = await trainer.call('train', {
      model,
      weights,
      classes: classes.classes,
      freezeUntil,
      epochs,
      batchSize,
      learningRate,
    });
    finish(result);
  } catch (error) {
    forget('Results appear here after training.');
    training.failed((error as Error).message);
    if (error instanceof WorkerFault && error.lost) lost(error);
  } finally {
    running = false;
    changed();
    void network.refresh().catch(report);
  }
}

function finish(result: FinetuneResult): void {
  training.done(result);
  byId('own-network').hidden = result.model.name !== SMALL_RESNET;
  showResult(result);
  trial.enable(result.data.classes);
  for (const button of exports) button.disabled = false;
}

/** Takes away what belongs to an earlier run. */
function forget(text: string): void {
  showNoResult(text);
  showNoAnswer('Probabilities appear here.');
  trial.disable();
  for (const button of exports) button.disabled = true;
}

/** The GPU went away: a new Worker, the same photos. */
function lost(error: Error): void {
  showNotice(
    'The GPU was lost',
    `${error.message.replace(/ Call init\(\).*$/, '')} The photos are still here; what was trained since the start of the run is not.`,
    [],
    {
      label: 'Open the GPU again',
      run: () => {
        trainer.close();
        trainer = new Trainer(hear);
        ready = false;
        hideNotice();
        void trainer.call('addPhotos', classes.photos).catch(report);
        void open();
      },
    },
  );
}

function report(error: unknown): void {
  if (error instanceof WorkerFault && error.lost) lost(error);
  else showNotice('Something went wrong', error instanceof Error ? error.message : String(error));
}

async function runSample(): Promise<void> {
  sampleButton.disabled = true;
  try {
    const sample = await trainer.call('sample');
    classes.clear();
    for (const { name, files } of sample.classes) classes.addTo(name, files);
    await network.set(sample.model, 'published');
    training.epochs = sample.epochs;
    training.learningRate = sample.learningRate;
    await settled();
    await train();
    await trial.show(sample.held);
  } catch (error) {
    report(error);
  }
}

/** When every photo has been looked at. */
async function settled(): Promise<void> {
  while (classes.pending) await new Promise((resolve) => setTimeout(resolve, 50));
}
