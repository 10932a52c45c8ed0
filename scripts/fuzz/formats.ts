/** The formats that are fuzzed: their seed files, and the parts that each can be taken into and put together from again. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { unzipSync, zipSync } from 'fflate';
import { BYTES_PER_ELEMENT, type StateDict, type StoredDType } from '../../src/core/dtype.ts';
import { elementsOf } from '../../src/io/base/bytes.ts';
import type { ModelFormat, ReadOptions } from '../../src/io/base/format.ts';
import { npz } from '../../src/io/npz.ts';
import { messageType } from '../../src/io/onnx/schema.ts';
import { safetensors } from '../../src/io/safetensors.ts';
import { torchZip } from '../../src/io/torch/zip.ts';
import type { Grammar } from './grammars.ts';

/** A file and those beside it, by name; the first is the one that is opened. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A sound file to damage. */
export interface Seed {
  readonly name: string;
  readonly files: Files;
  readonly options: ReadOptions;
}

/** A stretch of a file that has a grammar of its own. `replace` puts lengths and checksums around it right. */
export interface Part {
  readonly grammar: Grammar;
  readonly bytes: Uint8Array;
  replace(bytes: Uint8Array): Files;
}

export interface FuzzFormat {
  readonly name: string;
  /** Every byte that is read is under a checksum: damage is refused, or is where nothing is read. */
  readonly checksummed: boolean;
  /** Tensors of these dtypes lie in the file as they are read, so that each must be found there. */
  readonly verbatim: readonly StoredDType[];
  /** Small files, made by our own writers or recorded with each format's own library. */
  seeds(): Promise<Seed[]>;
  /** Published weights below the folder of shared data, if it is there. */
  readonly published: readonly string[];
  parts(files: Files): Part[];
}

const ALL = Object.keys(BYTES_PER_ELEMENT) as StoredDType[];
const fixtures = new URL('../../test/fixtures/', import.meta.url);
const shared = process.env.REGRAFT_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

const seed = (name: string, files: Files, options: ReadOptions = {}): Seed => ({ name, files, options });
const single = (name: string, bytes: Uint8Array): Seed => seed(name, new Map([[name, bytes]]));
const recorded = (...paths: string[]): Promise<Seed[]> =>
  Promise.all(paths.map(async (path) => single(path.split('/').at(-1)!, await bytesAt(path))));

async function bytesAt(path: string | URL): Promise<Uint8Array> {
  return Uint8Array.from(await readFile(typeof path === 'string' ? new URL(path, fixtures) : path));
}

/** Every element type, a scalar, an empty tensor, names that are awkward. */
function sampleState(): StateDict {
  const shapes = [[3, 4], [], [0, 2], [7], [2, 1, 3, 1]];
  const names = ['layer.0.weight', 'b', '0', '__proto__', 'größe', 'layer.0.bias', 'a b', 'x/y', 'n', 'm'];
  return new Map(
    ALL.map((dtype, i) => {
      const shape = shapes[i % shapes.length]!;
      const bytes = new Uint8Array(shape.reduce((n, d) => n * d, BYTES_PER_ELEMENT[dtype]));
      for (let p = 0; p < bytes.length; p++) bytes[p] = dtype === 'bool' ? p & 1 : (p * 37 + i * 101 + 11) & 0x7f;
      return [names[i]!, { shape, dtype, data: elementsOf(dtype, bytes) }];
    }),
  );
}

const writtenBy = (format: ModelFormat, name: string, state = sampleState()): Seed =>
  single(name, Uint8Array.from(Buffer.concat([...format.writeState!(state, {})])));

/** The sample without the type that NumPy lacks, and an array of which damage mostly hits the elements. */
function arraysState(): StateDict {
  const numpyHas = [...sampleState()].filter(([, { dtype }]) => dtype !== 'bfloat16');
  return new Map([...numpyHas, ['table', { shape: [32, 48], dtype: 'float32', data: new Float32Array(1536).fill(1) }]]);
}

