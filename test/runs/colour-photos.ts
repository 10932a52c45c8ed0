/** A folder of small generated photos whose classes a network can tell apart by colour, and weights to start from. */
import { join } from 'node:path';
import sharp from 'sharp';
import { Generator } from '../../src/core/random.ts';
import { writeWeights } from '../../src/io/index.ts';
import { cifarResnet20 } from '../../src/models/index.ts';
import { photoFolder, temporaryFolder } from '../data/photos.ts';

const COLOURS = { blue: [60, 60, 190], green: [60, 180, 60], red: [190, 60, 60] } as const;

/** The class list of {@link colourPhotos}. */
export const CLASSES: readonly string[] = Object.keys(COLOURS);

/** A noisy 36 x 32 JPEG. */
export function colourPhoto(colour: keyof typeof COLOURS, seed: number): Promise<Buffer> {
  const random = new Generator(seed);
  const data = new Uint8Array(36 * 32 * 3);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.min(255, Math.max(0, COLOURS[colour][i % 3]! + 70 * random.normal()));
  return sharp(data, { raw: { width: 36, height: 32, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** `train/` and `val/`, with as many photos of each class. @param extra further files by path. */
export async function colourPhotos(
  train: number,
  validation: number,
  extra: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const files: Record<string, string | Uint8Array> = { ...extra };
  for (const [c, colour] of (CLASSES as (keyof typeof COLOURS)[]).entries()) {
    for (let i = 0; i < train; i++) files[`train/${colour}/${i}.jpg`] = await colourPhoto(colour, 1000 * c + i);
    for (let i = 0; i < validation; i++)
      files[`val/${colour}/${i}.jpg`] = await colourPhoto(colour, 1000 * c + 500 + i);
  }
  return photoFolder(files);
}

/** A weight file of a CIFAR ResNet-20 with 10 classes, as initialised. */
export async function someWeights(): Promise<string> {
  const path = join(temporaryFolder(), 'weights.safetensors');
  await writeWeights(path, (await cifarResnet20({ seed: 3 })).stateDict());
  return path;
}
