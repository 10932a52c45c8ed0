/** Damaged and hostile ONNX files: a WeightFileError in one line or a state dict that holds together. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { readWeights } from '../../src/io/index.ts';
import { onnx } from '../../src/io/onnx.ts';
import { bytes } from './build.ts';
import { encoded, expectOnnxRefusal, fixture, floats, modelOf, node } from './onnx-build.ts';

const field = (id: number, content: Uint8Array): Uint8Array<ArrayBuffer> => {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  return bytes((id << 3) | 2, [...length, rest], content);
};
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
    [[2 ** 50], /its tensors take more than 1,048,976 bytes, 16 times the size of the file/],
    [[2 ** 31], /its tensors take more than 1,048,928 bytes, 16 times the size of the file/],
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

  test('millions of empty messages are not built', () =>
    expectOnnxRefusal(
      bytes(
        0x08,
        8,
        field(
          7,
          new Uint8Array(4_200_000).fill(0x0a).map((b, i) => (i & 1 ? 0 : b)),
        ),
      ),
      /more than 2,000,000 fields/,
    ));

  test('aliases do not make a small file large', async () => {
    const graph = {
      initializer: [floats('w', [200_000])],
      node: Array.from({ length: 40 }, (_, i) => node('Identity', ['w'], [`alias${i}`])),
    };
    await expectOnnxRefusal(modelOf(graph), /its tensors take more than [\d,]+ bytes, 16 times the size of the file/);
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
