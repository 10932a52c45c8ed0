/** One visitor's work: a network, its training, and what can be done with the result. */
import { ArgumentError } from '../../src/core/errors.ts';
import { manualSeed } from '../../src/core/random.ts';
import { init } from '../../src/device/current.ts';
import { type Checkpoint, checkpointChunks, readCheckpointFile } from '../../src/train/checkpoint.ts';
import type { FitState } from '../../src/train/fit.ts';
import { FrozenSnapshot } from '../../src/train/freezing-proof.ts';
import { freezeFor } from '../../src/train/recipe.ts';
import { loaderFor, type PhasedRun, trainFromScratch, trainPhases } from '../../src/train/run-phases.ts';
import { Stopwatch } from '../../src/train/stopwatch.ts';
import type {
  Explanation,
  ExportKind,
  NetworkInfo,
  OpenedDevice,
  OpenedFile,
  Outcome,
  PageState,
  Restored,
  TrainRequest,
  WorkerEvent,
} from '../messages.ts';
import { describeNetwork } from './describe.ts';
import { deviceLost } from './faults.ts';
import { Live } from './live.ts';
import { Pause } from './pause.ts';
import type { Photos } from './photos.ts';
import { built, inputsOf, type Plan, planOf } from './plan.ts';
import { explained, probabilities, type Trained } from './predict.ts';
import { outcomeOf } from './result.ts';
import { Storage } from './storage.ts';
import type { LoadedWeights } from './weights.ts';

/** Thrown where the visitor stops a run. */
class Stopped extends Error {}

export class Session {
  readonly #photos: Photos;
  readonly #post: (event: WorkerEvent) => void;
  readonly #storage: Storage;
  readonly #pause = new Pause();
  #stop: AbortController | null = null;
  #file: { readonly file: File; readonly weights: LoadedWeights } | null = null;
  #published: LoadedWeights | null = null;
  #trained: Trained | null = null;

  constructor(photos: Photos, post: (event: WorkerEvent) => void) {
    this.#photos = photos;
    this.#post = post;
    this.#storage = new Storage((reason) => post({ event: 'unsaved', reason }));
    photos.keep = (id, file) => this.#storage.putPhoto(id, file);
  }

  /** @throws DeviceError where the browser gives no GPU. */
  async open(): Promise<OpenedDevice> {
    const { description, software } = await init();
    return { description, software };
  }

  async restore(): Promise<Restored> {
    const restored = await this.#storage.restore();
    this.#photos.restore(restored.photos);
    return restored;
  }

  save(state: PageState): Promise<void> {
    return this.#storage.putPage(state);
  }

  async clear(): Promise<void> {
    this.#trained = null;
    this.#file = null;
    this.#photos.clear();
    await this.#storage.clear();
  }

  async removePhotos(ids: readonly number[]): Promise<void> {
    this.#photos.remove(ids);
    await this.#storage.removePhotos(ids);
  }

  /** What a network consists of, for so many classes; nothing is loaded. */
  describe(name: string, classes: number): Promise<NetworkInfo> {
    return describeNetwork(name, classes);
  }

  /** @throws WeightFileError where it cannot be read or fits nothing. */
  async openFile(model: string, file: File): Promise<OpenedFile> {
    const { fitting } = await import('./weights.ts');
    const weights = await fitting(model, file);
    this.#file = { file, weights };
    await this.#storage.putWeightsFile(file);
    return { model: weights.model, notes: weights.notes, tensors: weights.state.size };
  }

  pause(): void {
    this.#pause.begin();
  }

  resume(): void {
    this.#pause.end();
  }

  stop(): void {
    this.#stop?.abort(new Stopped('stopped'));
    this.#pause.end();
  }

  /**
   * Trains by the same recipe as `regraft finetune`. Stopped early it gives the best finished epoch.
   * @throws RegraftError for photos or weights that will not do.
   */
  async train(request: TrainRequest): Promise<Outcome> {
    const signal = this.#begin();
    await this.#storage.beginRun(request);
    return this.#run(request, null, signal);
  }

  /** Goes on from the last epoch that was finished, or begins anew where none was. */
  async continueRun(): Promise<Outcome> {
    const signal = this.#begin();
    const { request, checkpoint } = await this.#storage.interruptedRun();
    return this.#run(request, checkpoint && (await readCheckpointFile(checkpoint)), signal);
  }

