/** A folder of photos as a tree, made of relative paths: of Node's walk, of a browser's directory input, of a drop. */
import { IMAGE_EXTENSIONS } from '../images/image-format.ts';

/** A folder in a {@link PhotoTree}. */
export interface PhotoTree {
  /** Below the root, with `/` between; '' is the root. */
  readonly path: string;
  /** Paths of the images directly in it, sorted. */
  readonly images: readonly string[];
  /** Paths of its other files, sorted. */
  readonly others: readonly string[];
  /** Its folders by name, sorted. */
  readonly folders: ReadonlyMap<string, PhotoTree>;
  /** Images in it and below. */
  readonly count: number;
  /** Endings of images, as the tree was made with. */
  readonly extensions: readonly string[];
}

/** What systems and programs leave in folders, and what nobody takes for photos: hidden files, thumbnails, the other half of a Mac's zip. */
export function isClutter(name: string): boolean {
  return (
    name.startsWith('.') ||
    /^(?:__MACOSX|@eaDir|#recycle|\$RECYCLE\.BIN|System Volume Information|lost\+found|node_modules|__pycache__|Icon\r)$/.test(
      name,
    ) ||
    /^(?:(?:eh)?thumbs\.db|desktop\.ini|picasa\.ini)$/i.test(name)
  );
}

/** By code point, as Python sorts, so that labels are torchvision's. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    // Surrogates stand for code points above all others, but not for code units above all others.
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number) => (unit & 0xf800) === 0xd800;

interface Growing {
  readonly images: string[];
  readonly others: string[];
  readonly folders: Map<string, Growing>;
}

/**
 * The tree of `paths`, clutter left out.
 * @param paths with `/` between their parts; one that ends in `/` is a folder without files
 */
export function photoTree(paths: Iterable<string>, extensions: readonly string[] = IMAGE_EXTENSIONS): PhotoTree {
  const endings = extensions.map((e) => e.toLowerCase());
  const isImage = (name: string) => {
    const lower = name.toLowerCase();
    return endings.some((e) => lower.endsWith(e));
  };
  const root: Growing = { images: [], others: [], folders: new Map() };
  for (const path of paths) {
    const parts = path.split('/');
    const name = parts.pop()!;
    if (parts.some(isClutter)) continue;
    let at = root;
    for (const part of parts) {
      let next = at.folders.get(part);
      if (!next) at.folders.set(part, (next = { images: [], others: [], folders: new Map() }));
      at = next;
    }
    if (name !== '' && !isClutter(name)) at[isImage(name) ? 'images' : 'others'].push(path);
  }
  return grown(root, '', extensions);
}

function grown({ images, others, folders }: Growing, path: string, extensions: readonly string[]): PhotoTree {
  const below = [...folders]
    .sort((a, b) => byCodePoint(a[0], b[0]))
    .map(([name, folder]) => [name, grown(folder, path === '' ? name : `${path}/${name}`, extensions)] as const);
  return {
    path,
    images: images.sort(byCodePoint),
    others: others.sort(byCodePoint),
    folders: new Map(below),
    count: below.reduce((n, [, folder]) => n + folder.count, images.length),
    extensions,
  };
}

/** All images of a folder, its own before those of its folders: `os.walk`'s order. */
export function imagesOf(folder: PhotoTree): string[] {
  return [folder.images, ...[...folder.folders.values()].map(imagesOf)].flat();
}

/** All files of a folder that are no images. */
export function othersOf(folder: PhotoTree): string[] {
  return [folder.others, ...[...folder.folders.values()].map(othersOf)].flat();
}

/** The folders directly in `folder` that have images, in them or below. */
export function withImages(folder: PhotoTree): PhotoTree[] {
  return [...folder.folders.values()].filter((f) => f.count > 0);
}

/** Past folders that hold nothing but one folder of folders: `photos/photos/ants` has its classes in `photos/photos`. */
export function innermost(folder: PhotoTree, enter: (inner: PhotoTree) => boolean = () => true): PhotoTree {
  const [only, second] = withImages(folder);
  const wrapper = folder.images.length === 0 && only && !second && only.images.length === 0;
  return wrapper && enter(only) ? innermost(only, enter) : folder;
}

/** A folder's own name. */
export const nameOf = (folder: PhotoTree): string => folder.path.slice(folder.path.lastIndexOf('/') + 1);
