/** Published weights: downloaded once, checked, kept in the cache folder. */
import { cacheFolder, exists, joinPath, openSource, writeFileAtomic } from '#files';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { checkOptions, type OptionNames, shown } from '../core/options.ts';
import { fetchBody, TransferFault } from '../device/fetch-body.ts';
import { count } from './base/bytes.ts';

/** A published weight file: its address, size and digest. */
export interface PretrainedFile {
  readonly url: string;
  /** Size in bytes. */
  readonly size?: number;
  /** Its SHA-256 in hexadecimal, or the first digits of it, as torchvision puts them into the file's name (eight). */
  readonly sha256: string;
}

/** Options of {@link fetchPretrained}. */
export interface FetchOptions {
  /** Called as bytes come in; `total` is undefined where neither the record nor the server tells. */
  onProgress?: (received: number, total: number | undefined) => void;
  /** Another folder for the file; false: keep nothing and return the bytes. Default: `weights` in the cache folder. */
  cache?: string | false;
  /** Milliseconds for which the server may send nothing. Default 30,000. */
  timeout?: number;
}

const OPTIONS: OptionNames<FetchOptions> = { onProgress: true, cache: true, timeout: true };

/**
 * The path of a published weight file, downloaded if the cache does not have it; with `cache: false` its bytes. Both are
 * sources for {@link readWeights}. Size and digest are checked each time; nothing half-downloaded is left behind.
 * Browsers have no cache folder: pass `cache: false` there, their own HTTP cache keeps the file.
 *
 * @throws WeightFileError if it cannot be had or is not what it should be. Offline, it says where to put the file by hand.
 */
export async function fetchPretrained(
  file: PretrainedFile,
  options: FetchOptions = {},
): Promise<string | Uint8Array<ArrayBuffer>> {
  if (typeof file?.url !== 'string')
    throw new ArgumentError(
      `fetchPretrained: expected a record { url, sha256 }, got ${shown(file)}. Pass one of regraft/models: ResNet50Weights.DEFAULT, say.`,
    );
  checkOptions('fetchPretrained', options, OPTIONS);
  if (!/^[0-9a-f]{8,64}$/.test(file.sha256))
    throw new ArgumentError(
      `fetchPretrained: sha256 must be 8 to 64 lower-case hexadecimal digits, got '${file.sha256}'.`,
    );
  const name = decodeURIComponent(new URL(file.url).pathname.split('/').at(-1) ?? '').replace(/[^\w.-]/g, '_');
  if (options.cache === false) {
    const bytes = await download(file, name, options, 'Then pass its path instead of the name.');
    await check(file, bytes, name, `What ${file.url} sends has changed or was damaged on the way: try again.`);
    return bytes;
  }
  const path = joinPath(options.cache ?? (await cacheFolder('weights')), name);
  if (await exists(path)) {
    const source = await openSource(path);
    try {
      // The size alone settles most cases, and a huge wrong file is not read for it.
      if (file.size === undefined || source.size === file.size) {
        await check(file, await source.read(0, source.size), path, 'Delete it to download it again.');
      } else {
        wrongSize(path, file.size, source.size, 'Delete it to download it again.');
      }
    } finally {
      await source.close();
    }
    return path;
  }
  const bytes = await download(file, name, options, `Put the file at ${path} by hand.`);
  await check(file, bytes, name, `What ${file.url} sends has changed or was damaged on the way: try again.`);
  await writeFileAtomic(path, [bytes]);
  return path;
}

async function download(
  { url, size }: PretrainedFile,
  name: string,
  { onProgress, timeout = 30_000 }: FetchOptions,
  byHand: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const failed = (reason: string): never => {
    throw new WeightFileError(name, `cannot be downloaded from ${url} (${reason}). ${byHand}`);
  };
  // With a known size the bytes go straight to their place; without one they are joined at the end.
  const whole = size === undefined ? undefined : new Uint8Array(size);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  try {
    const { announced, chunks } = await fetchBody(url, { idle: timeout });
    for await (const part of chunks) {
      if (whole && received + part.length > whole.length)
        return failed(`it sends more than the ${count(whole.length)} bytes expected`);
      if (whole) whole.set(part, received);
      else parts.push(part);
      received += part.length;
      onProgress?.(received, size ?? announced);
    }
  } catch (error) {
    if (error instanceof TransferFault) return failed(error.message);
    throw error;
  }
  if (whole && received < whole.length)
    return failed(`it sends ${count(received)} bytes, ${count(whole.length)} are expected`);
  return whole ?? new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function check(file: PretrainedFile, bytes: Uint8Array<ArrayBuffer>, name: string, fix: string): Promise<void> {
  if (file.size !== undefined && bytes.length !== file.size) wrongSize(name, file.size, bytes.length, fix);
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (!hex.startsWith(file.sha256))
    throw new WeightFileError(name, `has SHA-256 ${hex.slice(0, file.sha256.length)}, expected ${file.sha256}. ${fix}`);
}

function wrongSize(name: string, expected: number, got: number, fix: string): never {
  throw new WeightFileError(name, `has ${count(got)} bytes, expected ${count(expected)}. ${fix}`);
}
