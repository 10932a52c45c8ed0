/** Where conversions are tried. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect } from 'vitest';
import { type ConvertOptions, convert } from '../../src/convert/index.ts';
import { RegraftError } from '../../src/core/errors.ts';

/** An empty folder before each test of the file that calls this. */
export function outputs() {
  let folder: string;
  const folders: string[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regraft-convert-'));
    folders.push(folder);
  });
  afterAll(async () => {
    for (const name of folders) await rm(name, { recursive: true });
  });
  const out = (name: string): string => join(folder, name);
  const files = (): Promise<string[]> => readdir(folder);
  /** The error of a conversion that leaves nothing behind. */
  const refused = async (input: string | Uint8Array, name: string, options: ConvertOptions = {}): Promise<Error> => {
    const before = await files();
    const error = await convert(input, out(name), options).catch((e) => e);
    expect(error).toBeInstanceOf(RegraftError);
    expect(await files()).toEqual(before);
    return Object.assign(error, { message: error.message.replaceAll(`${folder}/`, '') });
  };
  return { out, files, refused };
}
