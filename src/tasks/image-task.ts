/** A task of images as a run, a saved model and the command line know it: beside its loss and scores, how its results are told. */
import type { LabelledImage } from '../data/dataset.ts';
import type { Label } from '../data/labels.ts';
import type { AnyModule } from '../nn/module.ts';
import type { Content } from '../report/markup.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Measured, Task, TaskKind } from './task.ts';

/** 'balanced', or a factor for each class in the order of their names. */
export type ClassWeights = 'balanced' | readonly number[];

/** The settings of a run that tasks of images read; each leaves alone those that are not its own. */
export interface TaskSettings {
  /** Share of the target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** Factors of the classes or labels; null: every image counts alike. */
  readonly classWeights: ClassWeights | null;
  /** Gamma of the focal loss. */
  readonly focalGamma: number | null;
  /** The name of a loss. */
  readonly loss: string | null;
}

/** Training images as a task looks at them before the run: their labels alone. */
export interface TaskImages {
  /** Of the classes, labels or numbers, in the order of the model's outputs. */
  readonly classes: readonly string[];
  readonly length: number;
  /** The class's index, or the float targets, of the image at a place. */
  label(index: number): Label;
}

/** All that the metric of a task of images tells. */
export interface ImageValues<E, M> {
  /** JSON-able; has the task's scores and `images` under their names. */
  readonly evaluation: E;
  /** The images that the model was most wrong about, worst first. */
  readonly mistakes: readonly M[];
}

/** An image by its place in the data set. */
export interface Placed {
  readonly index: number;
}

/** An image as a report shows it. */
export interface Pictured {
  readonly path: string;
  /** A small picture as `data:image/jpeg;base64,…`; null where there is none. */
  readonly thumbnail: string | null;
}

/** What every evaluation has. */
export interface ImageEvaluation {
  readonly images: number;
}

/** A section of the report. */
export interface Section {
  /** Of the element, for links to it. */
  readonly id: string;
  readonly title: string;
  readonly content: Content;
}

/** A figure of the strip under the report's headline. */
export type Figure = readonly [name: Content, value: string, note?: Content];

/** What a model answers of an image, as it is shown in lines and galleries. */
export interface Told {
  readonly label: string;
  readonly text: string;
  /** A probability; null where the answer is none. */
  readonly share: number | null;
}

/** How much is answered of an image. */
export interface AnswerOptions {
  /** So many labels, most probable first; by default the task decides. */
  readonly top?: number | undefined;
  /** The probability from which on one of several labels applies; 0.5 by default. */
  readonly threshold?: number | undefined;
}

/** The columns of a CSV file of answers, after the file's name. */
export interface AnswerColumns<A> {
  /** Their names. */
  head(classes: readonly string[], options: AnswerOptions): readonly string[];
  /** Their cells for one image. */
  row(answer: A): readonly (string | number)[];
}

/**
 * A task of images. `E` is its evaluation, `F` a mistake as the metric finds it, `M` as it is told, `A` the answer about one image. All four but
 * `F` are JSON-able.
 */
export interface ImageTask<
  E extends ImageEvaluation = ImageEvaluation,
  F extends Placed = Placed,
  M extends object = object,
  A extends object = object,
> extends TaskKind {
  /** The task as `fit` takes it. @throws ArgumentError for settings that do not fit the images. */
  create(settings: TaskSettings, images: TaskImages): Task<LabelledImage, ImageValues<E, F>>;
  /** The task as a trained model is scored by it. */
  scoring(): Task<LabelledImage, ImageValues<E, F>>;
  /** The outputs for two views of the same images as outputs for one: of mean probabilities, or mean numbers. */
  mean(first: Tensor, second: Tensor): Tensor;
  /** Readies a head for training whose outputs in `kept` are those of a trained model. */
  begin?(head: AnyModule, images: TaskImages, kept: readonly boolean[]): Promise<void>;
  /** Brings the outputs of a trained head to what they are of. */
  finish?(head: AnyModule, images: TaskImages): Promise<void>;
  /** A mistake in names. */
  named(mistake: F, classes: readonly string[]): M;
  /** The headline after its figure: 'of 153 validation images classified correctly'. @param of '153 validation images' */
  headline(of: string): string;
  /** The outcome as a sentence. @param of '153 validation images' */
  sentence(evaluation: E, of: string): string;
  /** Sentences on how far to trust it. */
  context(evaluation: E): readonly string[];
  /** Figures beside the headline's. */
  figures(evaluation: E): readonly Figure[];
  /** What the report tells beside what it tells of every run. */
  sections(evaluation: E, mistakes: readonly (M & Pictured)[], classes: readonly string[]): readonly Section[];
  /** An evaluation in lines of a terminal, without the sentence. */
  lines(evaluation: E, classes: readonly string[]): readonly string[];
  /** Those of them that end a run. */
  closingLines(evaluation: E, classes: readonly string[]): readonly string[];
  /** An evaluation as `metrics.json` holds it. */
  stored(evaluation: E): object;
  /** An evaluation with its names, as `regraft evaluate --json` prints it. */
  json(evaluation: E, classes: readonly string[]): object;
  /** What a row of the model's outputs says. */
  answer(outputs: ArrayLike<number>, classes: readonly string[], options: AnswerOptions): A;
  /** An answer as it is shown. */
  told(answer: A): readonly Told[];
  readonly csv: AnswerColumns<A>;
}

/** The score that a task's headline gives. */
export const headlineScore = ({ scores }: Pick<ImageTask, 'scores'>, evaluation: ImageEvaluation): Measured =>
  (evaluation as unknown as Record<string, Measured>)[scores[0]!.name] ?? null;
