/** The page: wires the parts to the Worker. All computing happens there. */
import type { Outcome, PageState, Restored, TrainRequest, WorkerEvent } from './messages.ts';
import { reasonOf, Trainer, WorkerFault } from './trainer.ts';
import { lastVerdict } from './verdict.ts';
import { ClassesView } from './view/classes.ts';
import { wireClear } from './view/clear.ts';
import { byId, make } from './view/dom.ts';
import { ExportsView } from './view/exports.ts';
import type { LookDialog } from './view/look.ts';
import { askToReopen, tellReopening } from './view/lost.ts';
import { NetworkView } from './view/network.ts';
import { hideNotice, showNoGPU, showNotice } from './view/notice.ts';
import { TrainingView } from './view/training.ts';
import { TryView } from './view/try.ts';

declare const __VERSION__: string;

/** Milliseconds that changes are gathered before they are stored. */
const SAVE_PACE = 200;
const LOOKING = 'Looking for a GPU …';

let trainer = new Trainer(hear);
/** Whether there is a GPU; null until that is known. */
let ready: boolean | null = null;
let running = false;
/** The classes of the trained network. */
let trained: readonly string[] | null;
/** Whether what an earlier visit left is on the page, so that storing what the page shows loses nothing. */
let restored = false;
/** Whether an epoch has ended since the GPU was last lost: otherwise trying again at once would go round in circles. */
let progressed = true;

let look: Promise<LookDialog> | undefined;
async function lookAt(source: File | number, name: string): Promise<void> {
  look ??= import('./view/look.ts').then(
    (view) => new view.LookDialog((from, target) => trainer.call('explain', from, target)),
  );
  const dialog = await look;
  if (trained) dialog.open(source, name, trained);
}
const classes = new ClassesView({
  add: (photos) => void trainer.call('addPhotos', photos).catch(report),
  remove: (ids) => void trainer.call('removePhotos', ids).catch(report),
  record: async (name, onFile) => {
    const { recordPhotos } = await import('./view/camera.ts');
    await recordPhotos(name, (bitmap) => trainer.call('frame', bitmap), onFile);
  },
  look: lookAt,
  changed: () => changed(),
});
const network = new NetworkView({
  describe: (model) => trainer.call('describe', model, classes.classes.length),
  openFile: (model, file) => trainer.call('openFile', model, file),
  changed: () => changed(),
});
const training = new TrainingView({
  train: () => void train(),
  pause: () => void trainer.call('pause'),
  resume: () => void trainer.call('resume'),
  stop: () => void trainer.call('stop'),
});
const trial = new TryView(
  (image) => trainer.call('predict', image),
  (file) => lookAt(file, file.name),
);
const exports = new ExportsView((kind) => {
  hideNotice();
  return trainer.call('export', kind);
}, report);
const sampleButton = byId<HTMLButtonElement>('sample');
const clearButton = wireClear(() => void clear());

byId('version').textContent = __VERSION__;
byId('conformance').textContent = lastVerdict();
sampleButton.addEventListener('click', () => void runSample());
document.addEventListener('change', changed);
// A drop beside every target must not make the browser open the file.
for (const type of ['dragover', 'drop']) document.addEventListener(type, (event) => event.preventDefault());

forget('Results appear here after training.');
void begin(true);

function hear(event: WorkerEvent): void {
  if (event.event === 'photo') classes.seen(event);
  else if (event.event === 'unsaved') unsaved(event.reason);
  else {
    progressed ||= event.event === 'epoch';
    training.hear(event);
  }
}

/** With a new Worker: what is in storage, the GPU, the run that was interrupted. @param first whether the page is empty yet */
async function begin(first: boolean): Promise<void> {
  const work = await trainer.call('restore');
  if (work.unsaved) unsaved(work.unsaved);
  if (first) await show(work);
  else if (work.unsaved) void trainer.call('addPhotos', classes.photos).catch(report);
  restored = true;
  await open();
  if (!ready || work.run === 'none') return;
  if (work.run === 'interrupted') return follow(null, work.paused);
  try {
    await finish(await trainer.call('reopen'), true);
  } catch (error) {
    return report(error);
  }
  if (work.run === 'comparing') await compare(work.paused);
}

/** Puts on the page what an earlier visit left. */
async function show({ networks, page, photos, weightsFile }: Restored): Promise<void> {
  network.offer(networks);
  if (page) {
    classes.restore(page, photos);
    training.set(page.epochs, page.batchSize, page.learningRate);
    await network.restore(page, weightsFile).catch(report);
  } else await network.refresh().catch(report);
}

async function open(): Promise<void> {
  try {
    const { description, software } = await trainer.call('open');
    byId('device').textContent = software
      ? `No GPU: ${description} does its work on the CPU, slowly.`
      : `GPU: ${description}`;
    ready = true;
  } catch (error) {
    ready = false;
    byId('device').textContent = 'No WebGPU';
    showNoGPU((error as Error).message);
  }
  changed();
}

