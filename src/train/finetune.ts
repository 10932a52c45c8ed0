/** Fine-tuning from end to end: a folder of photos and pretrained weights in, a model with its report out. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { defaultGenerator, manualSeed } from '../core/random.ts';
import { classificationTransforms, trainingTransforms } from '../data/compose.ts';
import { DataLoader } from '../data/data-loader.ts';
import { thumbnail } from '../data/encode.ts';
import type { ImageDataset } from '../data/image-dataset.ts';
import { openImageFolders } from '../data/open-folders.ts';
import { currentDevice, init } from '../device/current.ts';
import { graftHead, type ModelEntry, modelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { type Checkpoint, hasCheckpoint, readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { type Predictions, predictLogits } from './evaluate.ts';
import { type BestEpoch, type FitState, fit, movingState } from './fit.ts';
import { FrozenSnapshot } from './freezing-proof.ts';
import { evaluateLogits, worstMistakes } from './metrics.ts';
import { checkModelFolder, MODEL_FILES, saveModel } from './model-folder.ts';
import { type OpenedWeights, openWeights } from './open-weights.ts';
import type { Progress } from './progress.ts';
import {
  type FinetuneSettings,
  freezeFor,
  optimizerFor,
  type PlannedPhase,
  planPhases,
  reproduceCommand,
  resolveSettings,
  type SettingsOptions,
} from './recipe.ts';
import { renderReport } from './report.ts';
import {
  type ComparisonRun,
  type EpochRecord,
  type FinetuneResult,
  type Phase,
  type PicturedMistake,
  thinLosses,
} from './result.ts';
import { Stopwatch } from './stopwatch.ts';
import type { TrunkCacheOptions } from './trunk-cache.ts';
import { version } from './version.ts';

export interface FinetuneOptions extends SettingsOptions {
  /** A folder with one sub-folder a class, or with `train` and `val` of that kind. */
  readonly photos: string;
  /** Where the model, its metrics and its report go; without it nothing is saved. */
  readonly out?: string | null | undefined;
  /** Go on from the checkpoint in `out`. Settings that are not given are those of the interrupted run. */
  readonly resume?: boolean | undefined;
  /** Compute the frozen part once per image and view. On by default; the result is the same without. */
  readonly cache?: boolean | TrunkCacheOptions | undefined;
  /** Afterwards train the same model from random weights for as many epochs, to compare with. */
  readonly compareFromScratch?: boolean | undefined;
  /** The command as it was typed, for the report. */
  readonly command?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | null | undefined;
  /** After each epoch, when its checkpoint is written. */
  readonly onEpoch?: ((record: EpochRecord) => unknown) | undefined;
}

