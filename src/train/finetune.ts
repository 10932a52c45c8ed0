/** Fine-tuning from end to end: a folder of photos and pretrained weights in, a model with its report out. */
import { ArgumentError } from '../core/errors.ts';
import { manualSeed } from '../core/random.ts';
import { classificationTransforms } from '../data/compose.ts';
import { openImageFolders } from '../data/open-folders.ts';
import { currentDevice, init } from '../device/current.ts';
import { graftHead, type ModelEntry, modelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import { hasCheckpoint, readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint-folder.ts';
import { predictLogits } from './evaluate.ts';
import { inputsDigest, readable } from './finetune-images.ts';
import { pictured, resultOf } from './finetune-result.ts';
import { FrozenSnapshot } from './freezing-proof.ts';
import { evaluateLogits } from './metrics.ts';
import { metricsJSON } from './metrics-json.ts';
import { MODEL_FILES } from './model-description.ts';
import { checkModelFolder, saveModel } from './model-folder.ts';
import { type OpenedWeights, openWeights } from './open-weights.ts';
import { availablePrecision } from './precision.ts';
import type { Progress } from './progress.ts';
import {
  type FinetuneSettings,
  freezeFor,
  type PlannedPhase,
  planPhases,
  resolveSettings,
  type SettingsOptions,
} from './recipe.ts';
import { renderReport } from './report.ts';
import type { ComparisonRun, EpochRecord, FinetuneResult } from './result.ts';
import { loaderFor, type PhasedRun, phasesOf, trainFromScratch, trainPhases } from './run-phases.ts';
import { Stopwatch } from './stopwatch.ts';
import type { TrunkCacheOptions } from './trunk-cache.ts';

/** Options of {@link finetune}: where from and where to, and of {@link FinetuneSettings} what shall not be as by default. */
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
 * Fine-tunes a model of {@link regraft/models!MODELS | MODELS} on a folder of photos: a new head first, with all else frozen, then, where
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
  if (options.compareFromScratch && settings.weights === null)
    throw new ArgumentError('finetune: the run starts from random weights itself; leave compareFromScratch out.');
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
  const images = await watch.time('checking images', () =>
    readable(train, found.validation.withTransform(plain), photos, progress),
  );
  const inputs = await inputsDigest(images, photos, opened?.sha256);
  if (checkpoint && checkpoint.inputs !== inputs)
    throw new ArgumentError(
      `${out}: cannot be resumed: the photos or the weights have changed since. Run it without resume.`,
    );

  const device = await init();
  // Of a run begun before there was a choice: float32.
  const precision = availablePrecision(settings.precision ?? 'float32', progress);
  freezeFor(model, phases[0]!);
  const frozen = await watch.time('proof of freezing', () => FrozenSnapshot.of(model));
  const run: PhasedRun = {
    settings,
    validation: images.validation,
    loader: (phase) => loaderFor(images.train, phase, settings, sized),
    cache,
    precision,
    signal,
    progress,
  };
  let ended = performance.now();
  const state = await trainPhases(model, phases, run, {
    from: checkpoint,
    onEpoch: async (record, _, point) => {
      watch.add('validation', (performance.now() - ended) / 1000 - record.seconds);
      if (out !== null)
        await watch.time('checkpoints', async () =>
          writeCheckpoint(out, { ...(await point()), settings, inputs, date, seconds: watch.read() }),
        );
      await options.onEpoch?.(record);
      ended = performance.now();
    },
  });

  const proof = await watch.time('proof of freezing', () => frozen.proof(model));
  const { peakBytes: peakGpuBytes, compileSeconds: compiling } = currentDevice().counters;
  const predictions = await watch.time(
    'validation',
    () => state.best?.predictions ?? predictLogits(model, images.validation, { precision }),
  );
  const evaluation = evaluateLogits(predictions.logits, predictions.labels, predictions.classes);
  const mistakes = await watch.time('thumbnails', () => pictured(predictions, images.validation, photos));
  const comparisons = options.compareFromScratch
    ? [await watch.time('comparison from scratch', () => compared(entry, classes.length, run))]
    : [];
  const result = resultOf({
    options,
    settings: { ...settings, precision },
    date,
    device,
    model,
    opened,
    images,
    classes,
    plan: phases,
    phases: phasesOf(model, phases, state),
    state,
    evaluation,
    mistakes,
    frozen: proof,
    peakGpuBytes,
    comparisons,
    seconds: { ...watch.read(), compiling },
  });
  if (out !== null) {
    await saveModel(
      out,
      { model, name: settings.model, classes, transforms: plain },
      {
        [MODEL_FILES.metrics]: metricsJSON(result),
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
    'precision',
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

async function compared(entry: ModelEntry, classes: number, run: PhasedRun): Promise<ComparisonRun> {
  run.progress?.note('From scratch, for comparison:');
  return trainFromScratch(entry, classes, run);
}
