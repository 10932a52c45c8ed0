/** The networks of the page: regraft's registry, the quickstart's small one, and Keras's ResNets. */
import { SmallResNet } from '../../examples/quickstart/small-resnet.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { CIFAR_PRESET } from '../../src/models/preset.ts';
import { MODELS, type ModelEntry, modelEntry } from '../../src/models/registry.ts';
import { SMALL_RESNET } from '../model-names.ts';
import { KERAS_RESNETS } from './keras-resnet.ts';

const smallResnet: ModelEntry = {
  create: async ({ numClasses = 10, weights } = {}) => {
    if (weights) throw new ArgumentError(`${SMALL_RESNET}: load its weights with loadStateDict.`);
    return new SmallResNet(numClasses);
  },
  inputSize: 32,
  transforms: CIFAR_PRESET,
  stages: ['conv1', 'layer1', 'layer2', 'layer3', 'fc'],
  maps: 'layer3',
  head: 'fc',
};

/** Networks that the command line does not know. */
const OWN: Readonly<Record<string, ModelEntry>> = { [SMALL_RESNET]: smallResnet, ...KERAS_RESNETS };

/** The networks that weights under torchvision's names can be of: the registry's first. */
export const NETWORKS: readonly string[] = [...Object.keys(MODELS), SMALL_RESNET];

/** As {@link modelEntry}. */
export function networkEntry(name: string): ModelEntry {
  return OWN[name] ?? modelEntry(name);
}
