/** One visitor's work: a network, its training, and what can be done with the result. */
import { ArgumentError } from '../../src/core/errors.ts';
import { manualSeed } from '../../src/core/random.ts';
import { BlobDataset } from '../../src/data/blob-dataset.ts';
import { classificationTransforms, trainingTransforms } from '../../src/data/compose.ts';
import { DataLoader } from '../../src/data/data-loader.ts';
import { init } from '../../src/device/current.ts';
import { graftHead } from '../../src/models/registry.ts';
import type { Module } from '../../src/nn/index.ts';
import { type FitState, fit, movingState } from '../../src/train/fit.ts';
import { FrozenSnapshot } from '../../src/train/freezing-proof.ts';
import {
  type FinetuneSettings,
  freezeFor,
  optimizerFor,
  type PlannedPhase,
  planPhases,
  resolveSettings,
} from '../../src/train/recipe.ts';
import type { FinetuneResult, Phase } from '../../src/train/result.ts';
import { Stopwatch } from '../../src/train/stopwatch.ts';
import type {
  ExportKind,
  NetworkInfo,
  OpenedDevice,
  OpenedFile,
  TrainRequest,
  WeightsInfo,
  WorkerEvent,
} from '../messages.ts';
import { SMALL_RESNET } from '../model-names.ts';
import { Live } from './live.ts';
import { CARRIED, networkEntry } from './networks.ts';
import { Pause } from './pause.ts';
import type { Photos } from './photos.ts';
import { probabilities, type Trained } from './predict.ts';
import { resultOf } from './result.ts';
import { isStored } from './storage.ts';
import type { LoadedWeights } from './weights.ts';

/** Part of each class that is held out. */
const HELD_OUT = 0.2;

/** Thrown where the visitor stops a run. */
class Stopped extends Error {}

export class Session {
  readonly #photos: Photos;
  readonly #post: (event: WorkerEvent) => void;
  readonly #pause = new Pause();
  #stop: AbortController | null = null;
  #file: { readonly file: File; readonly weights: LoadedWeights } | null = null;
  #published: LoadedWeights | null = null;
  #trained: Trained | null = null;

  constructor(photos: Photos, post: (event: WorkerEvent) => void) {
    this.#photos = photos;
    this.#post = post;
  }

  /** @throws DeviceError where the browser gives no GPU. */
  async open(): Promise<OpenedDevice> {
    const { description, software } = await init();
    return { description, software };
  }

  /** What a network consists of, for so many classes; nothing is loaded. */
  async describe(name: string, classes: number): Promise<NetworkInfo> {
    const entry = networkEntry(name);
    const model = await entry.create({ numClasses: Math.max(1, classes) });
    const trainable = entry.stages.map((path) =>
      sizeOf(
        model
          .freezeUntil(path)
          .parameters()
          .filter((p) => p.requires_grad),
      ),
    );
    return {
      model: name,
      inputSize: entry.inputSize,
      parameters: sizeOf(model.parameters()),
      stages: entry.stages.map((path, i) => ({
        path,
        parameters: trainable[i]! - (trainable[i + 1] ?? 0),
        trainable: trainable[i]!,
      })),
      published: await publishedInfo(name),
    };
  }

