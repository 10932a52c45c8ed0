/** TF.js manifests that ask for more than they have, or say less than they must. */
import { describe, expect, test } from 'vitest';
import { bytesSource } from '../../src/device/byte-source.ts';
import { isPlainPath } from '../../src/io/base/bytes.ts';
import { tfjs } from '../../src/io/keras/tfjs.ts';

/** Reads a model with this manifest; every shard beside it has 8 bytes. */
async function refusalOf(...groups: object[]): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify({ weightsManifest: groups }));
  const source = {
    ...bytesSource(text, 'model.json'),
    beside: async (path: string) => bytesSource(new Uint8Array(8), path),
  };
  const error = await tfjs.read(source, {}).catch((e: Error) => e);
  return `${(error as Error).name}: ${(error as Error).message}`;
}

describe('manifests', () => {
  test('one shard read many times', async () => {
    const weights = [{ name: 'w', shape: [6], dtype: 'float32' }];
    const refusal = "WeightFileError: model.json: names the shard 'a.bin' twice.";
    expect(await refusalOf({ paths: ['a.bin', 'b.bin', 'a.bin'], weights })).toBe(refusal);
    expect(await refusalOf({ paths: ['a.bin'], weights: [] }, { paths: ['a.bin'], weights })).toBe(refusal);
    // By other spellings, as file systems and servers take them.
    for (const path of ['./a.bin', './././a.bin', 'A.bin', '%61.bin', 'a.bin.'])
      expect(await refusalOf({ paths: ['a.bin', path], weights })).toBe(
        `WeightFileError: model.json: names the shard '${path}' twice.`,
      );
  });

  test('a weight without a dtype, a file without a manifest', async () => {
    expect(await refusalOf({ paths: ['a.bin'], weights: [{ name: 'w', shape: [2] }] })).toBe(
      "WeightFileError: model.json: weight 'w' has dtype 'nothing': expected float32, float16, int32, uint8 or bool.",
    );
    const error = await tfjs.read(bytesSource(new TextEncoder().encode('{}'), 'model.json'), {}).catch((e: Error) => e);
    expect((error as Error).message).toBe('model.json: expected a list weightsManifest, got nothing.');
  });
});

test.each([
  ['w.bin', true],
  ['./w.bin', true],
  ['a/b/w.bin', true],
  ['a..b', true],
  ['../w.bin', false],
  ['a/../w.bin', false],
  ['%2e%2E/w.bin', false],
  ['/w.bin', false],
  ['a//b', false],
  ['', false],
  ['.', true],
  ['a\0', false],
  ['C:\\w', false],
  ['http://x/y', false],
  ['a?b', false],
])('whether %j is a path that a file may name: %s', (path, plain) => expect(isPlainPath(path)).toBe(plain));
