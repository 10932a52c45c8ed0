/** Generated image files for tests, in temporary folders. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll } from 'vitest';
import type { RgbImage } from '../../src/data/index.ts';

export const fixtures = fileURLToPath(new URL('../fixtures/data/', import.meta.url));

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, removed when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'regraft-data-'));
  made.push(folder);
  return folder;
}

/** A picture that differs with `seed`. */
export function picture(width: number, height: number, seed = 0): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * (7 + seed) + (i >> 4) * 13 + seed * 31) & 255;
  return { data, width, height };
}

export function jpeg({ data, width, height }: RgbImage): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Writes files (with their folders) below a new folder, and returns that. Numbers become JPEGs of 40 x 30 from that seed. */
export async function photoFolder(files: Readonly<Record<string, number | string | Uint8Array>>): Promise<string> {
  const root = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'number' ? await jpeg(picture(40, 30, content)) : content);
  }
  return root;
}

/** Two classes of `each` images. */
export function twoClasses(each: number): Promise<string> {
  const files: Record<string, number> = {};
  for (let i = 0; i < each; i++) {
    files[`ants/${i}.jpg`] = i;
    files[`bees/${i}.jpg`] = 100 + i;
  }
  return photoFolder(files);
}

export const fixture = (name: string): Promise<Buffer> => readFile(join(fixtures, name));

/** The fault's class and text, with `root` cut out of it. */
export async function faultOf(work: () => unknown, root = ''): Promise<string> {
  try {
    await work();
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${root ? message.replaceAll(root, 'ROOT') : message}`;
  }
  return 'no fault';
}
