/** Fine-tuning from end to end: a folder of photos and pretrained weights in, a model with its report out. */
import { join, relative } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { manualSeed } from '../core/random.ts';
import { describePhotos } from '../data/folders/describe-photos.ts';
import { accountFor } from '../data/folders/photo-account.ts';
import { thumbnail } from '../data/images/encode.ts';
import { classificationTransforms } from '../data/transforms/compose.ts';
import { init } from '../graph/init.ts';
import { topologyOf } from '../models/topology.ts';
import type { DEFAULT_TASK, TaskName } from '../tasks/kinds.ts';
import { checkTask } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import { movingState } from '../train/fit.ts';
import type { EpochRecord } from '../train/history.ts';
import type { Progress } from '../train/progress.ts';
import type { TrunkCacheOptions } from '../train/trunk/trunk-cache.ts';
import type { Checkpoint } from './checkpoint.ts';
import { checkTensors } from './checkpoint-check.ts';
import { CHECKPOINT_FILE, readCheckpoint, writeCheckpoint } from './checkpoint-folder.ts';
import { describeTraining } from './describe-training.ts';
import { takeFolder } from './folder.ts';
import { checkLock } from './folder-lock.ts';
import { withFoundRate } from './found-rate.ts';
import type { RunState } from './host.ts';
import { inputsOf, openLabelled, readable } from './images.ts';
import { differences, digestOf, type RunInputs } from './inputs.ts';
import { metricsJSON } from './metrics-json.ts';
import { MODEL_FILES } from './model-description.ts';
import { saveModel } from './model-folder.ts';
import { checkComparable, normalisedAs, notesOnGraph } from './open-onnx.ts';
import { openWeights } from './open-weights.ts';
import { OPTIONS, type SettingsOptions } from './options.ts';
import { checkNames, newPlan, type Plan, resumedPlan } from './plan.ts';
import { freezeFor, groupsOf, planPhases } from './recipe.ts';
import { renderReport } from './report.ts';
import type { FinetuneResult } from './result.ts';
import { runFinetune } from './run.ts';
import { reproduceCommand, settingsFor } from './settings.ts';
import { buildModel, placeOf, presetOf, requireUsable, weightFileOf } from './start.ts';
import { Stopwatch } from './stopwatch.ts';
import { version } from './version.ts';

/** Options of {@link finetune}: where from and where to, and of {@link FinetuneSettings} what shall not be as by default. */
export interface FinetuneOptions<T extends TaskName = typeof DEFAULT_TASK>
  extends Omit<SettingsOptions, 'task' | 'lr'> {
  /** Of the head; 'find' tries some on a few batches, and the rate found is the run's. */
  readonly lr?: number | 'find' | undefined;
  /** What to learn: a name, or 'auto' for whatever the labels are of. Image classification by default. */
  readonly task?: T | 'auto' | undefined;
  /**
   * A folder with one sub-folder a class, or with `train` and `val` of that kind; or with a table that names the images and says what they show. A
   * .zip of either.
   */
  readonly photos: string;
  /** Where the model, its metrics and its report go; without it nothing is saved. */
  readonly out?: string | null | undefined;
  /** Go on from the checkpoint in `out`, also where its epochs are done, for more of them. Settings that are not given are as the run was begun. */
  readonly resume?: boolean | undefined;
  /** Train no more: save the best of what the checkpoint in `out` holds. */
  readonly finish?: boolean | undefined;
  /** Compute the frozen part once per image and view. On by default; the result is the same without. */
  readonly cache?: boolean | TrunkCacheOptions | undefined;
  /** Afterwards train the same model from random weights for as many epochs, to compare with. */
  readonly compareFromScratch?: boolean | undefined;
  /** The command as it was typed, for the report. */
  readonly command?: string | undefined;
  /** Stops the run before its next batch. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far it is; `createProgress()` draws a bar. */
  readonly progress?: Progress | null | undefined;
  /** After each epoch, when its checkpoint is written. */
  readonly onEpoch?: ((record: EpochRecord) => unknown) | undefined;
}

