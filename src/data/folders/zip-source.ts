/** Files in a zip archive, unpacked one at a time: their paths lead through it, as `photos.zip/ants/1.jpg`. */
import { stat } from 'node:fs/promises';
import { openSource } from '#files';
import { DataError, WeightFileError } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import type { BodyOptions } from '../../device/fetch-body.ts';
import { readZipDirectory, readZipEntry, type ZipEntry } from '../../io/zip/zip.ts';

/** The files of an archive by their paths in it; those of folders end in `/`. */
type Entries = ReadonlyMap<string, ZipEntry>;

/** What was read of an archive's directory, once however many files are taken out. An archive of another size is another one. */
const known = new Map<string, { readonly size: number; readonly entries: Entries }>();

/** Whether a path is that of an archive. */
export async function isArchive(path: string): Promise<boolean> {
  return /\.zip$/i.test(path) && ((await stat(path).catch(() => null))?.isFile() ?? false);
}

/**
 * The paths in an archive.
 * @throws DataError where it is damaged, or a name leads out of it.
 */
export async function pathsInArchive(path: string): Promise<string[]> {
  try {
    const archive = await openSource(path);
    try {
      return [...(await entriesOf(archive, path)).keys()];
    } finally {
      await archive.close();
    }
  } catch (error) {
    throw asDataError(error, path);
  }
}

/**
 * Opens a file for reading: on the disk, at a URL, or in an archive.
 * @throws DataError where there is none, or its archive is damaged.
 */
export async function openFileOf(path: string, options: BodyOptions = {}): Promise<ByteSource> {
  try {
    const [, archivePath, name] = /^(.+?\.zip)[\\/](.+)$/is.exec(path) ?? [];
    if (archivePath === undefined || !(await isArchive(archivePath))) return await openSource(path, options);
    const archive = await openSource(archivePath);
    const entry = (await entriesOf(archive, archivePath)).get(name!.replaceAll('\\', '/'));
    if (!entry) throw new DataError(path, 'is not in the archive. Check the path.');
    return entrySource(archive, entry, path);
  } catch (error) {
    throw asDataError(error, path);
  }
}

/** One file of an archive, which closing it closes. */
function entrySource(archive: ByteSource, entry: ZipEntry, name: string): ByteSource {
  let whole: Promise<Uint8Array<ArrayBuffer>> | null = null;
  return {
    name,
    size: entry.size,
    async read(offset, length) {
      try {
        // A stored file is read by range, a packed one from its start.
        if (entry.method === 0) return await readZipEntry(archive, entry, offset, length);
        whole ??= readZipEntry(archive, entry);
        return (await whole).subarray(offset, offset + length);
      } catch (error) {
        throw asDataError(error, name);
      }
    },
    close: () => archive.close(),
  };
}

async function entriesOf(archive: ByteSource, path: string): Promise<Entries> {
  const before = known.get(path);
  if (before?.size === archive.size) return before.entries;
  const entries = new Map<string, ZipEntry>();
  for (const [name, entry] of await readZipDirectory(archive)) {
    // Programs of old for Windows write their own separators.
    const plain = name.replaceAll('\\', '/');
    if (/^\/|^[a-z]:|(?:^|\/)\.\.?(?:\/|$)|\0/i.test(plain))
      throw new DataError(
        path,
        `has an entry '${printable(name)}', whose name leads out of the archive. It is made to do harm, or damaged: get it from somewhere else.`,
      );
    entries.set(plain, entry);
  }
  known.set(path, { size: archive.size, entries });
  return entries;
}

function asDataError(error: unknown, path: string): unknown {
  return error instanceof WeightFileError ? new DataError(path, error.message.slice(error.path.length + 2)) : error;
}