/**
 * Fine-tunes a model of {@link MODELS} on a folder of photos: a new head first, with all else frozen, then, where
 * `freezeUntil` names an earlier stage, from there on at a lower rate. The best epoch's weights are kept. Photos that cannot
 * be read are left out and named in the result.
 * @throws RegraftError of some kind for whatever is wrong with the input, before anything is written where it can be known.
 * @example await finetune({ photos: 'photos', model: 'resnet50', weights: 'resnet50.pth', out: 'runs/photos' });
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const { photos, out = null, cache = true, progress = null, signal } = options;
  const checkpoint = options.resume ? await readCheckpoint(outFolder(out)) : null;
  const watch = new Stopwatch(checkpoint?.seconds);
  const date = checkpoint?.date ?? new Date().toISOString();
  const settings = settingsOf(options, checkpoint);
  const entry = modelEntry(settings.model);
  const phases = planPhases(settings, entry);
  await checkNames(entry, phases);
  if (out !== null) announce(out, await checkModelFolder(out), checkpoint, progress);

  const found = openImageFolders(photos, settings);
  const { weights } = settings;
  const opened =
    weights === null
      ? null
      : await watch.time('reading weights', () => openWeights(settings.model, entry, weights, progress));
  const preset = opened?.transforms ?? entry.transforms;
  const { imageSize } = settings;
  const sized = { ...preset, resize: Math.round((imageSize * preset.resize) / preset.crop), crop: imageSize };
  const plain = classificationTransforms(sized);
  const train = found.train.withTransform(plain);
  const classes = train.classes;

  manualSeed(settings.seed);
  const model = await watch.time('reading weights', () => build(entry, opened, classes.length));
  const read = await watch.time('checking images', () =>
    readable(train, found.validation.withTransform(plain), photos, progress),
  );
  const inputs = inputsDigest(read, photos, opened);
  if (checkpoint && checkpoint.inputs !== inputs)
    throw new ArgumentError(
      `${out}: cannot be resumed: the photos or the weights have changed since. Run it without resume.`,
    );

  const device = await init();
  freezeFor(model, phases[0]!);
  const frozen = await watch.time('proof of freezing', () => FrozenSnapshot.of(model));
  let state: FitState = checkpoint?.progress ?? { history: [], stepLosses: [], best: null, waited: 0 };
  const run: Phase[] = [];
  for (const [p, phase] of phases.entries()) {
    freezeFor(model, phase);
    const trainable = model.parameters().filter((t) => t.requires_grad);
    const { name, learningRate, frozenUntil } = phase;
    const trainableParameters = trainable.reduce((n, t) => n + t.size, 0);
    const resumed = checkpoint?.phase === p ? checkpoint : null;
    if (p >= (checkpoint?.phase ?? 0)) {
      const loader = loaderFor(read.train, phase, settings, sized);
      const updates = Math.ceil(loader.length / settings.accumulate);
      const { optimizer, schedule } = optimizerFor(model, phase, settings, updates);
      if (resumed) {
        model.loadStateDict(resumed.model, { strict: false });
        optimizer.loadStateDict(resumed.optimizer);
        schedule.loadState(resumed.schedule);
        defaultGenerator.state = resumed.random;
      } else state = { ...state, waited: 0, best: await carried(state.best, model) };
      const began = performance.now();
      const before = state.history.length;
      let aside = 0;
      const result = await fit(model, {
        train: loader,
        validation: read.validation,
        epochs: phase.epochs,
        totalEpochs: settings.epochs,
        phase: p,
        from: state,
        optimizer,
        schedule,
        scheduleEvery: 'batch',
        labelSmoothing: settings.labelSmoothing,
        accumulate: settings.accumulate,
        clipGradNorm: settings.clipGradNorm ?? undefined,
        earlyStopping: settings.patience > 0 ? { patience: settings.patience } : undefined,
        cache,
        signal,
        progress,
        onEpoch: async (record, now) => {
          const paused = performance.now();
          if (out !== null)
            await watch.time('checkpoints', async () =>
              writeCheckpoint(out, {
                settings,
                inputs,
                date,
                phase: p,
                progress: now,
                model: now.best?.epoch === record.epoch && now.best.state ? now.best.state : await movingState(model),
                optimizer: await optimizer.stateDict(),
                schedule: schedule.state(),
                random: defaultGenerator.state,
                seconds: watch.read(),
              }),
            );
          await options.onEpoch?.(record);
          aside += performance.now() - paused;
        },
      });
      state = result;
      const training = result.history.slice(before).reduce((n, r) => n + r.seconds, 0);
      watch.add('validation', (performance.now() - began - aside) / 1000 - training);
    }
    const epochs = state.history.filter((r) => r.phase === p).length;
    run.push({ name, epochs, learningRate, trainableParameters, frozenUntil });
  }

  const proof = await watch.time('proof of freezing', () => frozen.proof(model));
  const peakGpuBytes = currentDevice().counters.peakBytes;
  const predictions = await watch.time(
    'validation',
    () => state.best?.predictions ?? predictLogits(model, read.validation),
  );
  const evaluation = evaluateLogits(predictions.logits, predictions.labels, predictions.classes);
  const mistakes = await watch.time('thumbnails', () => pictured(predictions, read.validation, photos));
  const comparisons = options.compareFromScratch
    ? [await watch.time('comparison from scratch', () => fromScratch(entry, settings, read, sized, options))]
    : undefined;
  const reproduce = reproduceCommand(photos, out, settings);
  const result: FinetuneResult = {
    version,
    date,
    command: options.command ?? reproduce,
    reproduce,
    model: {
      name: settings.model,
      weights: opened && { source: opened.source, sha256: opened.sha256 },
      parameters: {
        total: model.parameters().reduce((n, t) => n + t.size, 0),
        trainable: Math.max(...run.map((r) => r.trainableParameters)),
      },
    },
    data: {
      source: photos,
      classes,
      trainImages: read.train.length,
      validationImages: read.validation.length,
      skipped: read.bad,
    },
    hyperparameters: hyperparametersOf(settings, phases),
    phases: run,
    history: state.history,
    stepLosses: thinLosses(state.stepLosses),
    bestEpoch: state.best!.epoch,
    evaluation,
    worstMistakes: mistakes,
    frozen: proof,
    adapter: {
      description: device.description,
      vendor: device.vendor,
      architecture: device.architecture,
      software: device.software,
    },
    seconds: secondsOf(watch, state.history),
    peakGpuBytes,
    ...(comparisons && { comparisons }),
  };
  if (out !== null) {
    await saveModel(
      out,
      { model, name: settings.model, classes, transforms: plain },
      {
        [MODEL_FILES.metrics]: `${JSON.stringify(withoutPictures(result), null, 2)}\n`,
        [MODEL_FILES.report]: renderReport(result),
      },
    );
    await removeCheckpoint(out);
  }
  return result;
}

function outFolder(out: string | null): string {
  if (out !== null) return out;
  throw new ArgumentError('finetune: resume needs out, the folder of the interrupted run.');
}

/** The options with their defaults; of a resumed run, those that it was begun with. */
function settingsOf(options: FinetuneOptions, checkpoint: Checkpoint | null): FinetuneSettings {
  const keys = [
    'model',
    'weights',
    'freezeUntil',
    'epochs',
    'headEpochs',
    'batchSize',
    'optimizer',
    'lr',
    'unfrozenLr',
    'weightDecay',
    'momentum',
    'labelSmoothing',
    'augment',
    'accumulate',
    'clipGradNorm',
    'patience',
    'validation',
    'imageSize',
    'seed',
  ] as const satisfies readonly (keyof FinetuneSettings)[];
  const given = Object.fromEntries(keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));
  if (!checkpoint) {
    if (options.model === undefined) throw new ArgumentError('finetune: expected the name of a model, got none.');
    return resolveSettings({ ...given, model: options.model }, modelEntry(options.model));
  }
  const { settings } = checkpoint;
  const changed = Object.keys(given).filter((key) => given[key] !== settings[key as keyof FinetuneSettings]);
  if (changed.length === 0) return settings;
  const texts = changed.map((key) => `${key} ${settings[key as keyof FinetuneSettings]}, now ${given[key]}`);
  throw new ArgumentError(
    `${options.out}: cannot be resumed with other settings: it was begun with ${texts.join('; ')}. Leave them out, or run it without resume.`,
  );
}

