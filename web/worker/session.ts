/** One visitor's work: a network, its training, and what can be done with the result. */
import { ArgumentError } from '../../src/core/errors.ts';
import { manualSeed } from '../../src/core/random.ts';
import { init } from '../../src/graph/init.ts';
import { networkName } from '../../src/models/registry.ts';
import type { Checkpoint } from '../../src/runs/checkpoint.ts';
import type { RunState } from '../../src/runs/host.ts';
import { digestOf, type RunInputs } from '../../src/runs/inputs.ts';
import { Stopwatch } from '../../src/runs/stopwatch.ts';
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
import { Control, Stopped } from './control.ts';
import { describeNetwork, networkChoices } from './describe.ts';
import { deviceLost } from './faults.ts';
import { Live } from './live.ts';
import type { Photos } from './photos.ts';
import type { Trained } from './predict.ts';
import { Storage } from './storage.ts';
import { WeightsInMemory } from './weights-choice.ts';

const training = () => import('./training.ts');
const plans = () => import('./plan.ts');
const checkpoints = () => import('../../src/runs/checkpoint.ts');

export class Session {
  readonly #photos: Photos;
  readonly #post: (event: WorkerEvent) => void;
  readonly #storage: Storage;
  readonly #control = new Control();
  readonly #weights = new WeightsInMemory((text, share) => this.#work(text, share));
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
    const page = restored.page && { ...restored.page, model: networkName(restored.page.model) };
    return { ...restored, page, networks: networkChoices() };
  }

  save(state: PageState): Promise<void> {
    return this.#storage.putPage(state);
  }

  async clear(): Promise<void> {
    this.#trained = null;
    this.#weights.clear();
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
    const weights = await this.#weights.open(model, file);
    await this.#storage.putWeightsFile(file);
    return { model: weights.model, notes: weights.notes, tensors: weights.state.size };
  }

  pause(): Promise<void> {
    this.#control.pause();
    return this.#storage.putPaused(true);
  }

  resume(): Promise<void> {
    this.#control.resume();
    return this.#storage.putPaused(false);
  }

  stop(): void {
    this.#control.stop();
  }

  /**
   * Trains by the same recipe as `regraft finetune`. Stopped early it gives the best finished epoch.
   * @throws RegraftError for photos or weights that will not do.
   */
  async train(request: TrainRequest): Promise<Outcome> {
    const signal = this.#control.begin();
    await this.#storage.beginRun(request);
    return this.#run(request, null, signal);
  }

  /** Goes on from the last epoch that was finished, or begins anew where none was. */
  async continueRun(): Promise<Outcome> {
    const signal = this.#control.begin();
    const { request, checkpoint, paused } = await this.#storage.interruptedRun();
    if (paused) this.#control.pause();
    return this.#run(request, checkpoint && (await (await checkpoints()).readCheckpointFile(checkpoint)), signal);
  }

  /** The finished network in storage. */
  async reopen(): Promise<Outcome> {
    const { request, weights, state, outcome } = await this.#storage.finishedRun();
    const { readWeights } = await import('../../src/io/read.ts');
    const classes = request.classes.map(({ name, photos }) => ({ name, photos: photos.filter(this.#photos.has) }));
    const count = (list: TrainRequest['classes']) => list.reduce((n, { photos }) => n + photos.length, 0);
    const { built, planOf } = await plans();
    const plan = await planOf({ ...request, classes }, weights, this.#photos);
    const model = await built(plan, null);
    model.loadStateDict(await readWeights(state), { copy: false });
    this.#trained = { model: model.eval(), plan, outcome, gone: count(request.classes) - count(classes) };
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
    const weights = await watch.time('reading weights', () => this.#weights.of(request));
    signal.throwIfAborted();
    const { built, checkInputs, inputsOf, planOf } = await plans();
    const plan = await planOf(request, weights, this.#photos);
    const { settings } = plan;
    const listed = inputsOf(plan);
    if (checkpoint) checkInputs(checkpoint, listed);

    this.#work('Building the network');
    const { outcomeOf } = await training();
    manualSeed(settings.seed);
    const model = await watch.time('reading weights', () => built(plan, weights));
    const history = checkpoint?.progress.history ?? [];
    this.#post({ event: 'begun', epochs: settings.epochs, history });
    const place = {
      ...{ watch, date, checkpoint, signal, held: () => this.#control.held() },
      live: new Live(settings.epochs, history.length, this.#post),
      writeCheckpoint: (point: RunState) => this.#keep(point, listed),
      onTrained: () => this.#work('Scoring the held-out photos'),
    };
    const outcome = await outcomeOf(plan, model, place, (blob) => this.#photos.idOf(blob));
    return { model: model.eval(), plan, outcome, gone: 0 };
  }

  #keep(point: RunState, listed: RunInputs): Promise<void> {
    return this.#storage.putCheckpoint(async () =>
      (await checkpoints()).checkpointChunks({ ...point, inputs: await digestOf(listed), listed }),
    );
  }

  /**
   * Trains the same network from random weights. One that was interrupted goes on from its last finished epoch.
   * @throws ArgumentError before training, where photos of the run are gone, or where it is stopped.
   */
  async compare(): Promise<Outcome> {
    const { plan, outcome, gone } = this.#finished();
    if (gone) throw new ArgumentError(`comparison: photos of the run are gone (${gone}). Train again, then compare.`);
    const { entry, settings, train } = plan;
    const signal = this.#control.begin();
    const { checkpoint, paused } = await this.#storage.beginComparison();
    if (paused) this.#control.pause();
    try {
      const from = checkpoint && (await (await checkpoints()).readCheckpointFile(checkpoint));
      const history = from?.progress.history ?? [];
      this.#post({ event: 'begun', epochs: settings.epochs, history });
      const live = new Live(settings.epochs, history.length, this.#post);
      const listed = (await plans()).inputsOf(plan);
      const { date, seconds } = outcome.result;
      const { hostOf, phasedRun, runPlanOf, trainFromScratch } = await training();
      const watch = new Stopwatch(seconds);
      const place = { watch, date, checkpoint: from, live, signal, held: () => this.#control.held() };
      const host = hostOf({ ...place, writeCheckpoint: async () => {} }, plan.validation);
      const run = phasedRun(runPlanOf(plan, this.#finished().model), host);
      const comparison = await trainFromScratch(entry, train.classes.length, run, {
        from,
        onEpoch: async (record, _, point) => {
          live.finished(record);
          await this.#keep({ ...(await point()), settings, date, seconds }, listed);
        },
      });
      const compared = { ...outcome, result: { ...outcome.result, comparisons: [comparison] } };
      if (this.#trained) this.#trained = { ...this.#trained, outcome: compared };
      await this.#storage.endComparison(compared);
      return compared;
    } catch (error) {
      if (!deviceLost()) await this.#storage.endComparison(null);
      throw error instanceof Stopped ? new ArgumentError('The comparison was stopped.') : error;
    }
  }

  /** Probabilities in class order. @throws DataError for what is no image; ArgumentError before training. */
  async predict(image: File | ImageBitmap): Promise<number[]> {
    const { probabilities } = await import('./predict.ts');
    return probabilities(this.#finished(), image);
  }

  /** @throws as {@link predict}. */
  async explain(image: File | number, target: number | null): Promise<Explanation> {
    const file = typeof image === 'number' ? this.#photos.file(image) : image;
    const { explained } = await import('./explain.ts');
    return explained(this.#finished(), file, target);
  }

  async export(kind: ExportKind): Promise<File> {
    const { exported } = await import('./export.ts');
    return exported(this.#finished(), kind);
  }

  #finished(): Trained {
    if (this.#trained) return this.#trained;
    throw new ArgumentError('there is no trained network yet. Train one first.');
  }

  #work(text: string, share: number | null = null): void {
    this.#post({ event: 'work', text, share });
  }
}
