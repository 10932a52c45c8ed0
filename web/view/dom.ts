/** Making and finding elements. */
import { concurrently } from '../../src/data/concurrently.ts';

/** An element of the page that must be there. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

type Props<T> = { readonly [K in keyof Omit<T, 'attributes'>]?: T[K & keyof T] } & {
  readonly attributes?: Readonly<Record<string, string>>;
};

/** A new element with properties, attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { attributes = {}, ...props }: Props<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Lets files be dropped on `target`; folders in the drop are read. */
export function acceptDrops(target: HTMLElement, onFiles: (files: File[]) => void): void {
  target.addEventListener('dragover', (event) => {
    event.preventDefault();
    event.stopPropagation();
    target.classList.add('over');
  });
  target.addEventListener('dragleave', () => target.classList.remove('over'));
  target.addEventListener('drop', async (event) => {
    event.preventDefault();
    event.stopPropagation();
    target.classList.remove('over');
    onFiles(await droppedFiles(event.dataTransfer));
  });
}

/** The files of a drop, those in folders with their path in `webkitRelativePath`'s place. */
export async function droppedFiles(transfer: DataTransfer | null): Promise<File[]> {
  const entries = [...(transfer?.items ?? [])]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((e) => e !== null && e !== undefined);
  if (entries.length === 0) return [...(transfer?.files ?? [])];
  return filesOfAll(entries);
}

/** A few at once, in their order. */
async function filesOfAll(entries: readonly FileSystemEntry[]): Promise<File[]> {
  const files: File[][] = [];
  await concurrently(8, entries, async (entry, k) => {
    files[k] = await filesOf(entry);
  });
  return files.flat();
}

/** Where each dropped file lay: browsers leave `webkitRelativePath` empty for drops. */
export const droppedPaths: WeakMap<File, string> = new WeakMap();

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    droppedPaths.set(file, entry.fullPath.replace(/^\//, ''));
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[][] = [];
  // A reader gives at most a hundred at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found.flat();
    found.push(await filesOfAll(some));
  }
}

/** Offers a file as a download. */
export function download(file: File): void {
  const url = URL.createObjectURL(file);
  const link = make('a', { href: url, download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Counts questions whose answers take a while. Each call asks anew, and gives what tells whether that is still the newest question. */
export function questions(): () => () => boolean {
  let newest = 0;
  return () => {
    const asked = ++newest;
    return () => asked === newest;
  };
}
