/** TF.js Layers models: manifests, shards, quantisation (scripts/record-keras-fixtures.py), and faults. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toFloat32 } from '../../src/core/dtype.ts';
import { readWeightFile, readWeights } from '../../src/io/index.ts';
import { unpacked } from '../models/hash-weights.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));

describe('tensors', () => {
  test('float32 over two shards are those of the .h5', async () => {
    const state = await readWeights(fixture('tfjs-float32/model.json'));
    const h5 = await readWeights(fixture('whole.h5'));
    expect([...state.keys()]).toEqual([...h5.keys()]);
    for (const [name, { data }] of h5) expect(state.get(name)!.data).toEqual(data);
  });

  test('uint8, uint16 and float16 are read back to float32', async () => {
    const file = await readWeightFile(fixture('tfjs/model.json'));
    const expected = JSON.parse(await readFile(fixture('small.json'), 'utf8')).quantized as Record<string, string>;
    expect(Object.keys(expected).length).toBeGreaterThan(15);
    for (const [name, values] of Object.entries(expected))
      expect(toFloat32(file.state.get(name)!), name).toEqual(unpacked(values));
    expect(file.notes).toEqual(['18 tensors quantised to float16, uint8, uint16: read as float32.']);
    expect(JSON.parse(file.metadata.model_config!).class_name).toBe('Functional');
  });
});

describe('faults', () => {
  let folder: string;
  let good: { weightsManifest: { paths: string[]; weights: Record<string, unknown>[] }[] };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regraft-tfjs-'));
    await cp(fixture('tfjs-float32'), folder, { recursive: true });
    good = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function faultOf(change: (model: typeof good & Record<string, unknown>) => void): Promise<string> {
    const model = structuredClone(good);
    change(model as never);
    const path = join(folder, 'changed.json');
    await writeFile(path, JSON.stringify(model));
    const error = await readWeights(path).catch((e: Error) => e);
    return (error as Error).message.replace(`${path}: `, '');
  }

  test('paths that leave the folder', async () => {
    for (const path of ['../secret', '/etc/passwd', 'a/../../b', 'http://host/x', 'C:\\x', ''])
      expect(await faultOf((m) => void (m.weightsManifest[0]!.paths[0] = path))).toBe(
        `names the shard '${path}': expected a plain relative path.`,
      );
  });

  test('a manifest that asks for more or less than there is', async () => {
    expect(await faultOf((m) => void (m.weightsManifest[0]!.weights[0]!.shape = [1_000_000_000]))).toMatch(
      /^its manifest asks for 4,0\d\d,\d+,\d+ bytes in group1-shard1of2\.bin, group1-shard2of2\.bin, but there are [\d,]+\. A shard is truncated/,
    );
    expect(await faultOf((m) => void m.weightsManifest[0]!.weights.pop())).toMatch(/^its manifest asks for/);
  });

  test('shapes, dtypes and quantisations that are none', async () => {
    const first = (change: Record<string, unknown>) =>
      faultOf((m) => void Object.assign(m.weightsManifest[0]!.weights[0]!, change));
    expect(await first({ shape: [-1] })).toBe("weight 'normalization/mean': its shape is no list of sizes.");
    expect(await first({ dtype: 'string' })).toBe(
      "weight 'normalization/mean' has dtype 'string': expected float32, float16, int32, uint8 or bool.",
    );
    expect(await first({ quantization: { dtype: 'int4' } })).toBe(
      "weight 'normalization/mean' is quantised to 'int4': expected uint8, uint16 or float16.",
    );
    expect(await first({ quantization: { dtype: 'uint8', scale: 'x' } })).toBe(
      "weight 'normalization/mean': its quantisation has no finite scale and min.",
    );
  });

  test('bytes without their shards', async () => {
    await expect(readWeights(await readFile(join(folder, 'model.json')))).rejects.toThrow(
      'bytes: its weights lie in other files (group1-shard1of2.bin). Pass the path or URL of model.json.',
    );
  });
});
