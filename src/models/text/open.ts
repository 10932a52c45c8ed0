/** Networks of texts out of folders: the configuration, the weights, the tokenizer. */
import { ArgumentError, WeightFileError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import { checkSeed, defaultGenerator } from '../../core/random.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { count, listed, readRange } from '../../io/base/bytes.ts';
import { jsonObject } from '../../io/base/json.ts';
import { readOpened } from '../../io/read.ts';
import { Linear } from '../../nn/index.ts';
import { openFolder } from '../../text/folder.ts';
import { openTokenizer, type TokenizerSource } from '../../text/open-tokenizer.ts';
import { type Architecture, architectureOf } from './architectures.ts';
import { type Config, labelMaps, labelsOf } from './config.ts';
import { loadPretrained } from './load.ts';
import type { OpenPretrainedOptions, Pretrained } from './pretrained.ts';
import type { AnyPretrainedModel } from './pretrained-model.ts';

const CONFIG = 'config.json';
/** Names of 20,000 classes take less. */
const CONFIG_LIMIT = 8 << 20;
const CONFIG_DEPTH = 40;

/** In the order in which they are looked for. */
const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** Weights of other libraries, which are not read. */
const OTHERS = ['tf_model.h5', 'flax_model.msgpack', 'rust_model.ot'];

/** The files of a tokenizer. */
const TOKENIZER = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'sentencepiece.bpe.model',
];

const OPTIONS: OptionNames<OpenPretrainedOptions> = {
  task: true,
  labels: true,
  problemType: true,
  seed: true,
  tokenizer: true,
  padToken: true,
  lowercase: true,
  onNote: true,
};

/** See open-pretrained.ts, which is what programs call. */
export async function openPretrained(source: TokenizerSource, options: OpenPretrainedOptions): Promise<Pretrained> {
  const op = 'openPretrained';
  checkOptions(op, options, OPTIONS);
  const { labels, problemType, seed, onNote, tokenizer: from = source } = options;
  if (seed !== undefined) checkSeed(op, seed);
  const { name: folder, open } = openFolder(op, source);
  const file = await open(CONFIG);
  if (!file) throw new WeightFileError(folder, `has no ${CONFIG}, which says what network it is of.`);
  const path = file.name;
  const given = await readConfig(file);
  const own = architectureOf(path, given, options.task);
  const isNew = labels !== undefined && !isPermutation(checkedLabels(own, labels), labelsOf(own.config));
  const changed: Config = {
    ...given,
    ...(isNew && { ...labelMaps(labels), num_labels: undefined, problem_type: null }),
    ...(problemType && { problem_type: problemType }),
  };
  const architecture = architectureOf(path, changed, options.task);
  const model = seeded(seed, architecture.build);
  const notes: string[] = [];
  const note = (text: string) => {
    notes.push(text);
    onNote?.(text);
  };
  const newWeights = await load(model, architecture, { folder, path, open, isNew, note });
  const { padToken, lowercase } = options;
  const tokenizer =
    from === false
      ? null
      : await openTokenizer(from, {
          ...(padToken !== undefined && { padToken }),
          ...(lowercase !== undefined && { lowercase }),
        });
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  if (from !== false) {
    const beside = openFolder(op, from);
    for (const name of TOKENIZER) {
      const part = await beside.open(name);
      if (part) files[name] = await part.read(0, part.size).finally(() => part.close());
    }
  }
  if (tokenizer && tokenizer.vocabularySize > architecture.config.vocab_size)
    note(
      `The tokenizer has ${count(tokenizer.vocabularySize)} tokens, the network ${count(architecture.config.vocab_size)}: texts with the others cannot be read.`,
    );
  const { name, task, config } = architecture;
  return {
    model,
    tokenizer: tokenizer!,
    config,
    task,
    architecture: name,
    labels: labelsOf(config),
    newWeights,
    notes,
    files,
  };
}

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly isNew: boolean;
  open(name: string): Promise<ByteSource | undefined>;
  note(text: string): void;
}

/** Loads the folder's weights; gives the names of the parameters that start from random numbers. */
async function load(model: AnyPretrainedModel, { prefix }: Architecture, place: Place): Promise<readonly string[]> {
  const { folder, path, isNew, open, note } = place;
  const file = await firstOf(open, WEIGHTS);
  if (!file) {
    const other = await firstOf(open, OTHERS);
    await other?.close();
    if (other)
      throw new WeightFileError(
        folder,
        `has weights as ${other.name.split(/[\\/]/).at(-1)} alone, which regraft does not read. Save them with transformers as safetensors.`,
      );
    note(`The folder has no weights (${WEIGHTS[0]} or another): the network starts from random numbers.`);
    return model.namedParameters().map(([name]) => name);
  }
  const { state } = await readOpened(file, {}).finally(() => file.close());
  const newHead = isNew ? headOf(model, prefix) : null;
  const { newWeights, leftOut } = loadPretrained(model, state, { path, prefix, newHead });
  if (newWeights.length > 0) note(`Start from random numbers: ${listed(newWeights)}.`);
  if (leftOut.length > 0) note(`Left out, being of no layer of the network: ${listed(leftOut)}.`);
  return newWeights;
}

/** The path of the layer that makes the classes: the last dense one outside of the encoder. */
function headOf(model: AnyPretrainedModel, prefix: string): string | null {
  const layers = model.namedModules().filter(([path, module]) => module instanceof Linear && !isUnder(path, prefix));
  return layers.at(-1)?.[0] ?? null;
}

const isUnder = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}.`);

async function firstOf(open: Place['open'], names: readonly string[]): Promise<ByteSource | undefined> {
  for (const name of names) {
    const file = await open(name);
    if (file) return file;
  }
  return undefined;
}

async function readConfig(file: ByteSource): Promise<Config> {
  try {
    if (file.size > CONFIG_LIMIT)
      throw new WeightFileError(
        file.name,
        `has ${count(file.size)} bytes of JSON: at most ${count(CONFIG_LIMIT)} are read.`,
      );
    const text = new TextDecoder().decode(await readRange(file, 0, file.size, 'the configuration'));
    return jsonObject(file, text, CONFIG_DEPTH);
  } finally {
    await file.close();
  }
}

/** `labels`. @throws ArgumentError for none, for one twice, or for a task that has no classes. */
function checkedLabels({ task }: Architecture, labels: readonly string[]): readonly string[] {
  if (!['text-classification', 'token-classification'].includes(task))
    throw new ArgumentError(`openPretrained: labels are of classes, and ${task} has none.`);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (labels.length === 0 || twice !== undefined)
    throw new ArgumentError(
      `openPretrained: labels must be one or more names, each once, got ${twice === undefined ? 'none' : `'${twice}' twice`}.`,
    );
  return labels;
}

const isPermutation = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one) => b.includes(one));

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
