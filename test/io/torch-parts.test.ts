/** Weights in several files or entries that name each other: what damage and attacks on torch.distributed, torch.export and indexes come to. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openFiles } from '../../scripts/fuzz/oracle.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { readWeights } from '../../src/io/index.ts';
import { readOpened } from '../../src/io/read.ts';
import { weightFileOf } from '../../src/runs/start.ts';
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
  torchZip,
  tuple,
} from './build.ts';

const fixtures = new URL('../fixtures/io/torch/', import.meta.url);
const data = new Uint8Array(new Float32Array([1, 2]).buffer);
const w = tensor(storage('0', 2), 0, [2], [1]);
const os = call(global('posix', 'system'), text('touch /tmp/ran'));

/** Files in memory, of which the first is opened. */
async function readTogether(files: Record<string, Uint8Array | string>): Promise<StateDict> {
  const entries = Object.entries(files).map(([name, content]) => [name, bytes(content)] as const);
  return (await readOpened(openFiles(new Map(entries)), {})).state;
}
const fixture = (name: string): Uint8Array => Uint8Array.from(readFileSync(new URL(name, fixtures)));

describe('distributed checkpoints that lie or attack', () => {
  const file = (name: string): Uint8Array => global('torch.distributed.checkpoint.metadata', name);
  const of = (name: Uint8Array, ...state: Uint8Array[]): Uint8Array => bytes(name, tuple(), 0x81, dict(...state), 'b');
  const sizes = (...n: number[]): Uint8Array => call(global('torch', 'Size'), tuple(...n.map(int)));
  const piece = (offset: number, size: number): Uint8Array =>
    of(file('ChunkStorageMetadata'), text('offsets'), sizes(offset), text('sizes'), sizes(size));
  const place = (offset: number, path: string, length: number, ...more: Uint8Array[]): Uint8Array[] => [
    of(file('MetadataIndex'), text('fqn'), text('w'), text('offset'), sizes(offset)),
    of(
      global('torch.distributed.checkpoint.filesystem', '_StorageInfo'),
      ...[text('relative_path'), text(path), text('offset'), int(0), text('length'), int(length), ...more],
    ),
  ];
  const archive = torchZip(pickle(w), { 0: data });
  const checkpoint = (size: number, pieces: Uint8Array[], places: Uint8Array[], dtype = 'float32'): Uint8Array =>
    pickle(
      of(
        file('Metadata'),
        text('state_dict_metadata'),
        dict(
          text('w'),
          of(
            file('TensorStorageMetadata'),
            ...[
              text('properties'),
              bytes(file('TensorProperties'), tuple(), 0x81, tuple(global('torch', dtype), os), 'b'),
            ],
            ...[text('size'), sizes(size), text('chunks'), bytes('](', ...pieces, 'e')],
          ),
        ),
        ...[text('storage_data'), dict(...places), text('more'), os],
      ),
    );
  const two = [...place(0, 'a.distcp', archive.length), ...place(2, 'a.distcp', archive.length)];
  const read = (metadata: Uint8Array): Promise<StateDict> =>
    readTogether({ '.metadata': metadata, 'a.distcp': archive });

  test('two pieces are joined, and what is called beside them is not', async () => {
    const state = await read(checkpoint(4, [piece(0, 2), piece(2, 2)], two));
    expect([...state.get('w')!.data]).toEqual([1, 2, 1, 2]);
  });

  test.each([
    ['a gap', checkpoint(5, [piece(0, 2), piece(2, 2)], two), "tensor 'w' has 5 elements, its 2 pieces 4."],
    ['an overlap', checkpoint(4, [piece(0, 2), piece(0, 2)], two), "tensor 'w' has pieces that overlap."],
    ['a piece outside', checkpoint(4, [piece(3, 2)], two), "tensor 'w' [4] has a piece that lies outside of it."],
    [
      'a piece without a place',
      checkpoint(2, [piece(0, 2)], []),
      "does not say where the piece at [0] of tensor 'w' is.",
    ],
    [
      'a path out of the folder',
      checkpoint(2, [piece(0, 2)], place(0, '../a.distcp', 1)),
      "tensor 'w' lies in '../a.distcp', which is no plain path.",
    ],
    [
      'a packed file',
      checkpoint(
        2,
        [piece(0, 2)],
        place(0, 'a.distcp', 1, text('transform_descriptors'), bytes(']', text('zstd'), 'a')),
      ),
      "tensor 'w' is packed (a list of 1 item): save it without extensions.",
    ],
    [
      'another type',
      checkpoint(2, [piece(0, 2)], two, 'complex64'),
      "tensor 'w' has type 'complex64', which is not read.",
    ],
    [
      'no metadata',
      pickle(of(file('Metadata'), text('storage_data'), dict())),
      'is no metadata of torch.distributed.checkpoint: it does not say which tensors it has, and where.',
    ],
  ])('%s', async (_, metadata, message) => {
    await expect(read(metadata)).rejects.toThrow(new WeightFileError('.metadata', message));
  });

  test('a file that has something else', async () => {
    const one = (length: number) => checkpoint(2, [piece(0, 2)], place(0, 'a.distcp', length), 'int32');
    await expect(read(one(archive.length))).rejects.toThrow(
      "a.distcp: has at byte 0 no piece [2] of int32 of tensor 'w'.",
    );
    await expect(read(one(archive.length + 1))).rejects.toThrow("a.distcp: tensor 'w' takes ");
    const attack = torchZip(pickle(os));
    await expect(readTogether({ '.metadata': one(attack.length), 'a.distcp': attack })).rejects.toThrow(
      "a.distcp: has at byte 0 no piece [2] of int32 of tensor 'w'.",
    );
    await expect(readWeights(one(1) as Uint8Array<ArrayBuffer>)).rejects.toThrow(
      'its weights lie in other files (a.distcp). Pass the path or URL of .metadata.',
    );
  });
});

