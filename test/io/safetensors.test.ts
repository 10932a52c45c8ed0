/** safetensors: round trips, the exact bytes of a small file, and every fault that its header can have. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BYTES_PER_ELEMENT,
  type StateDict,
  type StoredDType,
  type TensorData,
  toFloat32,
} from '../../src/core/dtype.ts';
import { bytesOf, elementsOf } from '../../src/io/base/bytes.ts';
import { readWeightFile, readWeights, safetensorsChunks, type WriteOptions } from '../../src/io/index.ts';
import { bytes, expectRefusal, overBudget, safetensorsOf, uint64 } from './build.ts';

const write = (state: StateDict, options: WriteOptions = {}): Uint8Array<ArrayBuffer> =>
  bytes(...safetensorsChunks(state, options));
const f32 = (...values: number[]): TensorData => ({
  shape: [values.length],
  dtype: 'float32',
  data: new Float32Array(values),
});

describe('written and read', () => {
  test('the file is the reference library’s: length, header padded with spaces to 8 bytes, data', () => {
    const file = write(new Map([['a', f32(1)]]), { metadata: { format: 'pt' } });
    const header = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   ';
    expect(header.length % 8).toBe(0);
    expect(file).toEqual(safetensorsOf(header, bytes(0, 0, 0x80, 0x3f)));
  });

  test('any state dict comes back as it was, in its order', async () => {
    const dtypes = Object.keys(BYTES_PER_ELEMENT) as StoredDType[];
    const tensors = fc
      .tuple(fc.constantFrom(...dtypes), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
      .chain(([dtype, shape]) => {
        const length = shape.reduce((a, b) => a * b, 1) * BYTES_PER_ELEMENT[dtype];
        return fc
          .uint8Array({ minLength: length, maxLength: length })
          .map((raw) => ({ shape, dtype, data: elementsOf(dtype, Uint8Array.from(raw)) }));
      });
    const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((s) => s !== '__metadata__' && !/^\d+$/.test(s));
    const states = fc.uniqueArray(fc.tuple(name, tensors), { selector: ([key]) => key, maxLength: 6 });
    const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(states, metadata, async (entries, metadata) => {
        const file = await readWeightFile(write(new Map(entries), { metadata }));
        expect([...file.state.keys()]).toEqual(entries.map(([key]) => key));
        for (const [key, { shape, dtype, data }] of entries) {
          const got = file.state.get(key)!;
          expect([got.shape, got.dtype]).toEqual([shape, dtype]);
          expect(bytesOf(got)).toEqual(bytesOf({ shape, dtype, data }));
        }
        expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('each tensor is aligned to its element size, whatever the order', () => {
    const state: StateDict = new Map([
      ['byte', { shape: [3], dtype: 'uint8', data: new Uint8Array([1, 2, 3]) }],
      ['long', { shape: [1], dtype: 'int64', data: new BigInt64Array([7n]) }],
      ['float', f32(5)],
    ]);
    const file = write(state);
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + file[0]!)));
    expect(Object.keys(header)).toEqual(['byte', 'long', 'float']);
    expect(header.long.data_offsets).toEqual([0, 8]);
    expect(header.float.data_offsets).toEqual([8, 12]);
    expect(header.byte.data_offsets).toEqual([12, 15]);
  });

  test.each([
    ['float16', [1, -0.5, 65504, 1 / 3], [1, -0.5, 65504, 0.333251953125]],
    ['bfloat16', [1, -0.5, 65504, 1 / 3], [1, -0.5, 65536, 0.333984375]],
    ['float32', [1, -0.5, 65504, 0.25], [1, -0.5, 65504, 0.25]],
  ] as const)('as %s: floating point is converted, integers are not', async (dtype, values, expected) => {
    const state: StateDict = new Map([
      ['w', f32(...values)],
      ['d', { shape: [1], dtype: 'float64', data: new Float64Array([0.5]) }],
      ['n', { shape: [1], dtype: 'int64', data: new BigInt64Array([2n ** 60n]) }],
    ]);
    const back = await readWeights(write(state, { dtype }));
    expect(back.get('w')!.dtype).toBe(dtype);
    expect([...toFloat32(back.get('w')!)]).toEqual([...expected]);
    expect([back.get('d')!.dtype, [...toFloat32(back.get('d')!)]]).toEqual([dtype, [0.5]]);
    expect(back.get('n')).toEqual(state.get('n'));
  });

  test('values that a narrower type cannot hold are refused', () => {
    expect(() => write(new Map([['w', f32(1, 1e6, -1e6)]]), { dtype: 'float16' })).toThrow(
      'safetensors: w: 2 values too large for float16. Write it as bfloat16 or float32.',
    );
    expect(() => write(new Map([['w', f32(Number.POSITIVE_INFINITY)]]), { dtype: 'float16' })).not.toThrow();
  });

  test('a tensor that contradicts its shape is refused before anything is written', () => {
    const bad: StateDict = new Map([['w', { shape: [2, 2], dtype: 'float32', data: new Float32Array(3) }]]);
    expect(() => safetensorsChunks(bad).next()).toThrow('safetensors: w: shape [2, 2] has 4 elements, got 3.');
    expect(() => safetensorsChunks(new Map([['__metadata__', f32(1)]])).next()).toThrow(
      "safetensors: no tensor may be named '__metadata__'.",
    );
  });
});

describe('refused, each with its one line', () => {
  const entry = (dtype: string, shape: string, begin: number | string, end: number | string): string =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
  const zeros = (n: number) => new Uint8Array(n);

  test.each([
    [
      'a header longer than the file',
      bytes(uint64(1n << 62n), '{}'),
      'declares a header of 4,611,686,018,427,387,904 bytes: expected at most 2. It is truncated, damaged or no safetensors file.',
    ],
    [
      'NaN in the header',
      safetensorsOf(`{"a":${entry('F32', '[NaN]', 0, 4)}}`, zeros(4)),
      'its header is not valid JSON. It is damaged or no safetensors file.',
    ],
    [
      'a header cut short',
      safetensorsOf('{"a":{"dtype":'),
      'its header is not valid JSON. It is damaged or no safetensors file.',
    ],
    [
      'a header that is no UTF-8',
      safetensorsOf('{"\xff":1}'),
      'its header is not valid JSON. It is damaged or no safetensors file.',
    ],
    [
      'one name twice',
      safetensorsOf(`{"a":${entry('U8', '[1]', 0, 1)}, "\\u0061" :${entry('U8', '[1]', 1, 2)}}`, zeros(2)),
      "its header has 'a' twice.",
    ],
    [
      'a field twice',
      safetensorsOf('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', zeros(1)),
      "its header has 'dtype' twice.",
    ],
    [
      'deep nesting',
      safetensorsOf(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
      "its header is nested deeper than the 3 levels of a tensor's entry.",
    ],
    [
      'lists by the thousand',
      safetensorsOf(`{"a":[${'[],'.repeat(100_000)}[]]}`),
      overBudget('its header', 300_018, 64),
    ],
    [
      'an entry that is no object',
      safetensorsOf('{"a":3}'),
      "tensor 'a': expected dtype, shape and data_offsets in the header.",
    ],
    ['metadata that is no text', safetensorsOf('{"__metadata__":{"a":1}}'), 'its __metadata__ holds more than text.'],
    [
      'an unknown dtype',
      safetensorsOf(`{"a":${entry('F8_E4M3', '[1]', 0, 1)}}`, zeros(1)),
      "tensor 'a' has dtype 'F8_E4M3': expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL.",
    ],
    [
      'a dtype named as an object’s own',
      safetensorsOf(`{"a":${entry('toString', '[1]', 0, 1)}}`, zeros(1)),
      "tensor 'a' has dtype 'toString': expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL.",
    ],
    [
      'a negative size',
      safetensorsOf(`{"a":${entry('U8', '[-1,-1]', 0, 1)}}`, zeros(1)),
      "tensor 'a': its shape or data_offsets are no sizes.",
    ],
    [
      'a fraction',
      safetensorsOf(`{"a":${entry('U8', '[1.5]', 0, 1)}}`, zeros(1)),
      "tensor 'a': its shape or data_offsets are no sizes.",
    ],
    [
      'sizes whose product overflows',
      safetensorsOf(`{"a":${entry('U8', '[4294967296,4294967296]', 0, 0)}}`),
      "tensor 'a': its shape or data_offsets are no sizes.",
    ],
    [
      'offsets in reverse',
      safetensorsOf(`{"a":${entry('U8', '[1]', 1, 0)}}`, zeros(1)),
      "tensor 'a': its shape or data_offsets are no sizes.",
    ],
    [
      'offsets that contradict the shape',
      safetensorsOf(`{"a":${entry('F32', '[2, 2]', 0, 12)}}`, zeros(12)),
      "tensor 'a' [2, 2] of float32 takes 16 bytes, but its data_offsets span 12.",
    ],
    [
      'data past the end',
      safetensorsOf(`{"a":${entry('F32', '[250000000]', 0, 1e9)}}`, zeros(4)),
      "tensor 'a' ends at byte 1,000,000,000 of the data, but the file has 4. It is truncated or damaged: get it again.",
    ],
    [
      'overlapping tensors',
      safetensorsOf(`{"a":${entry('U8', '[4]', 0, 4)},"b":${entry('U8', '[4]', 2, 6)}}`, zeros(6)),
      "tensor 'b' begins at byte 2 of the data, inside the tensor before it.",
    ],
    [
      'a hole',
      safetensorsOf(`{"a":${entry('U8', '[1]', 0, 1)},"b":${entry('U8', '[1]', 2, 3)}}`, zeros(3)),
      "leaves 1 byte before tensor 'b' unused.",
    ],
    [
      'bytes left over',
      safetensorsOf(`{"a":${entry('U8', '[1]', 0, 1)}}`, zeros(3)),
      'leaves 2 bytes at its end unused.',
    ],
  ])('%s', async (_, content, message) => {
    await expectRefusal(content, message);
  });

  test('names of an object’s own are plain names', async () => {
    const header = `{"__proto__":${entry('U8', '[1]', 0, 1)},"constructor":${entry('U8', '[1]', 1, 2)}}`;
    const state = await readWeights(safetensorsOf(header, bytes(1, 2)));
    expect([...state].map(([name, { data }]) => [name, data[0]])).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });
});

test('millions of keys in the metadata are refused before they are made', async () => {
  const header = `{"__metadata__":{${'"k":"v",'.repeat(4_000_000)}"k":"v"}}`;
  const file = safetensorsOf(header);
  const before = process.cpuUsage();
  await expect(readWeights(new File([file], 'x.safetensors'))).rejects.toThrow(
    `x.safetensors: its header would take more than 268,435,456 bytes of memory, the most that ${file.length.toLocaleString('en-US')} bytes of file may. ` +
      'It is damaged, or made to exhaust memory.',
  );
  expect(process.cpuUsage(before).user).toBeLessThan(20_000_000);
});
