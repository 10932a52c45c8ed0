/** The networks of the page: regraft's registry, and the quickstart's small one with its weights, which come with the page. */
import { SmallResNet } from '../../examples/quickstart/small-resnet.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { CIFAR_PRESET } from '../../src/models/preset.ts';
import { MODELS, type ModelEntry, modelEntry } from '../../src/models/registry.ts';
import { SMALL_RESNET } from '../model-names.ts';

/** The weights that come with the page. */
export const CARRIED = {
  url: new URL('../../examples/quickstart/trunk.safetensors', import.meta.url),
  megabytes: 0.6,
};

const smallResnet: ModelEntry = {
  create: async ({ numClasses = 10, weights } = {}) => {
    if (weights) throw new ArgumentError(`${SMALL_RESNET}: load its weights with loadStateDict.`);
    return new SmallResNet(numClasses);
  },
  inputSize: 32,
  transforms: CIFAR_PRESET,
  stages: ['conv1', 'layer1', 'layer2', 'layer3', 'fc'],
  head: 'fc',
};

/** All names, those of the registry first. */
export const NETWORKS: readonly string[] = [...Object.keys(MODELS), SMALL_RESNET];

/** As {@link modelEntry}. */
export function networkEntry(name: string): ModelEntry {
  return name === SMALL_RESNET ? smallResnet : modelEntry(name);
}
