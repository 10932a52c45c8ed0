/**
 * Where the classes of a folder of photos are, which images belong to which, and what is left out: rules over relative paths alone,
 * so that Node's folders and the page's drops are read alike.
 */
import { DataError } from '../../core/errors.ts';
import { count, someOf } from '../some-of.ts';
import { findClassPart, findLabelledPart, findParts, isOutput, type Part } from './folder-splits.ts';
import { layoutNotes } from './layout-notes.ts';
import { type LeftOut, leftOutOf, reasonByEnding } from './left-out.ts';
import { byCodePoint, imagesOf, nameOf, othersOf, type PhotoTree, withImages } from './photo-tree.ts';

/** An image and its class's index. */
export interface LaidOutImage {
  readonly path: string;
  readonly label: number;
}

/** A folder of class folders. */
export interface LaidOutPart {
  /** Below the root; '' is the root itself. */
  readonly folder: string;
  readonly images: readonly LaidOutImage[];
}

/** What {@link layOut} makes of a folder. Paths are relative to its root. */
export interface FolderLayout {
  /** Names in Unicode's composed form, by code point. */
  readonly classes: readonly string[];
  readonly train: LaidOutPart;
  /** null where the folder has no validation part of its own. */
  readonly validation: LaidOutPart | null;
  readonly leftOut: readonly LeftOut[];
  /** What is odd about it and yet may be meant, a sentence each. */
  readonly notes: readonly string[];
}

/** One part, all class folders of it. */
export interface LabelledLayout {
  readonly classes: readonly string[];
  readonly part: LaidOutPart;
  readonly leftOut: readonly LeftOut[];
}

/**
 * Finds the training part and, where there is one, the validation part.
 * @param root stands for the folder in errors
 * @throws DataError where there are no classes, one only, one without images, one that only the validation part has, and where it
 * cannot be told which folders are classes.
 */
export function layOut(tree: PhotoTree, root: string): FolderLayout {
  const { train, validation } = findParts(tree, root);
  const classes = classesOf(train, root);
  const parts = [train, ...(validation ? [validation] : [])].map((part) => laidOut(part, classes, root));
  return {
    classes,
    train: parts[0]!,
    validation: parts[1] ?? null,
    leftOut: leftOut(tree, parts),
    notes: layoutNotes(train),
  };
}

/**
 * Finds the images to score a model on: the validation part where there is one, else all class folders.
 * @param classes the model's; folders of these names are classes, whatever they are called
 * @throws DataError for a class that the model does not know, and where there are no images.
 */
export function layOutLabelled(tree: PhotoTree, root: string, classes: readonly string[]): LabelledLayout {
  return labelled(tree, root, findLabelledPart(tree, classes), classes);
}

/**
 * Finds the images of the class folders that are directly in `tree`.
 * @param classes the class list to use; default: the folders that are not named as splits
 * @throws DataError as {@link layOut}, and {@link layOutLabelled} where there are `classes`.
 */
export function layOutClasses(tree: PhotoTree, root: string, classes?: readonly string[]): LabelledLayout {
  const found = findClassPart(tree, root, classes ?? []);
  return labelled(tree, root, found, classes ?? classesOf(found, root));
}

function labelled(tree: PhotoTree, root: string, found: Part, classes: readonly string[]): LabelledLayout {
  const at = pathAt(root, found.folder.path);
  if (found.classes.length === 0) throw noClasses(found.folder, at);
  const part = laidOut(found, classes, root);
  if (part.images.length === 0) throw noImages(found, at);
  return { classes, part, leftOut: leftOut(tree, [part]) };
}

/** The path of something below the root, in errors. */
const pathAt = (root: string, below: string) => (below === '' ? root : `${root}/${below}`);

