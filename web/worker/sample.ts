/** The sample run: pictures that are drawn here, for a visitor who has none at hand. */
import { draw } from '../../examples/quickstart/draw.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { Generator } from '../../src/core/random.ts';
import type { Sample } from '../messages.ts';
import { CARRIED } from './carried.ts';

/** Which of the subjects, and how many pictures of each. */
const CLASSES = ['fish', 'flower', 'house'] as const;
const PICTURES = 24;

export async function sample(): Promise<Sample> {
  const random = new Generator(1);
  const classes = [];
  for (const name of CLASSES) {
    const files: File[] = [];
    for (let i = 1; i <= PICTURES; i++) files.push(await picture(name, random, `${name}-${i}.png`));
    classes.push({ name, files });
  }
  const held = await picture('flower', random, 'new-picture.png');
  return { classes, held, model: CARRIED.model, epochs: 8, learningRate: 0.01 };
}

async function picture(subject: (typeof CLASSES)[number], random: Generator, name: string): Promise<File> {
  const { data, width, height } = draw(SUBJECTS[subject]!, random);
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) rgba.set(data.subarray(from, from + 3), to);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(rgba, width, height), 0, 0);
  return new File([await canvas.convertToBlob({ type: 'image/png' })], name, { type: 'image/png' });
}
