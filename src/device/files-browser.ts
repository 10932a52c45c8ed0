/** `#files` in browsers: bytes from URLs, Files and memory. There is no file system to write to. */
import { RegraftError, WeightFileError } from '../core/errors.ts';
import { type ByteSource, fetchSource, keepInBlob, openPortable, type SourceLike } from './byte-source.ts';
import type { BodyOptions } from './fetch-body.ts';

export type { ByteSource, SourceLike } from './byte-source.ts';

/**
 * Opens a URL (a string may be relative to the page), a File or Blob, or bytes for reading in ranges.
 * @param options limits for what a URL sends
 * @throws WeightFileError if it cannot be fetched.
 */
export async function openSource(source: SourceLike, options: BodyOptions = {}): Promise<ByteSource> {
  const portable = await openPortable(source, keepInBlob, options);
  if (portable) return portable;
  const url = URL.parse(source as string | URL, globalThis.location?.href);
  if (!url || url.protocol === 'file:') {
    throw new WeightFileError(String(source), 'a browser cannot open paths. Pass a URL or a File.');
  }
  return fetchSource(url, keepInBlob, options);
}

/** @throws RegraftError always: a page cannot write files by path. */
export async function writeFileAtomic(
  path: string | URL,
  _chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  throw noFiles(path);
}

/** @throws RegraftError always: a page has no files to replace. */
export async function replaceFiles<T>(
  path: string | URL,
  _write: (staged: string) => Promise<{ readonly files: readonly string[]; readonly result: T }>,
): Promise<T> {
  throw noFiles(path);
}

/** @throws RegraftError always: a page has no folders. */
export async function cacheFolder(name: string): Promise<string> {
  throw noFiles(name);
}

/** @throws RegraftError always: a page has no folders. */
export async function makeFolder(path: string | URL): Promise<void> {
  throw noFiles(path);
}

/** Nothing is at a path here. */
export async function exists(_path: string | URL): Promise<boolean> {
  return false;
}

/** Path segments joined with a slash. */
export function joinPath(...segments: string[]): string {
  return segments.join('/').replace(/([^:/])\/{2,}/g, '$1/');
}

const NOTES = 'regraft-notes';
const addressOf = (name: string): string => `https://regraft.invalid/${encodeURIComponent(name)}`;

/** The text that {@link writeNote} left in the origin's storage; undefined where there is none, or no such storage. */
export async function readNote(name: string): Promise<string | undefined> {
  const store = await globalThis.caches?.open(NOTES).catch(() => undefined);
  return (await store?.match(addressOf(name)))?.text();
}

/** Keeps a small text for later visits, in the origin's storage. @returns where. */
export async function writeNote(name: string, text: string): Promise<string> {
  if (!globalThis.caches) throw new RegraftError(`${name}: this page has no storage of its own. Serve it by https.`);
  await (await caches.open(NOTES)).put(addressOf(name), new Response(text));
  return `${NOTES}: ${name}`;
}

function noFiles(path: string | URL): RegraftError {
  return new RegraftError(`${path}: a browser has no file system to write to. Offer the bytes as a download instead.`);
}
