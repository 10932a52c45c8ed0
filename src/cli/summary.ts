/** `regraft summary`: a network's layers, shapes and parameters, and what is frozen. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import type { Module } from '../nn/index.ts';
import { wholeNumber } from './arguments.ts';
import { print, printJson } from './output.ts';

interface Flags {
  readonly weights?: string;
  readonly keras?: true;
  readonly freezeUntil?: string;
  readonly imageSize?: number;
  readonly depth?: number;
  readonly tree?: true;
  readonly json?: true;
}

export function summaryCommand(): Command {
  return new Command('summary')
    .summary('print a network’s layers, shapes and parameters')
    .description(
      'Prints the layers of a network or a fine-tuned model: types, output shapes, parameters, what is frozen.',
    )
    .argument('<model>', 'name of a network, or folder or file of a fine-tuned model, or a weight file')
    .option('--weights <file>', 'weight file, URL or published name: check that it fits, take its classes')
    .option('--keras', 'the file of a Keras model, as Keras’s table; so are networks as keras.ResNet50')
    .option('--freeze-until <module>', 'show what is frozen when everything before this module is')
    .option('--image-size <pixels>', 'side of the images, for the shapes (default: the network’s own)', wholeNumber(1))
    .option('--depth <n>', 'how many levels to print (default: all)', wholeNumber(1))
    .option('--tree', 'print the modules as PyTorch does')
    .option('--json', 'print { model, parameters, tensors: [{ name, shape, frozen }] }')
    .addHelpText(
      'after',
      `
Examples:
  regraft summary resnet50 --freeze-until layer4 --depth 2
  regraft summary squeezenet1_1 --weights squeezenet1_1.pth --tree
  regraft summary keras.ResNet50
  regraft summary my-model.keras`,
    )
    .action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const { keras } = await import('../models/index.ts');
  const { formatNamed } = await import('../io/formats.ts');
  const asKeras = flags.keras || formatNamed(name)?.holds === 'layers';
  const network = await kerasNetwork(flags.keras ? `keras.${name.replace(/^keras\./, '')}` : name);
  const { model, known } = await (network || asKeras
    ? openKeras(name, network, flags.weights)
    : open(name, flags.weights));
  if (flags.freezeUntil === 'none') model.unfreeze();
  else if (flags.freezeUntil !== undefined) model.freezeUntil(flags.freezeUntil);
  if (flags.json) printJson(await asJson(known, model));
  else if (flags.tree) print(String(model));
  else if (model instanceof keras.KerasModel) print(model.summary());
  else {
    const { entryOf, topologyOf } = await import('../models/topology.ts');
    const size = flags.imageSize ?? (await entryOf({ model: known, topology: topologyOf(model) })).inputSize;
    print(model.summary({ inputShape: [1, 3, size, size], ...(flags.depth && { depth: flags.depth }) }));
  }
}

async function open(name: string, weights: string | undefined): Promise<{ model: Module; known: string }> {
  const { namingNetwork } = await import('../models/index.ts');
  const { isNetwork, networkEntry } = await import('../models/registry.ts');
  const { createProgress, openModel, openWeights } = await import('../runs/index.ts');
  if (!isNetwork(name) && existsSync(name)) {
    if (weights !== undefined) throw twice(name);
    const { BareWeightsError } = await import('../runs/open-model.ts');
    try {
      const { model, name: known } = await openModel(name);
      return { model, known };
    } catch (error) {
      if (!(error instanceof BareWeightsError)) throw error;
      if (error.network !== undefined) return open(error.network, name);
      throw new ArgumentError(
        `${name}: holds weights of no network that regraft knows by their names. If they are of one, name it: npx regraft summary NETWORK --weights ${name}`,
      );
    }
  }
  const entry = await networkEntry(name, 'network, file or folder');
  if (weights === undefined) return { model: await entry.create(), known: name };
  const { file } = await openWeights(name, entry, weights, createProgress());
  const load = () => namingNetwork(file, name, () => entry.create({ weights: file }));
  return { model: await load().finally(() => file.close()), known: name };
}

/** The name of one of Keras's own networks, however it is written; undefined for any other. */
async function kerasNetwork(name: string): Promise<string | undefined> {
  const { KERAS_NETWORKS } = await import('../models/keras/networks.ts');
  const { networkName } = await import('../models/registry.ts');
  const wanted = networkName(name).toLowerCase();
  return Object.keys(KERAS_NETWORKS).find((known) => known.toLowerCase() === wanted);
}

/** One of Keras's own networks; where there is none, a file. */
async function openKeras(
  name: string,
  network: string | undefined,
  weights: string | undefined,
): Promise<{ model: Module; known: string }> {
  if (network !== undefined) {
    const { KERAS_NETWORKS } = await import('../models/keras/networks.ts');
    return { model: await KERAS_NETWORKS[network]!(weights === undefined ? {} : { weights }), known: network };
  }
  if (weights !== undefined) throw twice(name);
  const { keras } = await import('../models/index.ts');
  return { model: await keras.loadModel(name), known: name };
}

const twice = (name: string) =>
  new ArgumentError(`--weights: ${name} has weights of its own. Leave one of the two out.`);

async function asJson(name: string, model: Module): Promise<unknown> {
  const { frozenTensors } = await import('../runs/index.ts');
  const frozen = new Set(frozenTensors(model).map(([path]) => path));
  const parameters = model.namedParameters();
  const count = (list: typeof parameters) => list.reduce((n, [, p]) => n + p.size, 0);
  const tensors = [...parameters, ...model.namedBuffers()].map(([path, t]) => ({
    name: path,
    shape: t.shape,
    frozen: frozen.has(path),
  }));
  const trainable = count(parameters.filter(([, p]) => p.requires_grad));
  return { model: name, parameters: { total: count(parameters), trainable }, tensors };
}