/** The small net with its tensors in a file beside it. */
async function externalOnnx(): Promise<Seed> {
  const model = messageType('ModelProto').decode(await bytesAt('io/net-kept.onnx')) as unknown as {
    graph: { initializer: { rawData?: Uint8Array; dataLocation: number; externalData: object[] }[] };
  };
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of model.graph.initializer) {
    const bytes = tensor.rawData ?? new Uint8Array(0);
    const fields = { location: 'data/net.bin', offset: String(offset), length: String(bytes.length) };
    tensor.externalData = Object.entries(fields).map(([key, value]) => ({ key, value }));
    tensor.dataLocation = 1;
    delete tensor.rawData;
    chunks.push(bytes);
    offset += bytes.length;
  }
  const main = Uint8Array.from(messageType('ModelProto').encode(model).finish());
  return seed(
    'external.onnx',
    new Map([
      ['external.onnx', main],
      ['data/net.bin', Uint8Array.from(Buffer.concat(chunks))],
    ]),
  );
}

/** As it is, and read for the model that it is of. */
async function withTarget(seeds: Seed[]): Promise<Seed[]> {
  const { state } = await safetensors.read(
    (await import('../../src/device/byte-source.ts')).bytesSource(await bytesAt('io/net.safetensors')),
    {},
  );
  const expected = new Map([...state].map(([name, { shape }]) => [name, shape]));
  return [...seeds, ...seeds.map((s) => seed(`${s.name} for its model`, s.files, { expected }))];
}

async function folder(at: URL, main: string): Promise<Seed> {
  const names = (await readdir(at)).filter((name) => name !== main);
  const files = await Promise.all(
    [main, ...names].map(async (name) => [name, await bytesAt(new URL(name, at))] as const),
  );
  return seed(main, new Map(files));
}

/** The published files of a format that are there. */
export async function publishedSeeds({ published }: FuzzFormat): Promise<Seed[]> {
  const paths = published.filter((path) => existsSync(`${shared}/${path}`));
  return Promise.all(
    paths.map(async (path) => {
      const url = new URL(`file://${shared}/${path}`);
      const name = path.split('/').at(-1)!;
      return name === 'model.json' ? folder(new URL('.', url), name) : single(name, await bytesAt(url));
    }),
  );
}

const mainOf = (files: Files): [string, Uint8Array] => [...files][0]!;
const whole =
  (grammar: Grammar) =>
  (files: Files): Part[] => {
    const [name, bytes] = mainOf(files);
    return [{ grammar, bytes, replace: (content) => new Map([...files, [name, content]]) }];
  };

function safetensorsParts(files: Files): Part[] {
  const [name, bytes] = mainOf(files);
  const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const replace = (header: Uint8Array): Files => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return new Map([[name, Uint8Array.from(Buffer.concat([length, header, bytes.subarray(end)]))]]);
  };
  return [{ grammar: 'json', bytes: bytes.subarray(8, end), replace }];
}

function zipParts(files: Files): Part[] {
  const [name, bytes] = mainOf(files);
  const entries = unzipSync(bytes);
  return Object.entries(entries).map(([entry, content]) => ({
    grammar: entry.endsWith('.pkl') ? 'pickle' : entry.endsWith('.json') ? 'json' : 'bytes',
    bytes: content,
    replace: (changed) =>
      new Map([[name, zipSync({ ...entries, [entry]: changed }, { level: changed.length & 1 ? 0 : 6 })]]),
  }));
}