/** @throws ArgumentError for a module to freeze until that the model does not have: before any file is read. */
async function checkNames(entry: ModelEntry, phases: readonly PlannedPhase[]): Promise<void> {
  const model = await entry.create();
  for (const phase of phases) freezeFor(model, phase);
}

function announce(out: string, there: boolean, checkpoint: Checkpoint | null, progress: Progress | null): void {
  if (checkpoint)
    progress?.note(`Goes on after epoch ${checkpoint.progress.history.length} of ${checkpoint.settings.epochs}.`);
  else if (hasCheckpoint(out))
    progress?.note(`${out} holds an interrupted run, which this one replaces (--resume would go on with it).`);
  else if (there) progress?.note(`${out} holds a model, which this run replaces when it is done.`);
}

async function build(entry: ModelEntry, opened: OpenedWeights | null, classes: number): Promise<Module> {
  if (!opened) return entry.create({ numClasses: classes });
  const model = await entry.create({ weights: opened.file });
  graftHead(model, entry.head, classes);
  return model;
}

interface ReadableImages {
  readonly train: ImageDataset;
  readonly validation: ImageDataset;
  readonly bad: readonly { readonly path: string; readonly reason: string }[];
}

/** Decodes every photo once: what cannot be read is named and left out. */
async function readable(
  train: ImageDataset,
  validation: ImageDataset,
  photos: string,
  progress: Progress | null,
): Promise<ReadableImages> {
  const total = train.length + validation.length;
  progress?.start(total, 'Checking images');
  try {
    const first = await train.verify({ onProgress: (done) => progress?.update(done) });
    const second = await validation.verify({ onProgress: (done) => progress?.update(train.length + done) });
    const bad = [...first.bad, ...second.bad].map(({ path, reason }) => ({ path: relative(photos, path), reason }));
    for (const { path, reason } of bad) progress?.note(`Skipped ${path}: ${reason}`);
    return { train: first.good, validation: second.good, bad };
  } finally {
    progress?.end();
  }
}

/** What a resumed run must find again. */
function inputsDigest({ train, validation }: ReadableImages, photos: string, opened: OpenedWeights | null): string {
  const list = (data: ImageDataset) =>
    data.samples.map(({ path, label }) => [relative(photos, path), label, statSync(path).size]);
  return createHash('sha256')
    .update(JSON.stringify([opened?.sha256, list(train), list(validation)]))
    .digest('hex');
}

function loaderFor(
  train: ImageDataset,
  { augment }: Pick<PlannedPhase, 'augment'>,
  { batchSize, seed }: FinetuneSettings,
  preset: OpenedWeights['transforms'],
): DataLoader {
  // Gentler than ImageNet's: a few hundred photos cannot afford crops of a twelfth.
  const data = augment > 0 ? train.withTransform(trainingTransforms({ ...preset, scale: [0.5, 1] })) : train;
  return new DataLoader(data, { batchSize, shuffle: true, seed, ...(augment > 0 && { views: augment }) });
}