/** The names of a part's classes, sorted. @throws DataError where there are not two or more, each with images. */
function classesOf({ folder, classes }: Part, root: string): string[] {
  const at = pathAt(root, folder.path);
  if (classes.length === 0) throw noClasses(folder, at);
  const odd = classes.map(([name]) => name).find((name) => /\p{Surrogate}/u.test(name));
  if (odd !== undefined)
    throw new DataError(at, `has a class folder whose name is not UTF-8 ('${asBytes(odd)}'). Rename it.`);
  const counts = new Map<string, number>();
  for (const [name, { count: images }] of classes) counts.set(name, (counts.get(name) ?? 0) + images);
  const names = [...counts.keys()].sort(byCodePoint);
  const empty = names.filter((name) => counts.get(name) === 0);
  if (empty.length === names.length) throw noImages({ folder, classes }, at);
  if (names.length === 1) {
    const splits = withImages(folder).filter((f) => !classes.some(([, of]) => of === f));
    const hint = splits.length > 0 ? ` Folders named as splits are no classes: ${someOf(splits.map(nameOf))}.` : '';
    throw new DataError(at, `has one class only ('${names[0]}'); a classifier needs two or more class folders.${hint}`);
  }
  if (empty.length > 0)
    throw new DataError(
      at,
      `no images in class ${empty.length === 1 ? 'folder' : 'folders'} ${someOf(empty)}. Add some or remove it. ${readable({ folder, classes })}`,
    );
  return names;
}

/** @throws DataError for images of a class that is not in `classes`. */
function laidOut({ folder, classes: folders }: Part, classes: readonly string[], root: string): LaidOutPart {
  const labels = new Map(classes.map((name, label) => [name.normalize('NFC'), label]));
  const foreign = folders.filter(([name, { count: images }]) => images > 0 && !labels.has(name)).map(([name]) => name);
  if (foreign.length > 0)
    throw new DataError(
      pathAt(root, folder.path),
      `has ${foreign.length === 1 ? 'a class folder' : 'class folders'} ${someOf(foreign)} not among the known classes (${someOf(classes, '')}). Rename or remove it.`,
    );
  const images = folders.flatMap(([name, class_]) =>
    imagesOf(class_).map((path) => ({ path, label: labels.get(name)! })),
  );
  return { folder: folder.path, images: images.sort((a, b) => a.label - b.label) };
}

function leftOut(tree: PhotoTree, parts: readonly LaidOutPart[]): LeftOut[] {
  const output: PhotoTree[] = [];
  const visit = (folder: PhotoTree): void => {
    for (const f of folder.folders.values())
      if (isOutput(f)) output.push(f);
      else visit(f);
  };
  visit(tree);
  return leftOutOf(tree, new Set(parts.flatMap(({ images }) => images.map(({ path }) => path))), output);
}

function noClasses(folder: PhotoTree, at: string): DataError {
  const nothing = folder.folders.size + folder.others.length === 0 ? 'is empty' : 'has no images';
  const found = folder.count > 0 ? `has ${count(folder.count, 'image')} but no class folders` : nothing;
  return new DataError(at, `${found}. Put the images of each class into a sub-folder of its own.`);
}

function noImages(part: Part, at: string): DataError {
  return new DataError(at, `has no images in its ${count(part.classes.length, 'folder')}. ${readable(part)}`);
}

/** What is read, and what is there that is not. */
function readable({ folder: { extensions }, classes }: Part): string {
  const photos = classes.flatMap(([, folder]) => othersOf(folder)).map(reasonByEnding);
  const heic = photos.filter((reason) => reason.startsWith('HEIC')).length;
  const hint = heic > 0 ? ` ${count(heic, 'file')} ${heic === 1 ? 'is' : 'are'} HEIC: save as JPEG.` : '';
  return `Read are ${extensions.join(' ')}.${hint}`;
}

/** A name with the bytes that are no text as `\\xe9`. */
function asBytes(name: string): string {
  return name.replace(/\p{Surrogate}/gu, (unit) => `\\x${(unit.charCodeAt(0) & 0xff).toString(16)}`);
}