export const FUZZ_FORMATS: readonly FuzzFormat[] = [
  {
    name: 'safetensors',
    checksummed: false,
    verbatim: ALL,
    seeds: async () => [
      ...(await recorded('io/tensors.safetensors', 'io/tokens.safetensors')),
      writtenBy(safetensors, 'written.safetensors'),
    ],
    published: ['weights/resnet20-cifar10.safetensors', 'weights/squeezenet1_1-fp16.safetensors'],
    parts: safetensorsParts,
  },
  {
    name: 'pth-zip',
    checksummed: true,
    verbatim: [],
    seeds: async () => [
      ...(await recorded('io/zip.pth', 'io/zip-deflated.pth', 'io/training-zip.pth', 'io/training-protocol4.pth')),
      writtenBy(torchZip, 'written.pth'),
    ],
    published: ['weights/squeezenet1_1.pth'],
    parts: zipParts,
  },
  {
    name: 'pth-module',
    checksummed: true,
    verbatim: [],
    seeds: () => recorded(...['whole', 'whole-fx', 'checkpoint', 'averaged'].map((name) => `io/torch/${name}.pt`)),
    published: ['odd/whole-module/fastai_salary_export.pkl'],
    parts: zipParts,
  },
  {
    name: 'torchscript',
    checksummed: true,
    verbatim: [],
    seeds: () => recorded(...['script', 'trace', 'frozen'].map((name) => `io/torch/${name}.pt`)),
    published: ['odd/torchscript/fruits_NNtorch.pt'],
    parts: zipParts,
  },
  {
    name: 'torch-export',
    checksummed: true,
    verbatim: [],
    seeds: () => recorded('io/torch/export.pt2'),
    published: [],
    parts: zipParts,
  },
  {
    name: 'torch-dcp',
    checksummed: false,
    verbatim: [],
    seeds: () => Promise.all(['dcp/', 'dcp4/'].map((at) => folder(new URL(`io/torch/${at}`, fixtures), '.metadata'))),
    published: [],
    parts: whole('pickle'),
  },
  {
    name: 'shard-index',
    checksummed: false,
    verbatim: ALL,
    seeds: () =>
      Promise.all(
        ['model.safetensors', 'pytorch_model.bin'].map((name) =>
          folder(new URL('io/torch/sharded/', fixtures), `${name}.index.json`),
        ),
      ),
    published: [],
    parts: whole('json'),
  },
  {
    name: 'npz',
    checksummed: true,
    verbatim: [],
    seeds: async () => [
      ...(await recorded('io/arrays.npz', 'io/arrays-deflated.npz')),
      writtenBy(npz, 'written.npz', arraysState()),
    ],
    published: [],
    parts: zipParts,
  },
  {
    name: 'pth-legacy',
    checksummed: false,
    verbatim: [],
    seeds: () => recorded('io/legacy.pth', 'io/training-legacy.pth'),
    published: ['weights/resnet20-12fca82f.th', 'weights/resnet44-014dd654.th'],
    parts: whole('pickle'),
  },
  {
    name: 'h5-weights',
    checksummed: false,
    verbatim: [],
    seeds: () => recorded('keras/weights.h5', 'keras/packed.h5'),
    published: [],
    parts: whole('bytes'),
  },
  {
    name: 'h5-model',
    checksummed: false,
    verbatim: ['float32', 'float64'],
    seeds: () => recorded('keras/whole.h5'),
    published: [],
    parts: whole('bytes'),
  },
  {
    name: 'weights-h5',
    checksummed: false,
    verbatim: ['float32', 'float64'],
    seeds: () => recorded('keras/small.weights.h5'),
    published: [],
    parts: whole('bytes'),
  },
  {
    name: 'keras',
    checksummed: true,
    verbatim: [],
    seeds: () => recorded('keras/small.keras'),
    published: [],
    parts: zipParts,
  },
  {
    name: 'tfjs',
    checksummed: false,
    verbatim: [],
    seeds: () =>
      Promise.all(['keras/tfjs/', 'keras/tfjs-float32/'].map((at) => folder(new URL(at, fixtures), 'model.json'))),
    published: ['weights/mobilenet_v1_0.75_224_tfjs/model.json'],
    parts: whole('json'),
  },
  {
    name: 'onnx',
    checksummed: false,
    verbatim: [],
    seeds: async () => [
      ...(await recorded('io/tokens.onnx')),
      ...(await withTarget(await recorded('io/net-folded.onnx', 'io/net-kept.onnx', 'io/net-shared.onnx'))),
    ],
    published: [],
    parts: whole('protobuf'),
  },
  {
    name: 'onnx-external',
    checksummed: false,
    verbatim: [],
    seeds: async () => withTarget([await externalOnnx()]),
    published: [],
    parts: whole('protobuf'),
  },
];
