/** The files of a data set in browsers and Node: their tree, and each opened by its path. */
import { openSource } from '#files';
import { DataError, WeightFileError } from '../../core/errors.ts';
import { type ByteSource, blobSource } from '../../device/byte-source.ts';
import type { LeftOut } from './left-out.ts';
import { type PhotoTree, photoTree } from './photo-tree.ts';

/** Files below a folder, in an archive, or dropped on a page. */
export interface DataFiles {
  /** The folder: names the data set in errors. */
  readonly root: string;
  /** @internal */
  readonly tree: PhotoTree;
  /** What is neither a file nor a folder that can be opened. */
  readonly unusable: readonly LeftOut[];
  /** A file of the tree as errors name it, and as it is opened elsewhere. */
  nameOf(path: string): string;
  /** Opens a file of the tree. @throws DataError where it cannot be read. */
  open(path: string): Promise<ByteSource>;
}

/** Files or Blobs by their paths, with `/` between the parts. */
export function filesOfBlobs(root: string, blobs: ReadonlyMap<string, Blob>): DataFiles {
  return {
    root,
    tree: photoTree(blobs.keys()),
    unusable: [],
    nameOf: (path) => path,
    open: async (path) => openSource(blobSource(blobs.get(path)!, path)),
  };
}

/**
 * The bytes of a file.
 * @param limit the most that is read
 * @throws DataError where it is larger, or cannot be read.
 */
export async function bytesOf(files: DataFiles, path: string, limit: number): Promise<Uint8Array> {
  return opened(files, path, async (file) => {
    if (file.size <= limit) return file.read(0, file.size);
    throw new DataError(
      files.nameOf(path),
      `has ${file.size.toLocaleString('en')} bytes; at most ${limit.toLocaleString('en')} are read of such a file.`,
    );
  });
}

/** The text of a file in UTF-8. @throws DataError as {@link bytesOf}, and for other encodings. */
export async function textOf(files: DataFiles, path: string, limit: number): Promise<string> {
  const bytes = await bytesOf(files, path, limit);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(files.nameOf(path), 'is not UTF-8. Save it as UTF-8.');
  }
}

/** Opens a file, works with it and closes it. */
export async function opened<T>(files: DataFiles, path: string, work: (file: ByteSource) => Promise<T>): Promise<T> {
  try {
    const file = await files.open(path);
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof WeightFileError)) throw error;
    throw new DataError(files.nameOf(path), error.message.slice(error.path.length + 2));
  }
}