  /** @throws WeightFileError where it cannot be read or fits nothing. */
  async openFile(model: string, file: File): Promise<OpenedFile> {
    const { fitting } = await import('./weights.ts');
    const weights = await fitting(model, file);
    this.#file = { file, weights };
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
  async train(request: TrainRequest): Promise<FinetuneResult> {
    const watch = new Stopwatch();
    const date = new Date().toISOString();
    this.#trained = null;
    this.#stop = new AbortController();
    this.#pause.end();
    const { signal } = this.#stop;
    this.#work('Opening the GPU');
    await init();

    const weights = await watch.time('reading weights', () => this.#weights(request));
    signal.throwIfAborted();
    const entry = networkEntry(request.model);
    const { epochs, batchSize, learningRate } = request;
    const settings = resolveSettings(
      {
        model: request.model,
        weights: weights?.source ?? null,
        freezeUntil: request.freezeUntil === entry.stages[0] ? 'none' : request.freezeUntil,
        epochs,
        batchSize,
        ...(learningRate !== null && { lr: learningRate }),
      },
      entry,
    );
    const phases = planPhases(settings, entry);
    const preset = weights?.transforms ?? entry.transforms;
    const plain = classificationTransforms(preset);
    const classes = request.classes.map((c) => c.name);
    const all = new BlobDataset(
      classes,
      request.classes.flatMap(({ photos }, label) =>
        photos.map((id) => {
          const blob = this.#photos.file(id);
          return { blob, path: `${classes[label]}/${blob.name}`, label };
        }),
      ),
      plain,
    );
    if (classes.length < 2) throw new ArgumentError('training: a classifier needs two or more classes.');
    const [train, validation] = all.split(HELD_OUT, { seed: settings.seed });

    this.#work('Building the network');
    manualSeed(settings.seed);
    const model = await watch.time('reading weights', () => built(request.model, weights, classes.length));
    freezeFor(model, phases[0]!);
    const frozen = await watch.time('proof of freezing', () => FrozenSnapshot.of(model));
    const plan = phases.map((phase): Phase => {
      freezeFor(model, phase);
      const { name, epochs: length, learningRate: rate, frozenUntil } = phase;
      const trainableParameters = sizeOf(model.parameters().filter((p) => p.requires_grad));
      return { name, epochs: length, learningRate: rate, trainableParameters, frozenUntil };
    });
    this.#post({ event: 'begun', phases: plan, epochs, images: train.length });

    let state: FitState = { history: [], stepLosses: [], best: null, waited: 0 };
    const live = new Live(epochs, this.#post);
    try {
      for (const [p, phase] of phases.entries()) {
        freezeFor(model, phase);
        state = { ...state, waited: 0, best: state.best && { ...state.best, state: await movingState(model) } };
        const loader = loaderFor(train, phase, settings, preset);
        const { optimizer, schedule } = optimizerFor(model, phase, settings, loader.length);
        state = await fit(model, {
          train: loader,
          validation,
          epochs: phase.epochs,
          totalEpochs: epochs,
          phase: p,
          from: state,
          optimizer,
          schedule,
          scheduleEvery: 'batch',
          cache: true,
          signal,
          progress: live,
          beforeBatch: () => this.#pause.over(),
          onEpoch: (record, now) => {
            state = now;
            live.finished(record);
          },
        });
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      if (!state.best) throw new ArgumentError('training: stopped before the first epoch was over; nothing was kept.');
      if (state.best.state) model.loadStateDict(state.best.state, { strict: false });
    }
    this.#work('Scoring the held-out photos');
    const proof = await watch.time('proof of freezing', () => frozen.proof(model));
    const result = await resultOf({ watch, date, settings, weights, model, train, validation, plan, state, proof });
    model.eval();
    this.#trained = { model, name: request.model, classes, transforms: plain, result };
    return result;
  }

  /** Probabilities in class order. @throws DataError for what is no image; ArgumentError before training. */
  async predict(image: File | ImageBitmap): Promise<number[]> {
    return probabilities(this.#finished(), image);
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
      const share = total ? received / total : null;
      this.#work(
        `Downloading the weights, ${(received / 1e6).toFixed(1)}${total ? ` of ${(total / 1e6).toFixed(1)}` : ''} MB`,
        share,
      );
    });
    return this.#published;
  }
}

async function publishedInfo(name: string): Promise<WeightsInfo | null> {
  if (name === SMALL_RESNET) return { name: 'trained on drawn pictures', megabytes: CARRIED.megabytes, where: 'page' };
  const record = networkEntry(name).weights?.DEFAULT;
  if (!record) return null;
  const where = (await isStored(record)) ? 'storage' : 'publisher';
  return { name: record.name, megabytes: (record.sizeMiB * 2 ** 20) / 1e6, where };
}

function sizeOf(parameters: readonly { readonly size: number }[]): number {
  return parameters.reduce((n, p) => n + p.size, 0);
}

async function built(name: string, weights: LoadedWeights | null, classes: number): Promise<Module> {
  const entry = networkEntry(name);
  if (!weights) return entry.create({ numClasses: classes });
  const model = await entry.create({ numClasses: weights.numClasses });
  model.loadStateDict(weights.state, { copy: false });
  graftHead(model, entry.head, classes);
  return model;
}

function loaderFor(
  train: BlobDataset,
  { augment }: PlannedPhase,
  { batchSize, seed }: FinetuneSettings,
  preset: LoadedWeights['transforms'],
): DataLoader {
  // Gentler than ImageNet's: a few photos cannot afford crops of a twelfth.
  const data = augment > 0 ? train.withTransform(trainingTransforms({ ...preset, scale: [0.5, 1] })) : train;
  return new DataLoader(data, { batchSize, shuffle: true, seed, ...(augment > 0 && { views: augment }) });
}
