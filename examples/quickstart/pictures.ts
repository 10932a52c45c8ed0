/** Numbered pictures of some subjects: in memory for training, or as PNG files in one folder a class. */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Generator } from 'regraft';
import { ArrayDataset, type Transform, writeImage } from 'regraft/data';
import { draw, type Picture, type Subjects } from './draw.ts';

/** Picture number `index` of a class. It depends on nothing else, so more pictures do not change the first ones. */
function picture(subjects: Subjects, name: string, index: number, seed: number): Picture {
  const stream = createHash('sha256').update(`${seed} ${name} ${index}`).digest().readUInt32LE();
  return draw(subjects[name]!, new Generator(stream));
}

/** `count` pictures of each class as a network reads them. */
export function drawDataset(subjects: Subjects, count: number, seed: number, transform: Transform): ArrayDataset {
  const classes = Object.keys(subjects);
  const labels = classes.flatMap((_, label) => Array<number>(count).fill(label));
  const unused = new Generator();
  const images = labels.map((label, i) => {
    const { data } = transform.apply(picture(subjects, classes[label]!, i % count, seed), unused);
    return data as Float32Array;
  });
  const floats = new Float32Array(labels.length * images[0]!.length);
  for (const [i, image] of images.entries()) floats.set(image, i * image.length);
  const side = Math.sqrt(images[0]!.length / 3);
  return new ArrayDataset(floats, [labels.length, 3, side, side], labels, { classes, name: 'pictures' });
}

/** Writes `count` pictures of each class to `folder/<class>/<number>.png`, 64 x 64 pixels; what was in the folder is replaced. */
export async function drawFolder(folder: string, subjects: Subjects, count: number, seed: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const name of Object.keys(subjects)) {
    await mkdir(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++)
      await writeImage(join(folder, name, `${String(i + 1).padStart(2, '0')}.png`), picture(subjects, name, i, seed));
  }
}
