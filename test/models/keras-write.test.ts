/**
 * The Keras files that are written, group by group: as scripts/check-keras-write.py, which checks them against what Keras writes,
 * has recorded them. The official HDF5 library (h5wasm) reads them here, as it does there (h5py).
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Attribute, Dataset, Group } from 'h5wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytesSource } from '../../src/device/byte-source.ts';
import { init } from '../../src/graph/init.ts';
import { loadHdf5 } from '../../src/io/hdf5/library.ts';
import { readZipDirectory, readZipEntry } from '../../src/io/zip/zip.ts';
import { keras } from '../../src/models/index.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const recorded: Record<string, string[]> = JSON.parse(readFileSync(path('../fixtures/keras/written.json'), 'utf8'));
const names = Object.keys(recorded);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-keras-write-'));
  await init();
  const model = await keras.loadModel(path('../fixtures/keras/whole.h5'));
  for (const name of names) await keras.saveModel(model, join(folder, name));
});
afterAll(() => rm(folder, { recursive: true }));

/** The HDF5 file in a file that was written. */
async function hdf5Of(name: string): Promise<Uint8Array> {
  const bytes = Uint8Array.from(await readFile(join(folder, name)));
  if (!name.endsWith('.keras')) return bytes;
  const source = bytesSource(bytes);
  return readZipEntry(source, (await readZipDirectory(source)).get('model.weights.h5')!);
}

/** The lines that the script prints of a file. */
async function structure(bytes: Uint8Array): Promise<string[]> {
  const { h5, module } = await loadHdf5();
  module.FS.writeFile('/structure.h5', bytes);
  const file = new h5.File('/structure.h5', 'r');
  const typed = ({ dtype, shape }: Attribute | Dataset) =>
    `${String(dtype).replace('<f', 'float32').replace('<d', 'float64').replace('<q', 'int64')}[${shape!.join()}]`;
  const linesOf = (at: string, item: Group | Dataset): string[] => {
    const attributes = Object.entries(item.attrs).map(([name, attribute]) => {
      const { value } = attribute;
      const says = typeof value === 'string' ? [value] : Array.from(value as ArrayLike<unknown>);
      return [`${at}@${name} ${typed(attribute)}`, ...(name === 'model_config' ? [] : says)].join(' ');
    });
    if (!(item instanceof h5.Group)) return [`${at} ${typed(item)}`, ...attributes];
    const inside = item.keys().flatMap((key) => {
      return linesOf(`${at === '/' ? '' : at}/${key}`, item.get(key) as Group | Dataset);
    });
    return [at, ...attributes, ...inside];
  };
  try {
    return linesOf('/', file).sort();
  } finally {
    file.close();
    module.FS.unlink('/structure.h5');
  }
}

test('there is a record of each kind of file', () => {
  expect(names).toEqual(['small.h5', 'small.keras', 'small.weights.h5']);
  expect(recorded['small.h5']!.find((line) => line.includes('@layer_names'))).toMatch(/ S15\[26\] input_1 rescaling /);
});

test.each(names)('%s has the groups, attributes, types and shapes that were checked', async (name) => {
  expect(await structure(await hdf5Of(name))).toEqual(recorded[name]);
});
