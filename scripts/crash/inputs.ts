/** What the runs work on: a few small photos of two colours, and weights to start from. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { Generator } from '../../src/core/random.ts';
import { writeWeights } from '../../src/io/index.ts';
import { cifarResnet20 } from '../../src/models/index.ts';
import type { FinetuneOptions } from '../../src/runs/index.ts';

const COLOURS = { amber: [190, 130, 40], teal: [40, 150, 150] } as const;

/** Two phases, and batches that do not divide the photos. */
export const SETTINGS = {
  model: 'cifarResnet20',
  freezeUntil: 'layer3',
  epochs: 5,
  headEpochs: 2,
  batchSize: 5,
  patience: 0,
  layerDecay: 0.75,
  ema: 0.9,
} as const satisfies Partial<FinetuneOptions>;

/** Makes both in `folder`. @returns their paths. */
export async function makeInputs(folder: string): Promise<{ photos: string; weights: string }> {
  const photos = join(folder, 'photos');
  const random = new Generator(0);
  for (const [name, colour] of Object.entries(COLOURS)) {
    mkdirSync(join(photos, name), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const pixels = Uint8Array.from({ length: 36 * 32 * 3 }, (_, k) =>
        Math.min(255, Math.max(0, colour[k % 3]! + 60 * random.normal())),
      );
      await sharp(pixels, { raw: { width: 36, height: 32, channels: 3 } }).toFile(join(photos, name, `${i}.png`));
    }
  }
  const weights = join(folder, 'weights.safetensors');
  await writeWeights(weights, (await cifarResnet20({ seed: 3 })).stateDict());
  return { photos, weights };
}
