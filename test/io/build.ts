/** Hand-made weight files for tests: pickles opcode by opcode, zip archives, safetensors with any header. */
import { zipSync } from 'fflate';
import { expect } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { readWeights } from '../../src/io/index.ts';

type Part = number | string | Uint8Array | readonly number[];

/** Opcodes as numbers, text as its latin-1 bytes, and bytes, joined. */
export function bytes(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map((part) =>
    typeof part === 'number' ? [part & 255] : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
  );
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    joined.set(piece, position);
    position += piece.length;
  }
  return joined;
}

export const uint32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
export const uint64 = (n: bigint): number[] => [...new Uint8Array(new BigUint64Array([n]).buffer)];

export const PROTO2: Uint8Array<ArrayBuffer> = bytes(0x80, 2);
export const text = (s: string): Uint8Array<ArrayBuffer> => bytes('X', uint32(s.length), s);
export const int = (n: number): Uint8Array<ArrayBuffer> => bytes('J', uint32(n));
export const tuple = (...items: Part[]): Uint8Array<ArrayBuffer> => bytes('(', ...items, 't');
export const global = (module: string, name: string): Uint8Array<ArrayBuffer> => bytes('c', module, '\n', name, '\n');
export const call = (callable: Part, ...args: Part[]): Uint8Array<ArrayBuffer> => bytes(callable, tuple(...args), 'R');
export const dict = (...items: Part[]): Uint8Array<ArrayBuffer> => bytes('}(', ...items, 'u');
export const pickle = (...parts: Part[]): Uint8Array<ArrayBuffer> => bytes(PROTO2, ...parts, '.');

export const storage = (key: string, size: number, type = 'FloatStorage'): Uint8Array<ArrayBuffer> =>
  bytes(tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(size)), 'Q');
export const tensor = (from: Uint8Array, offset: number, shape: number[], strides: number[]): Uint8Array<ArrayBuffer> =>
  call(
    global('torch._utils', '_rebuild_tensor_v2'),
    from,
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    0x89,
    call(global('collections', 'OrderedDict')),
  );

/** A checkpoint in the zip format. `level` 0 stores, more deflates. */
export function torchZip(
  dataPkl: Uint8Array,
  storages: Record<string, Uint8Array> = {},
  level: 0 | 6 = 0,
): Uint8Array<ArrayBuffer> {
  const files: Record<string, Uint8Array> = { 'archive/data.pkl': dataPkl };
  for (const [key, data] of Object.entries(storages)) files[`archive/data/${key}`] = data;
  return zipSync(files, { level, mtime: new Date(2000, 0, 2) }) as Uint8Array<ArrayBuffer>;
}

const MAGIC = bytes(PROTO2, 0x8a, 10, [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], '.');

/** A checkpoint in the format before 1.6; `data` is what follows the list of storage keys. */
export function torchLegacy(object: Uint8Array, keys: string[] = [], data: Part[] = []): Uint8Array<ArrayBuffer> {
  const system = pickle(dict(text('little_endian'), 0x88));
  return bytes(MAGIC, pickle(int(1001)), system, object, pickle('](', ...keys.map(text), 'e'), ...data);
}

/** A safetensors file with this header, taken literally. */
export function safetensorsOf(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  return bytes(uint64(BigInt(header.length)), header, data);
}

/** The message about a file of `size` bytes whose `what` may take `ratio` times as much. */
export function overBudget(what: string, size: number, ratio: number): string {
  const [limit, bytes] = [2 ** 20 + ratio * size, size].map((n) => n.toLocaleString('en-US'));
  return (
    `${what} would take more than ${limit} bytes of memory, the most that ${bytes} bytes of file may. ` +
    'It is damaged, or made to exhaust memory.'
  );
}

/** Expects that reading `content` under the name `x.pth` fails with this one line. */
export async function expectRefusal(content: Uint8Array<ArrayBuffer>, message: string): Promise<void> {
  const error = await readWeights(new File([content], 'x.pth')).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightFileError);
  expect((error as WeightFileError).path).toBe('x.pth');
  expect(`${(error as Error).name}: ${(error as Error).message}`).toBe(`WeightFileError: x.pth: ${message}`);
}