const NAMES: OptionNames<FinetuneOptions> = {
  ...OPTIONS,
  photos: true,
  out: true,
  resume: true,
  finish: true,
  cache: true,
  compareFromScratch: true,
  command: true,
  signal: true,
  progress: true,
  onEpoch: true,
};

/**
 * Fine-tunes a model of {@link regraft/models!MODELS | MODELS} on a folder of photos: a new head first, with all else frozen, then, where
 * `freezeUntil` names an earlier stage, from there on at a lower rate. The best epoch's weights are kept. Photos that cannot
 * be read are left out and named in the result. Where `weights` is the folder of a fine-tuned model, its head is kept for the classes that
 * it knows.
 * @param options Those of `npx regraft finetune`; `photos` is needed.
 * @throws RegraftError of some kind for whatever is wrong with the input, before anything is written where it can be known.
 * @example
 * await finetune({ photos: 'photos', model: 'squeezenet1_1', weights: 'squeezenet1_1.pth', epochs: 2, out: 'runs/photos' });
 */
export async function finetune<T extends TaskName = typeof DEFAULT_TASK>(
  options: FinetuneOptions<T>,
): Promise<FinetuneResult<T>> {
  checkOptions('finetune', options as FinetuneOptions, NAMES);
  const { out = null, progress = null, resume = false, finish = false } = options;
  const settled = settledOptions(options);
  const checkpoint = resume || finish ? await readCheckpoint(outFolder(out)) : null;
  const plan = checkpoint ? await resumedPlan(out!, settled, checkpoint) : await newPlan(settled);
  if (options.compareFromScratch && plan.settings.weights === null)
    throw new ArgumentError('finetune: the run starts from random weights itself; leave compareFromScratch out.');
  if (options.compareFromScratch) checkComparable(plan.tuned);
  await checkNames(plan);
  if (out === null) return trainAndSave<T>(options, plan);
  const { release, replaced } = await takeFolder(out);
  try {
    const note = checkpoint ? goesOn(checkpoint, plan, finish) : replaced;
    if (note) progress?.note(note);
    return await trainAndSave<T>(options, plan);
  } finally {
    release();
  }
}