  /** The finished network in storage. */
  async reopen(): Promise<Outcome> {
    const { request, weights, state, outcome } = await this.#storage.finishedRun();
    const { readWeights } = await import('../../src/io/read.ts');
    const plan = planOf(request, weights, this.#photos);
    const model = await built(plan, null);
    model.loadStateDict(await readWeights(state), { copy: false });
    this.#trained = { model: model.eval(), plan, outcome };
    return outcome;
  }

  async #run(request: TrainRequest, checkpoint: Checkpoint | null, signal: AbortSignal): Promise<Outcome> {
    this.#trained = null;
    try {
      const trained = await this.#trainedBy(request, checkpoint, signal);
      this.#trained = trained;
      const { model, plan, outcome } = trained;
      await this.#storage.endRun(async () => ({
        request,
        weights: plan.weights,
        state: await model.stateDict(),
        outcome,
      }));
      return outcome;
    } catch (error) {
      // A lost GPU leaves the run where it can be taken up again.
      if (!deviceLost()) await this.#storage.endRun(null);
      throw error instanceof Stopped
        ? new ArgumentError('training: stopped before the first epoch was over; nothing was kept.')
        : error;
    }
  }

  async #trainedBy(request: TrainRequest, checkpoint: Checkpoint | null, signal: AbortSignal): Promise<Trained> {
    const watch = new Stopwatch(checkpoint?.seconds);
    const date = checkpoint?.date ?? new Date().toISOString();
    this.#work('Opening the GPU');
    await init();
    const weights = await watch.time('reading weights', () => this.#weights(request));
    signal.throwIfAborted();
    const plan = planOf(request, weights, this.#photos);
    const { settings, phases } = plan;
    const inputs = await inputsOf(plan);
    if (checkpoint && checkpoint.inputs !== inputs)
      throw new ArgumentError(
        'training: cannot go on: the photos or the weights have changed since. Press Train to begin again.',
      );

    this.#work('Building the network');
    manualSeed(settings.seed);
    const model = await watch.time('reading weights', () => built(plan, weights));
    freezeFor(model, phases[0]!);
    const frozen = await watch.time('proof of freezing', () => FrozenSnapshot.of(model));
    let state: FitState = checkpoint?.progress ?? { history: [], stepLosses: [], best: null, waited: 0 };
    this.#post({ event: 'begun', epochs: settings.epochs, history: state.history });
    const live = new Live(settings.epochs, state.history.length, this.#post);
    try {
      state = await trainPhases(model, phases, this.#phased(plan, live, signal), {
        from: checkpoint,
        onEpoch: async (record, now, point) => {
          state = now;
          live.finished(record);
          await watch.time('checkpoints', () =>
            this.#storage.putCheckpoint(async () =>
              checkpointChunks({ ...(await point()), settings, inputs, date, seconds: watch.read() }),
            ),
          );
        },
      });
    } catch (error) {
      if (!(error instanceof Stopped) || !state.best) throw error;
      if (state.best.state) model.loadStateDict(state.best.state, { strict: false });
    }
    this.#work('Scoring the held-out photos');
    const proof = await watch.time('proof of freezing', () => frozen.proof(model));
    const run = { watch, date, plan, model, state, proof };
    const outcome = await outcomeOf(run, (blob) => this.#photos.idOf(blob));
    return { model: model.eval(), plan, outcome };
  }

  /** @throws ArgumentError before training, or where it is stopped. */
  async compare(): Promise<Outcome> {
    const trained = this.#finished();
    const { plan, outcome } = trained;
    const { entry, settings, train } = plan;
    const signal = this.#begin();
    const live = new Live(settings.epochs, 0, this.#post);
    try {
      const run = this.#phased(plan, live, signal);
      const comparison = await trainFromScratch(entry, train.classes.length, run, (record) => live.finished(record));
      const result = { ...outcome.result, comparisons: [comparison] };
      this.#trained = { ...trained, outcome: { ...outcome, result } };
      await this.#storage.putOutcome(this.#trained.outcome);
      return this.#trained.outcome;
    } catch (error) {
      throw error instanceof Stopped ? new ArgumentError('The comparison was stopped.') : error;
    }
  }

  /** Probabilities in class order. @throws DataError for what is no image; ArgumentError before training. */
  async predict(image: File | ImageBitmap): Promise<number[]> {
    return probabilities(this.#finished(), image);
  }

  /** @throws as {@link predict}. */
  async explain(image: File | number, target: number | null): Promise<Explanation> {
    const file = typeof image === 'number' ? this.#photos.file(image) : image;
    return explained(this.#finished(), file, target);
  }

  async export(kind: ExportKind): Promise<File> {
    const { exported } = await import('./export.ts');
    return exported(this.#finished(), kind);
  }

  /** A run begins: it can be paused and stopped. */
  #begin(): AbortSignal {
    this.#stop = new AbortController();
    this.#pause.end();
    return this.#stop.signal;
  }

  #phased({ settings, train, validation, preset }: Plan, progress: Live, signal: AbortSignal): PhasedRun {
    return {
      settings,
      validation,
      loader: (phase) => loaderFor(train, phase, settings, preset),
      signal,
      progress,
      beforeBatch: () => this.#pause.over(),
    };
  }

  #finished(): Trained {
    if (this.#trained) return this.#trained;
    throw new ArgumentError('there is no trained network yet. Train one first.');
  }

  #work(text: string, share: number | null = null): void {
    this.#post({ event: 'work', text, share });
  }

  async #weights({ model, weights }: TrainRequest): Promise<LoadedWeights | null> {
    if (weights.kind === 'random') return null;
    if (weights.kind === 'file') {
      if (this.#file?.file !== weights.file || this.#file.weights.model !== model) {
        this.#work(`Reading ${weights.file.name}`);
        await this.openFile(model, weights.file);
      }
      const { weights: opened } = this.#file!;
      if (opened.model !== model)
        throw new ArgumentError(`${weights.file.name}: these are the weights of ${opened.model}, not of ${model}.`);
      return opened;
    }
    if (this.#published?.model === model) return this.#published;
    this.#work('Reading the weights');
    const { publishedWeights } = await import('./weights.ts');
    this.#published = await publishedWeights(model, (received, total) => {
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
      const text = `Downloading the weights, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''} MB`;
      this.#work(text, total ? received / total : null);
    });
    return this.#published;
  }
}