/** Why training cannot start, or null. */
function missing(): string | null {
  if (ready === null) return LOOKING;
  return ready ? (classes.missing ?? network.missing) : 'Without WebGPU there is no training.';
}

let counted = -1;

/** After every change of the classes. */
function changed(): void {
  // The first calls come while the parts are being made.
  queueMicrotask(() => {
    sampleButton.disabled = !ready || running;
    clearButton.disabled = running;
    training.idle(missing(), JSON.stringify([state(), network.weights]));
    const count = classes.classes.length;
    if (count !== counted && restored) void network.refresh().catch(report);
    counted = count;
    store();
  });
}

let storing: ReturnType<typeof setTimeout> | undefined;

/** Puts what the page shows into storage, soon. */
function store(): void {
  if (!restored) return;
  clearTimeout(storing);
  storing = setTimeout(() => {
    void trainer.call('save', state()).catch(report);
  }, SAVE_PACE);
}

/** The page as an earlier visit would have left it. */
function state(): PageState {
  const { model, kind, freezeUntil } = network;
  const { epochs, batchSize, learningRate } = training;
  const { listed, heldOut } = classes;
  return { classes: listed, heldOut, model, weights: kind, freezeUntil, epochs, batchSize, learningRate };
}

function unsaved(reason: string): void {
  byId('kept').textContent = `${reason} What is done here will be gone after a reload.`;
}

async function train(): Promise<void> {
  const { weights, model, freezeUntil } = network;
  if (!weights) return;
  const { epochs, batchSize, learningRate } = training;
  const { heldOut } = classes;
  const request = { model, weights, classes: classes.classes, heldOut, freezeUntil, epochs, batchSize, learningRate };
  hideNotice();
  classes.clearFaults();
  await follow(request);
}

/** Shows a run to its end. @param request null: the interrupted run in storage */
async function follow(request: TrainRequest | null, paused = false): Promise<void> {
  running = true;
  forget('Training …');
  changed();
  training.begin(paused);
  if (request) training.takeFocus();
  try {
    await finish(await (request ? trainer.call('train', request) : trainer.call('continueRun')));
  } catch (error) {
    forget('Results appear here after training.');
    training.failed(reasonOf(error));
    if (error instanceof WorkerFault && error.lost) await lost(error);
  } finally {
    running = false;
    changed();
    void network.refresh().catch(report);
  }
}

/** @param anew the run ended in an earlier visit */
async function finish(outcome: Outcome, anew = false): Promise<void> {
  const { result } = outcome;
  showTrained(result.data.classes);
  training.done(result, anew);
  const shown = showOutcome(outcome);
  trial.enable(result.data.classes);
  classes.explainable = true;
  exports.enabled = true;
  await shown;
}

/** Shows what came of a run, unless it is forgotten by then. Its part of the page is loaded when there is something to show. */
async function showOutcome(outcome: Outcome): Promise<void> {
  const { showResult } = await import('./view/results.ts');
  if (trained) showResult(outcome, { compare: () => void startComparison(), look: lookAt });
}

/** What needs a trained network is on the page while there is one. @param classes its classes */
function showTrained(classes: readonly string[] | null): void {
  trained = classes;
  document.querySelector('main')!.classList.toggle('trained', classes !== null);
}

async function startComparison(): Promise<void> {
  const comparison = compare();
  training.takeFocus();
  await comparison;
}

async function compare(paused = false): Promise<void> {
  running = true;
  byId<HTMLButtonElement>('compare').disabled = true;
  changed();
  training.beginComparison(paused);
  try {
    const outcome = await trainer.call('compare');
    training.done(outcome.result);
    await showOutcome(outcome);
  } catch (error) {
    byId<HTMLButtonElement>('compare').disabled = false;
    training.failed(reasonOf(error));
    if (error instanceof WorkerFault && error.lost) await lost(error);
  } finally {
    running = false;
    changed();
  }
}

/** Takes away what belongs to an earlier run. */
function forget(text: string): void {
  showTrained(null);
  byId('result').replaceChildren(make('p', { className: 'soft' }, text));
  trial.disable();
  classes.explainable = false;
  exports.enabled = false;
}

/** The GPU went away: a new Worker, which finds photos and run in storage. */
async function lost(error: Error): Promise<void> {
  trainer.close();
  trainer = new Trainer(hear);
  ready = null;
  running = false;
  const reason = reasonOf(error);
  const again = () => {
    progressed = false;
    return begin(false);
  };
  if (progressed) {
    tellReopening(reason);
    await again();
  } else askToReopen(reason, () => void again());
}

function report(error: unknown): void {
  if (error instanceof WorkerFault && error.lost) void lost(error);
  else showNotice('Something went wrong', reasonOf(error));
}

/** Starts over. */
async function clear(): Promise<void> {
  hideNotice();
  await trainer.call('clear').catch(report);
  classes.reset();
  forget('Results appear here after training.');
  training.reset();
  changed();
}

async function runSample(): Promise<void> {
  hideNotice();
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
