/** Folders of files as Hugging Face's libraries write them, wherever they are. */
import { joinPath, openSource } from '#files';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import type { ByteSource, SourceLike } from '../device/byte-source.ts';

/** Where a folder's files are: the folder's path or URL, the files themselves, or sources by the names that the files have in a folder. */
type FolderSource = string | URL | readonly File[] | Readonly<Record<string, SourceLike>>;

/** Opens a file of the folder; undefined if there is none. */
export type OpenBeside = (name: string) => Promise<ByteSource | undefined>;

/** A folder, with what it is called in messages. @throws ArgumentError for what is none. */
export function openFolder(op: string, source: FolderSource): { readonly name: string; readonly open: OpenBeside } {
  if (typeof source === 'string' || source instanceof URL) {
    const folder = String(source);
    const address = source instanceof URL || /^[a-z][a-z\d+.-]+:\/\//i.test(folder);
    const pathOf = (name: string) => (address ? new URL(name, folder.replace(/\/?$/, '/')) : joinPath(folder, name));
    return { name: folder, open: (name) => openSource(pathOf(name)).catch(absent) };
  }
  if (typeof source !== 'object' || source === null) {
    throw new ArgumentError(`${op}: expected a folder or files, got ${shown(source)}.`);
  }
  const isList = (value: typeof source): value is readonly File[] => Array.isArray(value);
  const files: Readonly<Record<string, SourceLike>> = isList(source)
    ? Object.fromEntries(source.map((file) => [file.name, file]))
    : source;
  const beside = async (name: string): Promise<ByteSource> => {
    const file = await open(name);
    if (file) return file;
    throw new WeightFileError(name, 'is not among the files.');
  };
  const open: OpenBeside = async (name) => {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    if (file === undefined) return undefined;
    const opened = await openSource(file);
    return { ...opened, beside: opened.beside ?? beside, name };
  };
  return { name: Object.keys(files).join(', ') || 'no files', open };
}

/** @throws what is no message that a file cannot be had. */
function absent(error: unknown): undefined {
  if (!(error instanceof WeightFileError)) throw error;
  return undefined;
}