/** The best epoch of earlier phases, as the next one sees it: its weights are in the model now, and more of them may move. */
async function carried(best: BestEpoch | null, model: Module): Promise<BestEpoch | null> {
  return best && { ...best, state: await movingState(model) };
}

async function pictured(predictions: Predictions, data: ImageDataset, photos: string): Promise<PicturedMistake[]> {
  const { logits, labels, classes, indices } = predictions;
  return Promise.all(
    worstMistakes(logits, labels, classes).map(async ({ index, label, predicted, probability, loss }) => {
      const { path } = data.samples[indices[index]!]!;
      return {
        path: relative(photos, path),
        thumbnail: await thumbnail(path, 200).catch(() => null),
        label: data.classes[label]!,
        predicted: data.classes[predicted]!,
        probability,
        loss,
      };
    }),
  );
}

/** The same model from random weights, all of it trained, over as many epochs of the same images. */
async function fromScratch(
  entry: ModelEntry,
  settings: FinetuneSettings,
  { train, validation }: ReadableImages,
  preset: OpenedWeights['transforms'],
  { cache = true, progress, signal }: FinetuneOptions,
): Promise<ComparisonRun> {
  progress?.note('From scratch, for comparison:');
  manualSeed(settings.seed);
  const { epochs, lr } = settings;
  const model = await entry.create({ numClasses: train.classes.length });
  const phase: PlannedPhase = {
    name: 'from scratch',
    epochs,
    learningRate: lr,
    frozenUntil: null,
    augment: settings.augment ?? 0,
    warmUp: 1,
  };
  const loader = loaderFor(train, phase, settings, preset);
  const { optimizer, schedule } = optimizerFor(model, phase, settings, Math.ceil(loader.length / settings.accumulate));
  const { labelSmoothing, accumulate } = settings;
  const shared = { labelSmoothing, accumulate, cache, progress, signal };
  const { history } = await fit(model, {
    ...shared,
    train: loader,
    validation,
    epochs,
    optimizer,
    schedule,
    scheduleEvery: 'batch',
    keepBest: false,
  });
  const accuracies = history.flatMap((r) => (r.validationAccuracy === null ? [] : [r.validationAccuracy]));
  return {
    name: 'from scratch',
    history,
    accuracy: accuracies.length ? Math.max(...accuracies) : null,
    note: 'its best epoch, all parameters trained',
  };
}

function hyperparametersOf(
  settings: FinetuneSettings,
  phases: readonly PlannedPhase[],
): FinetuneResult['hyperparameters'] {
  const {
    optimizer,
    momentum,
    batchSize,
    accumulate,
    weightDecay,
    labelSmoothing,
    clipGradNorm,
    patience,
    imageSize,
    seed,
  } = settings;
  const views = phases.map(({ augment }) => (augment > 0 ? `${augment} views (RandomResizedCrop, flip)` : 'none'));
  return {
    optimizer,
    ...(optimizer === 'sgd' && { momentum }),
    schedule: phases.some(({ warmUp }) => warmUp > 0)
      ? 'cosine (after a warm-up epoch unless only the head is trained)'
      : 'cosine',
    batchSize,
    ...(accumulate > 1 && { accumulate }),
    weightDecay,
    labelSmoothing,
    ...(clipGradNorm !== null && { clipGradNorm }),
    augmentation: [...new Set(views)].join(', then '),
    patience: patience || null,
    imageSize,
    seed,
  };
}

/** The parts in the order in which they come. */
function secondsOf(watch: Stopwatch, history: readonly EpochRecord[]): FinetuneResult['seconds'] {
  const { total, parts } = watch.read();
  const training = (cached: boolean) => history.filter((r) => r.cached === cached).reduce((n, r) => n + r.seconds, 0);
  const { 'reading weights': reading = 0, 'checking images': checking = 0, ...rest } = parts;
  const all = {
    'reading weights': reading,
    'checking images': checking,
    'training, whole network': training(false),
    'training, trunk cached': training(true),
    ...rest,
  };
  return { total, parts: Object.fromEntries(Object.entries(all).filter(([, seconds]) => seconds > 0)) };
}

/** Pictures are for the page: in `metrics.json` they would be most of it. */
function withoutPictures(result: FinetuneResult): FinetuneResult {
  return { ...result, worstMistakes: result.worstMistakes.map((m) => ({ ...m, thumbnail: null })) };
}
