/**
 * What reading a damaged file may do: throw a WeightFileError of one line that names the file, or give a state dict of which
 * this holds. Anything else is a find.
 * - Every tensor has the elements of its shape, in a buffer of its own; together they take no more than 16 times the files.
 * - Tensors of the dtypes that a format stores as they are stand in the files, byte for byte.
 * - Under a checksum: the state is the original's, unless the damage left the file without one.
 * - If only bytes of tensors were changed: names, shapes and dtypes are the original's, and of the tensors exactly those bytes.
 * - What the process allocates stays within a multiple of the files (work.ts), and its peak within that of the largest (run.ts).
 * - Files beside the one that is read are asked for by plain paths only; no code is made of text, nothing is fetched.
 */
import { isDeepStrictEqual } from 'node:util';
import { BYTES_PER_ELEMENT, type StateDict, type TensorData } from '../../src/core/dtype.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { type ByteSource, bytesSource } from '../../src/device/byte-source.ts';
import { bytesOf, isPlainPath } from '../../src/io/base/bytes.ts';
import type { ReadOptions } from '../../src/io/base/format.ts';
import { readOpened } from '../../src/io/read.ts';
import { readZipDirectory } from '../../src/io/zip/zip.ts';
import type { Files, FuzzFormat, Seed } from './formats.ts';

/** A stretch of a file that is one tensor's elements. */
interface Place {
  readonly file: string;
  readonly begin: number;
  readonly end: number;
}

/** A seed with what reading it gives, and where its tensors lie: those that lie in one place only. */
export interface KnownSeed extends Seed {
  readonly state: StateDict;
  readonly places: ReadonlyMap<string, Place>;
}

/** What a case does, if it is no find. */
export type Outcome = 'refused' | 'loaded';

/** What opens files; the library's own is {@link readFiles}. */
export type Reader = (files: Files, options: ReadOptions) => Promise<StateDict>;

const GROWTH = 16;
const FREE = 1 << 20;
/** Shorter ones would be found by chance. */
const PLACEABLE = 8;

export function sizeOfFiles(files: Files): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}

/** Opens the first of some files in memory, the others beside it. */
export function openFiles(files: Files): ByteSource {
  const [name, bytes] = [...files][0]!;
  return {
    ...bytesSource(bytes, name),
    beside: async (path) => {
      if (!isPlainPath(path)) throw new Error(`asks for the file '${path}'`);
      const found = files.get(path.replace(/^(\.\/)+/, ''));
      if (!found) throw new WeightFileError(path, 'there is no such file. Check the path.');
      return bytesSource(found, path);
    },
  };
}

/** Reads files with the library's readers. */
export async function readFiles(files: Files, options: ReadOptions): Promise<StateDict> {
  return (await readOpened(openFiles(files), options)).state;
}

export async function knownSeed(seed: Seed): Promise<KnownSeed> {
  const state = await readFiles(seed.files, seed.options);
  const places = new Map<string, Place>();
  for (const [name, tensor] of state) {
    const found = [...seed.files].flatMap(([file, bytes]) => placesOf(bytes, bytesOf(tensor), file));
    if (found.length === 1) places.set(name, found[0]!);
  }
  return { ...seed, state, places };
}

/** At most two places of `part`. */
function placesOf(bytes: Uint8Array, part: Uint8Array, file: string): Place[] {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begin = part.length < PLACEABLE ? -1 : content.indexOf(part);
  if (begin < 0) return [];
  const again = content.indexOf(part, begin + 1);
  return [begin, ...(again < 0 ? [] : [again])].map((at) => ({ file, begin: at, end: at + part.length }));
}

/**
 * Reads `files`, which came of `seed`.
 * @param kind `payload`: bytes of tensors were changed and nothing else; `resealed`: checksums were put right.
 * @throws Error that says what is wrong.
 */
export async function checkFiles(
  format: FuzzFormat,
  seed: KnownSeed,
  files: Files,
  kind: 'damaged' | 'resealed' | 'payload',
  read: Reader = readFiles,
): Promise<Outcome> {
  let state: StateDict;
  try {
    state = await read(files, seed.options);
  } catch (error) {
    checkRefusal(error, files);
    return 'refused';
  }
  checkTensors(format, seed, files, state);
  if (format.checksummed && kind !== 'resealed') await checkUnchanged(seed, files, state);
  else if (kind === 'payload') checkPayload(seed, files, state);
  return 'loaded';
}

