/** PyTorch checkpoints: what PyTorch wrote (scripts/record-io-fixtures.py) comes in bit for bit, in both formats. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { type ReadOptions, readWeightFile, readWeights } from '../../src/io/index.ts';
import { sharedData } from '../shared-data.ts';
import {
  bytes,
  call,
  dict,
  expectRefusal,
  global,
  int,
  pickle,
  storage,
  tensor,
  text,
  torchLegacy,
  torchZip,
  tuple,
  uint32,
  uint64,
} from './build.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));

/** Names, dtypes, shapes and bits; NaNs too. */
function bits(state: StateDict): Record<string, unknown> {
  return Object.fromEntries(
    [...state].map(([name, { shape, dtype, data }]) => [
      name,
      { shape, dtype, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') },
    ]),
  );
}

async function expectEqualFiles(got: string, expected: string): Promise<void> {
  const a = await readWeights(got);
  const b = await readWeights(expected);
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  expect(bits(a)).toEqual(bits(b));
}

describe('every dtype, stride and sharing', () => {
  test.each(['zip.pth', 'zip-deflated.pth', 'zip-cuda.pth', 'legacy.pth'])(
    '%s equals what PyTorch held',
    async (name) => {
      await expectEqualFiles(fixture(name), fixture('tensors.safetensors'));
    },
  );

  test('names come in the order of the file', async () => {
    const zip = [...(await readWeights(fixture('zip.pth'))).keys()];
    const expected = [...(await readWeights(fixture('tensors.safetensors'))).keys()];
    expect(zip).toEqual(expected);
  });

  test('tensors of one storage get arrays of their own', async () => {
    const state = await readWeights(fixture('zip.pth'));
    expect(state.get('whole')!.data).toEqual(state.get('tied')!.data);
    expect(state.get('whole')!.data.buffer).not.toBe(state.get('tied')!.data.buffer);
  });

  test('bytes, a Blob, a File and a file URL are read as a path is', async () => {
    const content = new Uint8Array(await readFile(fixture('zip.pth')));
    const expected = bits(await readWeights(fixture('zip.pth')));
    const padded = new Uint8Array(content.length + 3);
    padded.set(content, 3);
    const sources = [content, padded.subarray(3), new Blob([content]), new File([content], 'a.bin')];
    for (const source of sources) expect(bits(await readWeights(source))).toEqual(expected);
    expect(bits(await readWeights(new URL('../fixtures/io/zip.pth', import.meta.url)))).toEqual(expected);
  });

  test('what is read from bytes is no view on them', async () => {
    const content = new Uint8Array(await readFile(fixture('zip.pth')));
    const state = await readWeights(content);
    const before = bits(state);
    content.fill(0);
    expect(bits(state)).toEqual(before);
  });
});

describe('training checkpoints', () => {
  test.each([
    ['training-zip.pth', 'torch (zip)'],
    ['training-protocol4.pth', 'torch (zip)'],
    ['training-legacy.pth', 'torch (before 1.6)'],
  ])('%s: the nested state dict, its prefix taken off', async (name, format) => {
    const file = await readWeightFile(fixture(name));
    expect(file.format).toBe(format);
    expect(file.notes).toEqual([
      "The weights are those under 'state_dict'.",
      "Tensors are also under 'optimizer'.",
      'Left out, being more than plain data: args (argparse.Namespace).',
      "The prefix 'module.' is taken off every name.",
    ]);
    expect(file.metadata).toEqual({
      epoch: '7',
      arch: 'small',
      best_acc: '91.25',
      seen: '1099511627776',
      done: 'true',
      big: '1267650600228229401496703205376',
    });
    expect(file.namesInFile.get('1.running_mean')).toBe('module.1.running_mean');
    await expectEqualFiles(fixture(name), fixture('training.safetensors'));
  });
});

describe('which dictionary holds the weights', () => {
  const weights = (name: string, value: number) => dict(text(name), tensor(storage('0', 2), value, [1], [1]));
  const file = (object: Uint8Array) => torchZip(pickle(object), { 0: new Uint8Array(new Float32Array([1, 2]).buffer) });
  const read = async (object: Uint8Array, options: ReadOptions = {}) => {
    const { state, notes } = await readWeightFile(new File([file(object)], 'x.pth'), options);
    return { state: Object.fromEntries([...state].map(([name, { data }]) => [name, [...data]])), notes };
  };

  test.each(['state_dict', 'model_state_dict', 'params_ema', 'params', 'model', 'net', 'generator'])(
    'under %s',
    async (key) => {
      const got = await read(dict(text('epoch'), int(1), text(key), weights('w', 0)));
      expect(got).toEqual({ state: { w: [1] }, notes: [`The weights are those under '${key}'.`] });
    },
  );

  test('two levels down', async () => {
    const got = await read(dict(text('model'), dict(text('state_dict'), weights('w', 1))));
    expect(got).toEqual({ state: { w: [2] }, notes: ["The weights are those under 'model.state_dict'."] });
  });

  test('an average of the weights before the weights', async () => {
    const got = await read(dict(text('params'), weights('w', 0), text('params_ema'), weights('w', 1)));
    expect(got.state).toEqual({ w: [2] });
    expect(got.notes).toEqual(["The weights are those under 'params_ema'.", "Tensors are also under 'params'."]);
  });

  test('a single tensor beside it is not taken for the state dict', async () => {
    const got = await read(dict(text('step'), tensor(storage('0', 2), 0, [], []), text('model'), weights('w', 1)));
    expect(got.state).toEqual({ w: [2] });
  });

  test('an option chooses', async () => {
    const object = dict(text('a.b'), weights('w', 0), text('c'), dict(text('d'), weights('w', 1)));
    expect((await read(object, { key: 'a.b' })).state).toEqual({ w: [1] });
    expect((await read(object, { key: 'c.d' })).state).toEqual({ w: [2] });
    await expect(read(object, { key: 'c.e' })).rejects.toThrow(
      "x.pth: has nothing under 'c.e': it holds a dictionary of 2 (a.b, c).",
    );
    await expect(read(object, { key: 'c' })).rejects.toThrow(
      "x.pth: holds no named tensors under 'c', but a dictionary of 1 (d).",
    );
  });

  test('the one that fits the model', async () => {
    const two = (value: number) => dict(text('x.v'), tensor(storage('0', 2), value, [1], [1]), text('n'), int(1));
    const object = dict(
      text('model'),
      weights('w', 0),
      text('ema'),
      dict(text('inner'), two(1)),
      text('teacher'),
      two(0),
    );
    const expected = new Map([['v', [1]]]);
    expect(await read(object, { expected })).toEqual({
      state: { v: [2] },
      notes: [
        "The weights are those under 'ema.inner'.",
        "Tensors are also under 'model', 'teacher'.",
        'Left out, being no tensors: n.',
        "The prefix 'x.' is taken off the names.",
      ],
    });
    expect((await read(object, { expected: new Map([['other', [1]]]) })).state).toEqual({ w: [1] });
  });

  test('several that could be meant are listed', async () => {
    await expectRefusal(
      file(dict(text('encoder'), weights('w', 0), text('decoder'), weights('w', 1))),
      "holds several dictionaries of tensors (encoder, decoder). Choose one: { key: 'encoder' }.",
    );
  });

  test('what is no tensor is left out and told', async () => {
    const got = await read(
      dict(text('w'), tensor(storage('0', 2), 0, [2], [1]), text('version'), int(3), tuple(), 0x88),
    );
    expect(got).toEqual({
      state: { w: [1, 2] },
      notes: ['Left out, being no tensors: version, a list of 0 items.'],
    });
  });

  test('prefixes of wrappers are taken off only where every name has them', async () => {
    const two = (a: string, b: string) =>
      dict(text(a), tensor(storage('0', 2), 0, [1], [1]), text(b), tensor(storage('0', 2), 1, [1], [1]));
    expect((await read(two('module.a', 'module.b'))).state).toEqual({ a: [1], b: [2] });
    expect((await read(two('_orig_mod.module.a', '_orig_mod.module.b'))).state).toEqual({ a: [1], b: [2] });
    expect((await read(two('module.a', 'b'))).state).toEqual({ 'module.a': [1], b: [2] });
    expect((await read(two('module.', 'module.b'))).state).toEqual({ 'module.': [1], 'module.b': [2] });
  });

  test.each([
    ['a list', pickle(']'), 'holds no named tensors: expected a state dict, got a list of 0 items.'],
    ['nothing', pickle('N'), 'holds no named tensors: expected a state dict, got None.'],
    ['an empty dictionary', pickle('}'), 'holds no named tensors: expected a state dict, got an empty dictionary.'],
    [
      'a tensor',
      pickle(tensor(storage('0', 2), 0, [1], [1])),
      'holds no named tensors: expected a state dict, got a single tensor.',
    ],
    [
      'numbers',
      pickle(dict(text('a'), int(1), text('b'), int(2))),
      'holds no named tensors: expected a state dict, got a dictionary of 2 (a, b).',
    ],
  ])('a file with %s alone is refused', async (_, object, message) => {
    await expectRefusal(torchZip(object, { 0: new Uint8Array(8) }), message);
  });
});

test('an archive in zip64 with its byte order told, as newer versions write large ones', async () => {
  const object = pickle(dict(text('w'), tensor(storage('0', 2), 0, [2], [1])));
  const plain = zipSync(
    {
      'a/data.pkl': object,
      'a/byteorder': bytes('little'),
      'a/data/0': new Uint8Array(new Float32Array([1, 2]).buffer),
    },
    { level: 0 },
  );
  // The directory's last entry gets its numbers in the wide field, and the directory itself in the wide end record.
  const directory = new DataView(plain.buffer).getUint32(plain.length - 6, true);
  const last = Buffer.from(plain).lastIndexOf('a/data/0') - 46;
  const headerOffset = new DataView(plain.buffer).getUint32(last + 42, true);
  const wide = bytes(1, 0, 24, 0, uint64(8n), uint64(8n), uint64(BigInt(headerOffset)));
  const entry = bytes(plain.subarray(last, plain.length - 22));
  for (const at of [20, 24, 42]) entry.set(uint32(0xffffffff), at);
  entry.set([wide.length, 0], 30);
  const body = bytes(plain.subarray(0, last), entry, wide);
  const size = BigInt(body.length - directory);
  const file = bytes(
    body,
    bytes('PK', 6, 6, uint64(44n), 45, 0, 45, 0, uint32(0), uint32(0)),
    bytes(uint64(3n), uint64(3n), uint64(size), uint64(BigInt(directory))),
    bytes('PK', 6, 7, uint32(0), uint64(BigInt(body.length)), uint32(1)),
    bytes('PK', 5, 6, uint32(0), new Uint8Array(12).fill(0xff), 0, 0),
  );
  expect([...(await readWeights(file)).get('w')!.data]).toEqual([1, 2]);
});

test('a metric of NumPy’s in a Python 2 pickle, whose bytes are text', async () => {
  const scalar = (code: string, raw: Uint8Array) =>
    call(
      global('numpy.core.multiarray', 'scalar'),
      bytes(
        call(global('numpy', 'dtype'), text(code), int(0), int(1)),
        tuple(int(3), text('<'), 'N', 'N', 'N', int(-1), int(-1), int(0)),
        'b',
      ),
      bytes('U', raw.length, raw),
    );
  const object = pickle(
    dict(
      ...[text('f8'), scalar('f8', new Uint8Array(new Float64Array([-1 / 3]).buffer))],
      ...[text('f4'), scalar('f4', new Uint8Array(new Float32Array([0.5]).buffer))],
      ...[text('i8'), scalar('i8', bytes(uint64(-5n)))],
      ...[text('u1'), scalar('u1', bytes(0x85))],
      ...[text('w'), tensor(storage('0', 2), 0, [2], [1])],
    ),
  );
  const { metadata } = await readWeightFile(torchZip(object, { 0: new Uint8Array(8) }));
  expect(metadata).toEqual({ f8: String(-1 / 3), f4: '0.5', i8: '-5', u1: '133' });
});

test('the old format: a part of a storage, as PyTorch 0.2 wrote them', async () => {
  const part = Uint8Array.from([
    ...tuple(
      text('storage'),
      Uint8Array.from([...'ctorch\nFloatStorage\n'].map((c) => c.charCodeAt(0))),
      text('k'),
      text('cpu'),
      int(4),
      tuple(text('v'), int(1), int(3)),
    ),
    0x51,
  ]);
  const object = pickle(dict(text('w'), tensor(part, 1, [2], [1])));
  const data = new Uint8Array(new Float32Array([0, 1, 2, 3]).buffer);
  const state = await readWeights(torchLegacy(object, ['k'], [uint64(4n), data]));
  expect([...state.get('w')!.data]).toEqual([2, 3]);
});

describe.skipIf(!sharedData)('real files (shared data)', () => {
  const weights = (name: string): string => join(sharedData!, 'weights', name);

  test('squeezenet1_1.pth equals its safetensors bit for bit', async () => {
    await expectEqualFiles(weights('squeezenet1_1.pth'), weights('squeezenet1_1.safetensors'));
  });

  test('resnet20-12fca82f.th (CUDA, nested, prefixed) equals its safetensors bit for bit', async () => {
    await expectEqualFiles(weights('resnet20-12fca82f.th'), weights('resnet20-cifar10.safetensors'));
  });
});
