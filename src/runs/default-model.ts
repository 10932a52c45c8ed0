/** Which network to fine-tune when nobody names one, and what networks cost. */
import type { DeviceInfo } from '../device/adapter.ts';
import type { ModelEntry } from '../models/define.ts';

/** The name of a network that suits the adapter: a small one where the CPU computes. */
export function defaultModel({ software }: Pick<DeviceInfo, 'software'>): string {
  return software ? 'squeezenet1_1' : 'resnet18';
}

/** Multiplications and additions a second, in billions: of a core, as measured with lavapipe, and of a modest GPU. */
const RATE = { core: 4, gpu: 400 } as const;
/** Loading and resizing photos is the limit then. */
const MOST = 500;

/**
 * Photos a second of a network's first pass, to about a factor of two: an estimate from its arithmetic.
 * @param cores of the CPU, where it computes
 */
export function photosPerSecond(
  { multiplyAdds }: Pick<ModelEntry, 'multiplyAdds'>,
  { software }: Pick<DeviceInfo, 'software'>,
  cores: number,
): number {
  return Math.min(MOST, (software ? RATE.core * cores : RATE.gpu) / multiplyAdds);
}
