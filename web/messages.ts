/** What the page and its Worker say to each other. Everything here can be cloned from one to the other. */

import type { FinetuneResult } from '../src/runs/result.ts';
import type { EpochRecord } from '../src/train/history.ts';

/** The GPU that was found. */
export interface OpenedDevice {
  readonly description: string;
  /** No GPU: a CPU that does its work, slowly. */
  readonly software: boolean;
}

export interface WeightsInfo {
  /** `IMAGENET1K_V1`. */
  readonly name: string;
  readonly megabytes: number;
  /** Part of the page, in this origin's storage already, or still at its publisher's. */
  readonly where: 'page' | 'storage' | 'publisher';
}

/** A layer with parameters of its own. */
export interface LayerInfo {
  /** `layer4.0.conv1`. */
  readonly path: string;
  /** `Conv2d`. */
  readonly type: string;
  readonly parameters: number;
}

/** Where training may start, and what it then trains. */
export interface StageInfo {
  /** As `freezeUntil` takes it: `layer4`. */
  readonly path: string;
  readonly layers: readonly LayerInfo[];
  /** Parameters of this stage alone. */
  readonly parameters: number;
  /** Parameters that are trained from here on, a new head included. */
  readonly trainable: number;
}

/** A network before it is loaded. */
export interface NetworkInfo {
  readonly model: string;
  readonly inputSize: number;
  readonly parameters: number;
  /** From the first layers to the head. */
  readonly stages: readonly StageInfo[];
  readonly published: WeightsInfo | null;
}

/** A network that the page offers. */
export interface NetworkChoice {
  readonly name: string;
  /** For people. */
  readonly title: string;
}

/** Where a network's weights come from. */
export type WeightsChoice =
  | { readonly kind: 'published' }
  | { readonly kind: 'file'; readonly file: File }
  | { readonly kind: 'random' };

/** A weight file that fits a network. */
export interface OpenedFile {
  /** The network it fits: the one that was asked for, or another. */
  readonly model: string;
  /** How it was read, a sentence each. */
  readonly notes: readonly string[];
  readonly tensors: number;
}

export interface TrainRequest {
  readonly model: string;
  readonly weights: WeightsChoice;
  readonly classes: readonly { readonly name: string; readonly photos: readonly number[] }[];
  /** Of these photos, those to validate with; where there are none, a part of each class is held out. */
  readonly heldOut?: readonly number[];
  /** A stage's path. */
  readonly freezeUntil: string;
  readonly epochs: number;
  readonly batchSize: number;
  /** null: the recipe's. */
  readonly learningRate: number | null;
}

/** Made pictures, for a visitor who has none at hand. */
export interface SampleClass {
  readonly name: string;
  readonly files: readonly File[];
}

export interface Sample {
  readonly classes: readonly SampleClass[];
  /** One that is in no class. */
  readonly held: File;
  readonly model: string;
  readonly epochs: number;
  readonly learningRate: number;
}

export type ExportKind = 'folder' | 'page' | 'safetensors' | 'pth' | 'onnx' | 'report' | 'description';

/** What a run gives. */
export interface Outcome {
  readonly result: FinetuneResult;
  /** Photo ids of `result.worstMistakes`, in the same order. */
  readonly mistakes: readonly number[];
}

/** Which parts of a picture speak for a class. */
export interface Explanation {
  /** Index of the class. */
  readonly target: number;
  /** In class order. */
  readonly probabilities: readonly number[];
  /** What the network sees of the picture. */
  readonly picture: Blob;
  /** The same under Grad-CAM's map. */
  readonly heat: Blob;
}

/** What the page shows and the Worker does not know otherwise. Kept in this origin's storage. */
export interface PageState {
  readonly classes: readonly { readonly name: string; readonly photos: readonly number[] }[];
  /** As in {@link TrainRequest}. */
  readonly heldOut?: readonly number[];
  readonly model: string;
  readonly weights: WeightsChoice['kind'];
  readonly freezeUntil: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number | null;
}

/** What an earlier visit left. */
export interface Restored {
  /** All networks there are. */
  readonly networks: readonly NetworkChoice[];
  /** Why this visit will leave nothing; null where it will. */
  readonly unsaved: string | null;
  readonly page: PageState | null;
  readonly photos: ReadonlyMap<number, File>;
  readonly weightsFile: File | null;
  /** 'comparing': a run is done, and its comparison with training from scratch was interrupted. */
  readonly run: 'none' | 'interrupted' | 'done' | 'comparing';
  /** Whether what was interrupted was paused, and stays so. */
  readonly paused: boolean;
}

/** What the page asks of the Worker; each call is answered once. */
export interface Calls {
  open(): OpenedDevice;
  describe(model: string, classes: number): NetworkInfo;
  /** Reads a weight file of the user's and keeps it for training. */
  openFile(model: string, file: File): OpenedFile;
  /** Answered when all are looked at; each by itself comes as an event. */
  addPhotos(photos: readonly { readonly id: number; readonly file: File }[]): void;
  removePhotos(ids: readonly number[]): void;
  /** A camera frame as a file. */
  frame(bitmap: ImageBitmap): Blob;
  /** What an earlier visit left in storage; from now on this one's work goes there. */
  restore(): Restored;
  save(state: PageState): void;
  /** Forgets everything, here and in storage. */
  clear(): void;
  train(request: TrainRequest): Outcome;
  /** Goes on with the interrupted run in storage, from its last finished epoch. */
  continueRun(): Outcome;
  /** The finished run in storage. */
  reopen(): Outcome;
  /** Trains the same network from random weights under the same budget, to compare with; goes on with an interrupted one. */
  compare(): Outcome;
  pause(): void;
  resume(): void;
  stop(): void;
  /** Probabilities in class order. */
  predict(image: File | ImageBitmap): number[];
  /** Grad-CAM over a file or a photo of the classes. @param target null: the likeliest class */
  explain(image: File | number, target: number | null): Explanation;
  export(kind: ExportKind): File;
  sample(): Sample;
}

export type Call = keyof Calls;

export type Request = {
  [K in Call]: { readonly id: number; readonly call: K; readonly args: Parameters<Calls[K]> };
}[Call];

/** An error that crossed over: class and message of what was thrown. */
export interface Fault {
  readonly name: string;
  readonly message: string;
  /** The device is gone. */
  readonly lost: boolean;
}

export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly fault: Fault };

/** What the Worker tells unasked. */
export type WorkerEvent =
  | { readonly event: 'photo'; readonly id: number; readonly thumbnail: Blob | null; readonly reason: string | null }
  | { readonly event: 'work'; readonly text: string; readonly share: number | null }
  /** @property history epochs that were done before an interruption */
  | { readonly event: 'begun'; readonly epochs: number; readonly history: readonly EpochRecord[] }
  | { readonly event: 'progress'; readonly progress: LiveProgress }
  | { readonly event: 'epoch'; readonly record: EpochRecord }
  /** Something could not be put into storage. */
  | { readonly event: 'unsaved'; readonly reason: string };

/** How far training is. */
export interface LiveProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** 'Epoch 3/12', 'Validation 3/12'. */
  readonly title: string;
  readonly done: number;
  readonly of: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly imagesPerSecond: number | null;
  /** Of the whole run. */
  readonly secondsLeft: number | null;
}

export type FromWorker = Reply | WorkerEvent;
