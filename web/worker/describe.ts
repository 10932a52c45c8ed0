/** What a network consists of, before anything of it is loaded. */

import networks from 'virtual:networks';
import { formatCount } from '../../src/core/format.ts';
import { networkEntry } from '../../src/models/registry.ts';
import type { Module } from '../../src/nn/index.ts';
import type { LayerInfo, NetworkChoice, NetworkInfo, WeightsInfo } from '../messages.ts';
import { CARRIED } from './carried.ts';
import { isStored } from './weights-cache.ts';

/** Side of ImageNet's images, which goes without saying. */
const USUAL_SIDE = 224;

/** The networks there are, with what people tell them apart by. */
export function networkChoices(): NetworkChoice[] {
  return networks.map(({ name, title, parameters, inputSize }) => {
    const size = formatCount(parameters, { compact: true });
    return { name, title: `${title} (${inputSize < USUAL_SIDE ? `${size}, ${inputSize}x${inputSize}` : size})` };
  });
}

export async function describeNetwork(name: string, classes: number): Promise<NetworkInfo> {
  const entry = await networkEntry(name);
  const model = await entry.create({ numClasses: Math.max(1, classes) });
  const layers = layersByStage(model, entry.stages);
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
      layers: layers[i]!,
      parameters: trainable[i]! - (trainable[i + 1] ?? 0),
      trainable: trainable[i]!,
    })),
    published: await publishedInfo(name),
  };
}

/** The layers that hold parameters, each with the stage that `freezeUntil` would count it to. */
function layersByStage(model: Module, stages: readonly string[]): LayerInfo[][] {
  const found: LayerInfo[][] = stages.map(() => []);
  let stage = 0;
  for (const [path, module] of model.namedModules()) {
    const begun = stages.indexOf(path);
    if (begun >= 0) stage = begun;
    const parameters = sizeOf(module.ownParameters().map(([, p]) => p));
    if (parameters > 0) found[stage]!.push({ path, type: module.typeName, parameters });
  }
  return found;
}

async function publishedInfo(name: string): Promise<WeightsInfo | null> {
  if (name === CARRIED.model) return { name: 'trained on drawn pictures', megabytes: CARRIED.megabytes, where: 'page' };
  const record = (await networkEntry(name)).weights?.DEFAULT;
  if (!record) return null;
  const where = (await isStored(record)) ? 'storage' : 'publisher';
  return { name: record.name, megabytes: (record.sizeMiB * 2 ** 20) / 1e6, where };
}

function sizeOf(parameters: readonly { readonly size: number }[]): number {
  return parameters.reduce((n, p) => n + p.size, 0);
}
