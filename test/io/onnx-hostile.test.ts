/** Damaged and hostile ONNX files: a WeightFileError in one line or a state dict that holds together. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { readWeightFile, readWeights } from '../../src/io/index.ts';
import { onnx } from '../../src/io/onnx/onnx.ts';
import { bytes, overBudget } from './build.ts';
import { encoded, expectOnnxRefusal, field, fixture, floats, modelOf, node } from './onnx-build.ts';

const initialiser = (tensor: object): Uint8Array<ArrayBuffer> => modelOf({ initializer: [{ name: 'w', ...tensor }] });

describe('sizes', () => {
  test('every truncation of a real file is refused', async () => {
    const content = Uint8Array.from(await readFile(fixture('net-folded.onnx')));
    for (let end = 3; end < content.length; end += end < 200 ? 1 : 37) {
      const error = await onnx.read(bytesSource(content.slice(0, end)), {}).catch((e) => e);
      expect(error).toBeInstanceOf(WeightFileError);
    }
  });

  test.each([
    [[-1], /its dims \(-1\) are no sizes/],
    [[2 ** 40, 2 ** 40], /its dims \(1099511627776, 1099511627776\) are no sizes/],
    [[2 ** 50], /its tensors would take more than 1,048,976 bytes of memory, the most that 25 bytes of file may/],
    [[2 ** 31], /its tensors would take more than 1,048,928 bytes of memory, the most that 22 bytes of file may/],
    [[3], /takes 12 bytes, but has 0/],
  ])('dims %j without data', (dims, message) => expectOnnxRefusal(initialiser({ dims, dataType: 1 }), message));

  test('the smallest int64 as a size', () => {
    const tensor = bytes(0x08, new Array(9).fill(0x80), 1, 0x10, 1);
    return expectOnnxRefusal(
      bytes(0x08, 8, field(7, field(5, tensor))),
      /its dims \(-9223372036854776000\) are no sizes/,
    );
  });

  test('raw bytes and lists of another length', async () => {
    await expectOnnxRefusal(
      initialiser({ dims: [2], dataType: 1, rawData: new Uint8Array(7) }),
      "tensor 'w' [2] of float32 takes 8 bytes, but has 7. The file is truncated or damaged.",
    );
    await expectOnnxRefusal(
      initialiser({ dims: [2], dataType: 7, int64Data: Uint8Array.of(1, 2, 3) }),
      "tensor 'w' [2] has a list of numbers that is not 2 elements long.",
    );
    await expectOnnxRefusal(
      initialiser({ dims: [2], dataType: 6, int32Data: new Uint8Array(20).fill(255) }),
      "tensor 'w' [2] has a list of numbers that is not 2 elements long.",
    );
  });

  const repeated = (n: number, ...of: number[]) => bytes(...new Array<number[]>(n).fill(of));
  test.each([
    ['empty nodes', field(7, repeated(100_000, 0x0a, 0))],
    ['empty tensors', field(7, repeated(100_000, 0x2a, 0))],
    ['raw data set again and again', field(7, field(5, repeated(100_000, 0x4a, 0)))],
    ['the graph set again and again', repeated(100_000, 0x3a, 0)],
  ])('two bytes a field do not take much memory: %s', async (_, content) => {
    const file = bytes(0x08, 8, content);
    const error = await readWeightFile(new File([file], 'x.onnx')).catch((e: Error) => e);
    expect((error as Error).message.replace(/at byte [\d,]+/, 'at byte …')).toBe(
      `x.onnx: ${overBudget('its graph at byte …', file.length, 64)}`,
    );
  });

  test.each([
    ['unknown fields', field(7, repeated(100_000, 0xf2, 1, 0))],
    ['a packed list of dims', field(7, field(5, field(1, new Uint8Array(200_000).fill(1))))],
  ])('what is skipped or small is not refused for its size: %s', (_, content) =>
    expectOnnxRefusal(bytes(0x08, 8, content), /holds no weights|no sizes of a tensor|has data type UNDEFINED/),
  );

  test('tensors without elements', async () => {
    const tensors = Array.from({ length: 20_000 }, (_, i) => ({ name: `${i}`, dims: [0], dataType: 1 }));
    const file = modelOf({ initializer: tensors });
    await expectOnnxRefusal(file, overBudget('its tensors', file.length, 16));
  });

  test('aliases do not make a small file large', async () => {
    const graph = {
      initializer: [floats('w', [200_000])],
      node: Array.from({ length: 40 }, (_, i) => node('Identity', ['w'], [`alias${i}`])),
    };
    const file = modelOf(graph);
    await expectOnnxRefusal(file, overBudget('its tensors', file.length, 16));
  });
});

describe('content', () => {
  test.each([8, 12, 14, 17, 21, 99, -3])('data type %d is refused by name', (dataType) =>
    expectOnnxRefusal(
      initialiser({ dims: [1], dataType, rawData: new Uint8Array(8) }),
      /^x\.onnx: tensor 'w' has data type \S+: expected one of FLOAT/,
    ),
  );

  test('graphs that are none', async () => {
    await expectOnnxRefusal(encoded({ irVersion: 8, producerName: 'x' }), /without a graph/);
    await expectOnnxRefusal(modelOf({ initializer: [] }), 'is an ONNX file that holds no weights.');
    await expectOnnxRefusal(
      modelOf({ initializer: [floats('w', [1]), floats('w', [1])] }),
      "has two initialisers named 'w'.",
    );
    await expectOnnxRefusal(modelOf({ sparseInitializer: [new Uint8Array(1)] }), /has 1 sparse initialisers/);
  });

  test('cycles, unknown values and values made twice', async () => {
    const cyclic = [node('Relu', ['b'], ['a'], 'first'), node('Relu', ['a'], ['b'])];
    await expectOnnxRefusal(
      modelOf({ initializer: [floats('w', [1])], node: cyclic }),
      "node 0 of its graph (Relu 'first') uses 'b' before it is made: the graph is cyclic or not sorted.",
    );
    await expectOnnxRefusal(modelOf({ node: [node('Relu', ['x'], ['x'])] }), /uses 'x' before it is made/);
    await expectOnnxRefusal(modelOf({ node: [node('Relu', ['x'], ['y'])] }), /uses 'x', which nothing makes/);
    const twice = [node('Relu', ['w'], ['y']), node('Relu', ['w'], ['y'])];
    await expectOnnxRefusal(
      modelOf({ initializer: [floats('w', [1])], node: twice }),
      /makes 'y', which exists already/,
    );
  });

  test('groups nested without end', () =>
    expectOnnxRefusal(
      bytes(
        0x08,
        8,
        0x12,
        0,
        new Array(100_000).fill(0xf3).flatMap((b) => [b, 1]),
      ),
      /is no valid ONNX file/,
    ));
});

describe('external data', () => {
  const external = (entries: Record<string, string>, dims = [2]) =>
    initialiser({
      dims,
      dataType: 1,
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });

  test.each([
    '../w.bin',
    '/etc/passwd',
    'a/../../w.bin',
    'C:\\w.bin',
    '..',
    '',
    'http://x/y',
    'a\0b',
    'a//b',
    './../b',
  ])('a path that leaves the folder (%j) is refused', (location) =>
    expectOnnxRefusal(external({ location }), /: expected a plain path inside the model's folder\.$/),
  );

  test('a file beside it is not read over and over', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'regraft-external-'));
    try {
      const size = 2 << 20;
      await writeFile(join(folder, 'w.bin'), new Uint8Array(size));
      const tensors = Array.from({ length: 30 }, (_, i) => ({
        name: `w${i}`,
        dims: [size / 4],
        dataType: 1,
        dataLocation: 1,
        externalData: [{ key: 'location', value: i % 2 ? 'w.bin' : './w.bin' }],
      }));
      await writeFile(join(folder, 'x.onnx'), modelOf({ initializer: tensors }));
      await expect(readWeights(join(folder, 'x.onnx'))).rejects.toThrow(
        `${join(folder, 'w.bin')}: ${overBudget('the tensors of ' + join(folder, 'x.onnx'), size, 2)}`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('offsets and lengths that do not fit the file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'regraft-external-'));
    try {
      await writeFile(join(folder, 'w.bin'), new Uint8Array(16));
      const refusals: [Record<string, string>, number[], RegExp][] = [
        [{ offset: '-8' }, [2], /external offset '-8' is no number of bytes/],
        [{ offset: '9'.repeat(20) }, [2], /is no number of bytes/],
        [{ offset: '12' }, [2], /takes 8 bytes at byte 12, but the file ends at 16/],
        [{ length: '4' }, [2], /takes 8 bytes, but its external data declares 4/],
        [{}, [2 ** 40], /takes 4,398,046,511,104 bytes at byte 0, but the file ends at 16/],
        [{ location: 'absent.bin' }, [2], /there is no such file/],
      ];
      for (const [entries, dims, message] of refusals) {
        await writeFile(join(folder, 'x.onnx'), external({ location: 'w.bin', ...entries }, dims));
        const error = await readWeights(join(folder, 'x.onnx')).catch((e) => e);
        expect(error).toBeInstanceOf(WeightFileError);
        expect(error.message).toMatch(message);
      }
      await writeFile(join(folder, 'x.onnx'), external({ location: './w.bin', offset: '8' }));
      expect((await readWeights(join(folder, 'x.onnx'))).get('w')!.data).toEqual(new Float32Array(2));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