function checkRefusal(error: unknown, files: Files): void {
  if (!(error instanceof WeightFileError)) throw error;
  const main = [...files.keys()][0]!;
  if (!error.message.startsWith(`${error.path}: `) || (error.path !== main && !isPlainPath(error.path)))
    throw new Error(`a message that does not begin with the file's name: ${error.message}`);
  // A name of the file's own may read so; it stands in quotes.
  const own = error.message.replace(/'[^']*'/g, "''");
  if (/[\n\r]/.test(error.message) || /undefined|NaN|\[object/.test(own) || error.message.length > 1000)
    throw new Error(`a message that is not one clear line: ${JSON.stringify(error.message)}`);
}

function checkTensors(format: FuzzFormat, seed: Seed, files: Files, state: StateDict): void {
  let total = 0;
  for (const [name, { shape, dtype, data }] of state) {
    const bytes = data.length * BYTES_PER_ELEMENT[dtype];
    if (data.length !== sizeOf(shape) || data.byteLength !== bytes || data.buffer.byteLength !== bytes)
      throw new Error(
        `'${name}' has ${data.length} elements in ${data.buffer.byteLength} bytes for [${shape}] of ${dtype}`,
      );
    total += bytes;
    const verbatim = format.verbatim.includes(dtype) && !seed.options.expected;
    if (verbatim && !standsIn(files, { shape, dtype, data })) throw new Error(`'${name}' stands nowhere in the file`);
  }
  const limit = GROWTH * sizeOfFiles(files) + FREE;
  if (total > limit) throw new Error(`tensors of ${total} bytes, more than ${limit}`);
}

/** As it is, big-endian, or one value that stands for all. */
function standsIn(files: Files, tensor: TensorData): boolean {
  const bytes = bytesOf(tensor);
  const width = BYTES_PER_ELEMENT[tensor.dtype];
  const swapped = (): Uint8Array => {
    const out = bytes.slice();
    for (let i = 0; i < out.length; i += width) out.subarray(i, i + width).reverse();
    return out;
  };
  const constant = (): boolean => bytes.every((byte, i) => byte === bytes[i % width]);
  const holds = (part: Uint8Array): boolean =>
    [...files.values()].some((file) => Buffer.from(file.buffer, file.byteOffset, file.byteLength).indexOf(part) >= 0);
  return bytes.length === 0 || holds(bytes) || constant() || holds(swapped());
}

async function checkUnchanged(seed: KnownSeed, files: Files, state: StateDict): Promise<void> {
  const faults = differences(seed, state);
  if (faults.length === 0) return;
  // A directory may say that it has no checksum of an entry, and damage can make it say so.
  const [name, bytes] = [...files][0]!;
  const entries = [...(await readZipDirectory(bytesSource(bytes, name))).values()];
  if (entries.every(({ crc, size }) => crc !== 0 || size === 0)) throw new Error(`a wrong load: ${faults[0]}`);
}

function checkPayload(seed: KnownSeed, files: Files, state: StateDict): void {
  const expected = new Map(
    [...seed.state.keys()].map((name) => {
      const place = seed.places.get(name);
      return [name, place ? files.get(place.file)!.slice(place.begin, place.end) : undefined] as const;
    }),
  );
  const faults = differences(seed, state, (name) => expected.get(name));
  if (faults.length > 0) throw new Error(`a wrong load: ${faults[0]}`);
}

/**
 * How a state differs from the seed's.
 * @param bytesFor The bytes that a tensor must have; undefined for any.
 */
function differences(
  seed: KnownSeed,
  state: StateDict,
  bytesFor: (name: string) => Uint8Array | undefined = (name) => bytesOf(seed.state.get(name)!),
): string[] {
  if (!isDeepStrictEqual([...state.keys()], [...seed.state.keys()]))
    return [`the names are ${[...state.keys()].slice(0, 8).join(', ')}`];
  return [...seed.state].flatMap(([name, { shape, dtype }]): string[] => {
    const got = state.get(name)!;
    if (!isDeepStrictEqual(got.shape, shape) || got.dtype !== dtype)
      return [`'${name}' is [${got.shape}] of ${got.dtype}, not [${shape}] of ${dtype}`];
    const bytes = bytesFor(name);
    return bytes && Buffer.compare(bytesOf(got), bytes) !== 0 ? [`'${name}' has other elements`] : [];
  });
}

/** The seed once more: whatever was read before, a sound file gives what it gave. */
export async function checkSeed(seed: KnownSeed, read: Reader = readFiles): Promise<void> {
  const faults = differences(seed, await read(seed.files, seed.options));
  if (faults.length > 0) throw new Error(`a sound file, read after damaged ones: ${faults[0]}`);
}

/** From here on, making code of text and fetching are finds. Called when everything that needs them has been loaded. */
export function forbidCode(): void {
  // No arrow function: those cannot be called with new.
  const forbidden = (what: string) =>
    function forbidden(): never {
      throw new Error(`calls ${what}`);
    };
  for (const name of ['eval', 'Function', 'fetch', 'WebSocket'])
    Object.defineProperty(globalThis, name, { value: forbidden(name) });
}
