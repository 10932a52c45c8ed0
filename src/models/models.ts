/** All networks at once, for programs that choose one by name. */
import type { ModelEntry } from './define.ts';
import * as families from './families.ts';
import * as kerasDenseNets from './keras/densenet.ts';
import * as kerasEfficientNets from './keras/efficientnet.ts';
import * as kerasEfficientNetsV2 from './keras/efficientnet-v2.ts';
import * as kerasInception from './keras/inception.ts';
import * as kerasMobileNets from './keras/mobilenet.ts';
import * as kerasMobileNetsV3 from './keras/mobilenet-v3.ts';
import * as kerasResNetsV2 from './keras/resnet.ts';
import * as kerasResNets from './keras/rgb.ts';
import * as kerasVGGs from './keras/vgg.ts';
import * as kerasXception from './keras/xception.ts';
import { inOrder, networkName, unknownNetwork } from './registry.ts';

const KERAS = [
  kerasDenseNets,
  kerasEfficientNets,
  kerasEfficientNetsV2,
  kerasInception,
  kerasMobileNets,
  kerasMobileNetsV3,
  kerasResNets,
  kerasResNetsV2,
  kerasVGGs,
  kerasXception,
];

const byName = (networks: readonly ModelEntry[]): Readonly<Record<string, ModelEntry>> =>
  Object.fromEntries(networks.map((network) => [network.name, network]));

/** Every network that classifies images by its name, in the names' order. */
export const MODELS: Readonly<Record<string, ModelEntry>> = byName(
  inOrder([families, ...KERAS]).filter(({ task }) => task !== 'segmentation'),
);

/** Every network that segments images by its name, in the names' order. */
export const SEGMENTATION_MODELS: Readonly<Record<string, ModelEntry>> = byName(
  inOrder([families]).filter(({ task }) => task === 'segmentation'),
);

/**
 * The entry of a network by name: one of {@link MODELS} or {@link SEGMENTATION_MODELS}, or a name that one had in an earlier version.
 * @param kind what the message says there is none of
 * @throws ArgumentError for an unknown one, with the names that come close.
 */
export function modelEntry(name: string, kind?: string): ModelEntry {
  const known = networkName(name);
  const table = [MODELS, SEGMENTATION_MODELS].find((networks) => Object.hasOwn(networks, known));
  if (!table) throw unknownNetwork(name, kind);
  return table[known]!;
}