/** Reads the photos and the weights, trains, and saves. */
async function trainAndSave<T extends TaskName>(options: FinetuneOptions<T>, plan: Plan): Promise<FinetuneResult<T>> {
  const { photos, out = null, cache = true, progress = null, signal } = options;
  const { entry, tuned, checkpoint } = plan;
  const watch = new Stopwatch(checkpoint?.seconds);
  const date = checkpoint?.date ?? new Date().toISOString();
  const { task, ...found } = await openLabelled(photos, plan.settings, options.task);
  const chosen = settingsFor(task, plan.settings, entry);
  const { weights } = chosen;
  const opened =
    weights === null
      ? null
      : await watch.time('reading weights', async () => ({
          ...(await openWeights(chosen.model, entry, weightFileOf(weights), progress)),
          ...(tuned && { source: weights }),
        }));
  const classes = found.names;
  manualSeed(chosen.seed);
  const { model, kept: trained } = await watch.time('reading weights', () =>
    buildModel(entry, opened, tuned, classes, chosen, progress).finally(() => opened?.file.close()),
  );
  if (opened) await requireUsable(opened.source, model);
  progress?.note(`Task: ${task}, ${found.table === null ? 'by the names of the folders' : `by ${found.how}`}.`);
  if (tuned) for (const note of notesOnGraph(tuned, chosen)) progress?.note(note);
  const preset = normalisedAs((tuned && presetOf(tuned.transforms)) ?? opened?.transforms ?? entry.input, chosen);
  const { imageSize, orientation } = chosen;
  const resize = Math.round((imageSize * preset.resize) / preset.crop);
  const sized = { ...preset, resize, crop: imageSize, orientation };
  const plain = classificationTransforms(sized);
  const train = found.train.withTransform(plain);
  const images = await watch.time('checking images', () =>
    readable(train, found.validation.withTransform(plain), photos, progress),
  );
  const label = (index: number) => images.train.label(index);
  await imageTask(task).begin?.(
    model.getSubmodule(entry.head),
    { classes, length: images.train.length, label },
    trained,
  );
  const finds = options.lr === 'find' && !checkpoint;
  const before = { settings: chosen, entry, task, classes, model, train: images.train, preset: sized };
  const settings = finds ? await watch.time('learning rate', () => withFoundRate(before, options)) : chosen;
  const phases = finds ? planPhases(settings, entry) : plan.phases;
  const listed = await inputsOf(images, photos, opened?.sha256, settings);
  const inputs = await digestOf(listed);
  if (checkpoint && checkpoint.inputs !== inputs) throw otherInputs(out!, checkpoint, listed);
  if (progress) {
    const account = await accountFor({ ...found, ...images }, (path) => relative(photos, path), images.unreadable);
    for (const line of describePhotos(account)) progress.note(line);
    progress.note(describeTraining(phases, settings, entry));
  }
  await init();
  if (checkpoint) {
    freezeFor(model, phases[checkpoint.phase]!);
    const groups = groupsOf(model, phases[checkpoint.phase]!, settings).map(({ params }) => params);
    const moving = await movingState(model);
    const keepsBest = images.validation.length > 0;
    checkTensors(join(out!, CHECKPOINT_FILE), checkpoint, { moving, trained: groups, keepsBest });
  }
  const reproduce = reproduceCommand(photos, out, settings);
  const kept = {
    topology: topologyOf(model),
    inputs,
    listed,
    start: out === null ? null : placeOf(out, weights, opened?.sha256),
  };
  const { result } = await runFinetune(
    {
      ...{ settings, task, entry, phases, classes, model },
      weights: opened && { source: opened.source, sha256: opened.sha256 },
      preset: sized,
      train: images.train,
      validation: images.validation,
      source: photos,
      skipped: images.bad,
      command: options.command ?? reproduce,
      reproduce,
      cache,
      compareFromScratch: options.compareFromScratch,
    },
    {
      version,
      date,
      watch,
      progress,
      signal,
      checkpoint,
      finish: options.finish,
      ...(out !== null && {
        writeCheckpoint: async (point: RunState) => {
          checkLock(out);
          await writeCheckpoint(out, { ...point, ...kept });
        },
      }),
      onEpoch: options.onEpoch,
      picture: async (index) => {
        const { path } = images.validation.samples[index]!;
        const { transform } = images.validation;
        return { path: relative(photos, path), thumbnail: await thumbnail(path, 200, transform).catch(() => null) };
      },
      shortPath: (path) => relative(photos, path),
    },
  );
  if (out !== null) {
    checkLock(out);
    await saveModel(
      out,
      { model, name: settings.model, task, classes, transforms: plain },
      {
        [MODEL_FILES.metrics]: metricsJSON(result),
        [MODEL_FILES.report]: renderReport(result),
      },
    );
  }
  return result as FinetuneResult<T>;
}

/** The options of a plan: 'find' is no rate, 'auto' is no task, and what is none is image classification only when the labels are known. */
function settledOptions<T extends TaskName>({
  task,
  lr,
  ...options
}: FinetuneOptions<T>): SettingsOptions & Pick<FinetuneOptions, 'out'> {
  const settled = { ...options, ...(lr !== 'find' && { lr }) };
  if (task === undefined || task === 'auto') return settled;
  return { ...settled, task: checkTask('finetune', task) };
}

function otherInputs(out: string, { listed: then }: Checkpoint, now: RunInputs): ArgumentError {
  const what = then && differences(then, now);
  return new ArgumentError(
    what
      ? `${out}: cannot be resumed: ${what}. Put back what it was begun with, or run it without resume.`
      : `${out}: cannot be resumed: the photos, the weights or the settings have changed since. Run it without resume.`,
  );
}

function outFolder(out: string | null): string {
  if (out !== null) return out;
  throw new ArgumentError('finetune: resume needs out, the folder of the interrupted run.');
}

function goesOn({ progress }: Checkpoint, { settings }: Plan, finish: boolean): string {
  const done = progress.history.length;
  if (finish) return `Ends after epoch ${done} of ${settings.epochs}, with the best so far.`;
  if (done < settings.epochs) return `Goes on after epoch ${done} of ${settings.epochs}.`;
  return `All ${done} epochs are done; --epochs ${2 * done} would go on for as many more.`;
}
