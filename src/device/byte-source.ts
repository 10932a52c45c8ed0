/** Bytes read in ranges, whatever they lie in: the part that Node and browsers share. */
import { ArgumentError, RegraftError, WeightFileError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import { type BodyOptions, fetchBody, TransferFault } from './fetch-body.ts';

/** Something of known size that is read in ranges, so that a large file never has to be in memory as a whole. */
export interface ByteSource {
  /** For messages: the path, the URL, or the file's name. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * Bytes [offset, offset + length). From memory it is a view and not a copy, so its `byteOffset` may be anything.
   * @throws WeightFileError if the range reaches past the end.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Opens the file at a plain relative path from where this one lies. Absent where it lies nowhere: bytes, Blobs, Files.
   * @throws WeightFileError if there is none.
   */
  beside?(path: string): Promise<ByteSource>;
  /** Lets the file go. */
  close(): Promise<void>;
}

/** What {@link ByteSource}s are opened from; one that is open already stays so. */
export type SourceLike = string | URL | File | Blob | Uint8Array | ArrayBuffer | ByteSource;

const isOpen = (source: SourceLike): source is ByteSource =>
  typeof source === 'object' && source !== null && 'read' in source;

/** Throws where [offset, offset + length) is not inside `size` bytes. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new WeightFileError(
    name,
    `needs bytes ${offset} to ${offset + length}, but has ${size}. The file may be truncated: get it again.`,
  );
}

/** Bytes that are in memory already. */
export function bytesSource(data: Uint8Array | ArrayBuffer, name = 'bytes'): ByteSource {
  // A plain view also of Node's Buffers: their own slice() shares memory instead of copying.
  const bytes =
    data instanceof Uint8Array
      ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
  return {
    name,
    size: bytes.byteLength,
    async read(offset, length) {
      checkRange(name, bytes.byteLength, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close() {},
  };
}

/** A Blob or File; each range is copied out when it is asked for. */
export function blobSource(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async close() {},
  };
}

/** Keeps the chunks of a body and gives them back as a source; Node keeps them in a file, browsers in a Blob. */
export type KeepBody = (chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, name: string) => Promise<ByteSource>;

/**
 * The whole body of a URL.
 * @throws WeightFileError if the server cannot be reached, does not answer with success, falls silent, or sends without end.
 */
export async function fetchSource(url: URL, keep: KeepBody, options: BodyOptions): Promise<ByteSource> {
  try {
    const source = await keep((await fetchBody(url, options)).chunks, url.href);
    if (!/^https?:$/.test(url.protocol)) return source;
    return { ...source, beside: (path) => fetchSource(new URL(path, url), keep, options) };
  } catch (error) {
    if (!(error instanceof TransferFault)) throw error;
    throw new WeightFileError(url.href, `cannot be fetched (${error.message}). ${error.fix}`);
  }
}

/** In memory, which browsers move to a disk where it is large. */
export const keepInBlob: KeepBody = async (chunks, name) => {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return blobSource(new Blob(parts), name);
};

/** Sources that are no path: undefined for a path or a `file:` URL, which only Node can open. */
export function openPortable(
  source: SourceLike,
  keep: KeepBody,
  options: BodyOptions,
): Promise<ByteSource> | ByteSource | undefined {
  if (isOpen(source)) return { ...source, close: async () => {} };
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return bytesSource(source);
  if (source instanceof Blob) return blobSource(source);
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new ArgumentError(
      `open: expected a path, a URL, a File, a Blob or bytes, got ${shown(source)}. Pass the path of a file, say.`,
    );
  const url = source instanceof URL ? source : /^(https?|data|blob):/i.test(source) ? addressOf(source) : undefined;
  if (!url || url.protocol === 'file:') return undefined;
  if (/^(https?|data|blob):$/.test(url.protocol)) return fetchSource(url, keep, options);
  throw new RegraftError(`${url.href}: expected an http, https or file URL, got ${url.protocol}`);
}

function addressOf(text: string): URL {
  const url = URL.parse(text);
  if (url) return url;
  throw new WeightFileError(text, 'is no valid address. Check it.');
}
