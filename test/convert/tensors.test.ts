/** convert where no model is built: the mapping, every mismatch at once, nothing half-written. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert, formatReport } from '../../src/convert/index.ts';
import { ArgumentError, StateDictError, WeightFileError } from '../../src/core/errors.ts';
import type { Shape } from '../../src/core/shape.ts';
import { readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('convert', () => {
  const expected = async (): Promise<Map<string, Shape>> =>
    new Map([...(await readWeights(fixture('training.safetensors')))].map(([name, { shape }]) => [name, shape]));

  test('a training checkpoint to half precision: the file, the report and its text', async () => {
    const output = join(folder, 'half.safetensors');
    const report = await convert(fixture('training-zip.pth'), output, {
      dtype: 'float16',
      metadata: { by: 'test' },
      expected: await expected(),
    });
    expect(report.tensors[0]).toEqual({
      nameIn: 'module.0.weight',
      nameOut: '0.weight',
      shape: [2, 1, 3, 3],
      dtypeIn: 'float32',
      dtypeOut: 'float16',
    });
    expect(formatReport(report)).toBe(
      [
        'module.0.weight -> 0.weight                            [2, 1, 3, 3]  float32 -> float16',
        'module.0.bias -> 0.bias                                [2]           float32 -> float16',
        'module.1.weight -> 1.weight                            [2]           float32 -> float16',
        'module.1.bias -> 1.bias                                [2]           float32 -> float16',
        'module.1.running_mean -> 1.running_mean                [2]           float32 -> float16',
        'module.1.running_var -> 1.running_var                  [2]           float32 -> float16',
        'module.1.num_batches_tracked -> 1.num_batches_tracked  []            int64',
        'module.3.weight -> 3.weight                            [3, 8]        float32 -> float16',
        'module.3.bias -> 3.bias                                [3]           float32 -> float16',
        "The weights are those under 'state_dict'.",
        "Tensors are also under 'optimizer'.",
        'Left out, being more than plain data: args (argparse.Namespace).',
        "The prefix 'module.' is taken off every name.",
        'torch (zip) -> safetensors: 9 tensors, 118 bytes.',
      ].join('\n'),
    );
    const file = await readWeightFile(output);
    expect(file.state.get('3.weight')!.dtype).toBe('float16');
    expect(file.metadata).toMatchObject({ format: 'pt', arch: 'small', by: 'test' });
  });

  test('all mismatches are reported at once, and nothing is written', async () => {
    const shapes = await expected();
    shapes.delete('3.bias');
    shapes.set('3.weight', [10, 8]);
    shapes.set('4.weight', [1]);
    shapes.set('4.bias', [1]);
    const output = join(folder, 'mismatch.safetensors');
    const error = await convert(fixture('training-zip.pth'), output, { expected: shapes, model: 'small' }).catch(
      (e) => e,
    );
    expect(error).toBeInstanceOf(StateDictError);
    expect(error.message).toBe(
      'small: 2 missing keys (4.weight, 4.bias), 1 unexpected key (3.bias), 1 wrong shape (3.weight [3, 8] instead of [10, 8]).',
    );
    expect(error.wrongShapes).toEqual(['3.weight [3, 8] instead of [10, 8]']);
    expect(await readdir(folder)).not.toContain('mismatch.safetensors');
  });

  test('counters that older files do not have are noted, as PyTorch lets them pass', async () => {
    const shapes = await expected();
    shapes.set('2.num_batches_tracked', []);
    const report = await convert(fixture('training-zip.pth'), join(folder, 'counter.safetensors'), {
      expected: shapes,
    });
    expect(report.notes.at(-1)).toBe('1 counter num_batches_tracked not in the file: model starts at 0.');
  });

  test('a bad input or a value that does not fit leaves the output as it was', async () => {
    const output = join(folder, 'kept.safetensors');
    await writeFile(output, 'before');
    const content = await readFile(fixture('zip.pth'));
    const part = join(folder, 'part.pth');
    await writeFile(part, content.subarray(0, 3000));
    await expect(convert(part, output)).rejects.toThrow(WeightFileError);
    const large = new Map([['w', { shape: [1], dtype: 'float32' as const, data: new Float32Array([1e30]) }]]);
    await expect(writeWeights(output, large, { dtype: 'float16' })).rejects.toThrow(ArgumentError);
    expect(await readFile(output, 'utf8')).toBe('before');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
