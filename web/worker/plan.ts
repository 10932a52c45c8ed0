/** What a run is made of: its photos in two sets, its settings, its phases. */
import { ArgumentError } from '../../src/core/errors.ts';
import { BlobDataset } from '../../src/data/images/blob-dataset.ts';
import type { ImagePreset } from '../../src/data/transforms/compose.ts';
import { type Compose, classificationTransforms } from '../../src/data/transforms/compose.ts';
import type { ModelEntry } from '../../src/models/define.ts';
import { graft } from '../../src/models/graft.ts';
import { networkEntry } from '../../src/models/registry.ts';
import type { Module } from '../../src/nn/index.ts';
import type { Checkpoint } from '../../src/runs/checkpoint.ts';
import { differences, type ListedPhoto, type RunInputs } from '../../src/runs/inputs.ts';
import type { FinetuneSettings } from '../../src/runs/options.ts';
import { type PlannedPhase, planPhases } from '../../src/runs/recipe.ts';
import { resolveSettings } from '../../src/runs/settings.ts';
import type { TrainRequest } from '../messages.ts';
import type { Photos } from './photos.ts';
import type { LoadedWeights } from './weights.ts';

/** Part of each class that is held out; of a few photos, up to so much of it that an accuracy says something. */
const [HELD_OUT, MOST_HELD_OUT, FEWEST_HELD_OUT] = [0.2, 0.5, 5];

/** The share to hold out of classes of so many photos. */
export function heldOutShare(counts: readonly number[]): number {
  const held = (share: number) => counts.reduce((sum, n) => sum + Math.max(1, Math.round(n * share)), 0);
  let share = HELD_OUT;
  while (held(share) < FEWEST_HELD_OUT && share < MOST_HELD_OUT) share = Math.min(MOST_HELD_OUT, share + 0.05);
  return share;
}

/** What there is to say about weights, without them. */
export type WeightsOrigin = Pick<LoadedWeights, 'source' | 'sha256' | 'transforms'>;

export interface Plan {
  readonly request: TrainRequest;
  readonly weights: WeightsOrigin | null;
  readonly entry: ModelEntry;
  readonly settings: FinetuneSettings;
  readonly phases: readonly PlannedPhase[];
  readonly preset: ImagePreset;
  /** As in evaluation. */
  readonly transforms: Compose;
  readonly train: BlobDataset;
  readonly validation: BlobDataset;
}

/** @throws RegraftError for photos or settings that will not do. */
export async function planOf(request: TrainRequest, weights: WeightsOrigin | null, photos: Photos): Promise<Plan> {
  const entry = await networkEntry(request.model);
  const { model, epochs, batchSize, learningRate } = request;
  const settings = resolveSettings(
    {
      model,
      weights: weights?.source ?? null,
      freezeUntil: request.freezeUntil === entry.stages[0] ? 'none' : request.freezeUntil,
      epochs,
      batchSize,
      ...(learningRate !== null && { lr: learningRate }),
    },
    entry,
  );
  const classes = request.classes.map((c) => c.name);
  if (classes.length < 2) throw new ArgumentError('training: a classifier needs two or more classes.');
  const listed = request.classes.flatMap(({ name, photos: ids }, label) => ids.map((id) => ({ id, name, label })));
  const samples = listed.map(({ id, name, label }) => {
    const blob = photos.file(id);
    return { blob, path: `${name}/${blob.name}`, label };
  });
  const preset = weights?.transforms ?? entry.input;
  const transforms = classificationTransforms(preset);
  const all = new BlobDataset(classes, samples, transforms);
  const chosen = new Set(request.heldOut);
  const [held, rest] = partition(listed, ({ id }) => chosen.has(id));
  const share = heldOutShare(request.classes.map(({ photos }) => photos.length));
  const [train, validation] =
    held.length > 0 ? [all.subset(rest), all.subset(held)] : all.split(share, { seed: settings.seed });
  return {
    request,
    weights,
    entry,
    settings,
    phases: planPhases(settings, entry),
    preset,
    transforms,
    train,
    validation,
  };
}

/** Indices of the items that `test` holds for, and of the others. */
function partition<T>(items: readonly T[], test: (item: T) => boolean): [yes: number[], no: number[]] {
  const parts: [number[], number[]] = [[], []];
  for (const [i, item] of items.entries()) parts[test(item) ? 0 : 1].push(i);
  return parts;
}

/** What a run that goes on must find again; a photo's size stands for its content. Its settings come with it. */
export function inputsOf({ weights, train, validation }: Plan): RunInputs {
  const list = ({ samples }: BlobDataset) =>
    samples.map(({ path, label, blob }): ListedPhoto => [path, label, `${blob.size}`]);
  return { weights: weights?.sha256 ?? null, settings: [], train: list(train), validation: list(validation) };
}

/** @throws ArgumentError where the page now holds other photos or weights than the run was begun with. */
export function checkInputs({ listed: then }: Pick<Checkpoint, 'listed'>, now: RunInputs): void {
  const what = then ? differences(then, now) : 'its record of photos and weights is damaged';
  if (what) throw new ArgumentError(`training: cannot go on: ${what}. Press Train to begin again.`);
}

/** The network with its weights and a new head for the run's classes. */
export async function built({ entry, train }: Plan, weights: LoadedWeights | null): Promise<Module> {
  const classes = train.classes.length;
  if (!weights) return entry.create({ numClasses: classes });
  const model = await entry.create({ numClasses: weights.numClasses });
  model.loadStateDict(weights.state, { copy: false });
  graft(entry, model, classes);
  return model;
}
