/** What all model functions have in common: seeded construction, then weights from wherever they are. */

import type { SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames, shown } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import type { FetchOptions, WeightFile } from '../io/index.ts';
import { targetOf } from '../io/target.ts';
import { BatchNorm2d, type Conv2d, type FrozenStats, type Linear, type Module } from '../nn/index.ts';
import { loadWeights, openedAt } from './load.ts';
import { isPretrained, type PretrainedWeights, type WeightsTable, weightsByName } from './weights.ts';

/** Where weights come from: a record, its name, or a file in any format that `readWeights` knows. */
export type WeightsSource = PretrainedWeights | SourceLike;

/** Options of all model functions. */
export interface ModelOptions {
  /** Without it the model starts from torchvision's initialisation. */
  weights?: WeightsSource | null;
  /** Outputs. By default as many as the weights have; without weights 1000 (10 for the CIFAR models). */
  numClasses?: number;
  /** Makes the initial weights repeatable on their own; without it they follow from `manualSeed`. */
  seed?: number;
  /** 'update' lets frozen batch norms update their statistics in training, as PyTorch does; 'keep' by default. */
  frozenStats?: FrozenStats;
  /** Leaves the last layer as it is initialised: a weight file may lack it, or have another in its place; false by default. */
  newHead?: boolean;
  /** Which dictionary of a checkpoint holds the weights; the one that fits by default. */
  key?: string;
  /** Is taken off the names in the file that begin with it, `'backbone.'`; by default what lets the most of them fit. */
  stripPrefix?: string;
  /** Is told how the weights were read, a sentence each: what was picked, renamed, left out. */
  onNote?: (note: string) => void;
  /** How published weights are downloaded: progress, cache folder (browsers: `{ cache: false }`). */
  download?: FetchOptions;
}

const OPTIONS: OptionNames<ModelOptions> = {
  weights: true,
  numClasses: true,
  seed: true,
  frozenStats: true,
  newHead: true,
  key: true,
  stripPrefix: true,
  onNote: true,
  download: true,
};

/**
 * Builds a model and loads its weights.
 * @param head the path of the last layer, whose weight's first dimension is the number of classes; a model may lack it.
 * @throws StateDictError if the weights do not fit; ArgumentError for an unknown name or another number of classes.
 */
export async function create<M extends Module>(
  name: string,
  table: WeightsTable | undefined,
  head: string,
  options: ModelOptions,
  build: (options: { numClasses?: number }) => M,
): Promise<M> {
  checkOptions(name, options, OPTIONS);
  const { weights, seed, frozenStats, newHead = false } = options;
  const source = typeof weights === 'string' ? (weightsByName(name, table, weights) ?? weights) : weights;
  if (typeof source === 'boolean' || typeof source === 'number')
    throw new ArgumentError(
      `${name}: expected weights by name (${table ? Object.keys(table).join(', ') : 'none'}) or a path, got ${shown(source)}. Write { weights: '${table ? Object.keys(table)[0] : 'file.safetensors'}' }.`,
    );
  if (isPretrained(source)) checkRecord(name, source, options.numClasses);
  const start = defaultGenerator.state;
  const built = (numClasses: number | undefined) =>
    seeded(seed, () => build(numClasses === undefined ? {} : { numClasses }));
  let model = built(options.numClasses);
  if (source != null) {
    const openHead = options.numClasses === undefined ? head : undefined;
    const { state, notes } = await weightsFor(model, source, openHead, options);
    const classes = options.numClasses ?? (newHead ? undefined : classesOf(state, head));
    const layer = model.namedModules().find(([path]) => path === head)?.[1] as Linear | Conv2d | undefined;
    if (layer && classes !== undefined && classes !== layer.weight.shape[0]) {
      defaultGenerator.state = start;
      model = built(classes);
    }
    const loaded = loadWeights(model, state, targetOf(model).expected, { head, isNew: newHead });
    for (const note of [...notes, ...loaded]) options.onNote?.(note);
  }
  if (frozenStats)
    for (const module of model.modules()) if (module instanceof BatchNorm2d) module.frozenStats = frozenStats;
  return model;
}

function checkRecord(name: string, record: PretrainedWeights, numClasses: number | undefined): void {
  if (record.model !== name)
    throw new ArgumentError(`${name}: expected its own weights, got ${record.name} of ${record.model}.`);
  if (numClasses !== undefined && numClasses !== record.numClasses)
    throw new ArgumentError(
      `${name}: ${record.name} has ${record.numClasses} classes, numClasses asks for ${numClasses}. ` +
        'Leave numClasses out and replace the last layer after loading.',
    );
}

/**
 * The weights for `model`; if `openHead` is given, with any number of classes there. The readers are loaded when they are needed,
 * so that a page without files does not carry them.
 */
async function weightsFor(
  model: Module,
  source: WeightsSource,
  openHead: string | undefined,
  { download, key, stripPrefix }: ModelOptions,
): Promise<WeightFile> {
  const { fetchPretrained, readWeightFile } = await import('../io/index.ts');
  const target = targetOf(model);
  const file = isPretrained(source) ? await fetchPretrained(source, download) : source;
  return readWeightFile(file, {
    ...target,
    expected: openedAt(target.expected, openHead),
    ...(key !== undefined && { key }),
    ...(stripPrefix !== undefined && { stripPrefix }),
  });
}

/** Under the layer's own name, or that of Keras's networks. */
export function classesOf(state: StateDict, head: string): number | undefined {
  const names = ['predictions/kernel', 'layers/dense/vars/0', '_layer_checkpoint_dependencies/dense/vars/0'];
  const kernel = names.map((name) => state.get(name)).find((found) => found !== undefined);
  return state.get(`${head}.weight`)?.shape[0] ?? kernel?.shape[1];
}

/** Runs `build` with the default generator at `seed`, and puts the generator back. */
function seeded<T>(seed: number | undefined, build: () => T): T {
  if (seed === undefined) return build();
  const before = defaultGenerator.state;
  defaultGenerator.seed(seed);
  try {
    return build();
  } finally {
    defaultGenerator.state = before;
  }
}