describe('exported programs that lie', () => {
  const archive = (meta: object, more: Record<string, Uint8Array> = {}): Uint8Array<ArrayBuffer> =>
    zipSync(
      {
        'm/data/weights/model_weights_config.json': bytes(JSON.stringify({ config: { w: meta } })),
        'm/data/weights/weight_0': data,
        ...more,
      },
      { level: 0, mtime: new Date(2000, 0, 2) },
    ) as Uint8Array<ArrayBuffer>;
  const ints = (...n: unknown[]): object[] => n.map((as_int) => ({ as_int }));
  const meta = { dtype: 7, sizes: ints(2), strides: ints(1), storage_offset: { as_int: 0 } };
  const payload = { path_name: 'weight_0', use_pickle: false, tensor_meta: meta };

  test.each([
    ['a pickled tensor', { ...payload, use_pickle: true }, 'is pickled, being of a class of its own: it is not read.'],
    ['no meta', { path_name: 'weight_0' }, 'is declared in an unknown way.'],
    ['a complex type', { ...payload, tensor_meta: { ...meta, dtype: 10 } }, "has type '10', which is not read."],
    [
      'a size that is none',
      { ...payload, tensor_meta: { ...meta, sizes: ints(-1) } },
      'has sizes, strides or an offset that are no numbers.',
    ],
    ['too large', { ...payload, tensor_meta: { ...meta, sizes: ints(3) } }, "[3] needs 3 elements; 'weight_0' has 2."],
    ['a file that is not there', { ...payload, path_name: '../x' }, "[2] needs 2 elements; '../x' has 0."],
  ])('%s', async (_, entry, message) => {
    await expectRefusal(archive(entry), `tensor 'w' ${message}`);
  });

  test('code and pickles beside the weights are not looked at; two models are refused', async () => {
    const hostile = {
      'm/data/sample_inputs/model.pt': torchZip(pickle(os)),
      'm/models/model.json': bytes('import os'),
    };
    expect([...(await readWeights(archive(payload, hostile))).get('w')!.data]).toEqual([1, 2]);
    const second = { 'm/data/weights/b_weights_config.json': bytes('{"config":{}}') };
    await expectRefusal(archive(payload, second), "holds 2 models, 'model' and others. Export one alone.");
  });
});

test('a folder with an index is one of weights on the command line too', () => {
  for (const name of ['dcp4', 'sharded']) {
    const path = fileURLToPath(new URL(name, fixtures));
    expect(weightFileOf(path)).toBe(path);
  }
});

describe('indexes of shards that lie', () => {
  const index = (map: unknown): string => JSON.stringify({ weight_map: map });
  const first = 'sharded/model-00001-of-00002.safetensors';
  const name = 'a.index.json';

  test.each([
    ['no map', index([]), "expected an object weight_map, got 'a list of 0 items'."],
    ['an empty one', index({}), 'lists no tensors.'],
    ['no file', index({ w: 1 }), "does not say which file tensor 'w' is in."],
    [
      'a path that would draw on the terminal',
      index({ w: '\u001b[2J' }),
      "names the file '\\u001b[2J', which is no plain path.",
    ],
    ['a path out of the folder', index({ w: '../w.bin' }), "names the file '../w.bin', which is no plain path."],
    [
      'a tensor that is not there',
      index({ w: 'a.safetensors' }),
      "lists tensor 'w' in 'a.safetensors', which does not have it. The two are of different models.",
    ],
  ])('%s', async (_, content, message) => {
    const files = { [name]: content, 'a.safetensors': fixture(first) };
    await expect(readTogether(files)).rejects.toThrow(new WeightFileError(name, message));
  });

  test('a shard that is another index, or code', async () => {
    const itself = { [name]: index({ w: name }) };
    await expect(readTogether(itself)).rejects.toThrow(
      `${name}: is no shard: expected safetensors or a checkpoint of PyTorch.`,
    );
    const hostile = { [name]: index({ w: 'a.bin' }), 'a.bin': torchZip(pickle(os)) };
    await expect(readTogether(hostile)).rejects.toThrow("a.bin: refuses to unpickle 'posix.system'");
  });
});
