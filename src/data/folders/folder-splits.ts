/** Which folder of a photo collection is trained on and which validates. A folder that is named as a split never is a class. */
import { DataError } from '../../core/errors.ts';
import { someOf } from '../some-of.ts';
import { innermost, nameOf, othersOf, type PhotoTree, withImages } from './photo-tree.ts';
import { type Split, splitOf, splitsAmong } from './split-names.ts';

/** Folders by the class that they hold. */
export type ClassFolders = readonly (readonly [name: string, folder: PhotoTree])[];

/** A folder and the class folders in it. */
export interface Part {
  readonly folder: PhotoTree;
  readonly classes: ClassFolders;
}

export interface Parts {
  readonly train: Part;
  /** null where there is none. */
  readonly validation: Part | null;
}

type Splits = ReadonlyMap<PhotoTree, Split>;

/** The folder that holds the class folders or the splits: past wrappers such as `photos/photos` or `ILSVRC/Data`. */
const baseOf = (tree: PhotoTree) => innermost(tree, (inner) => splitOf(nameOf(inner)) === null);

/**
 * The training part and, where there is one, the validation part.
 * @param root stands for the tree in errors
 * @throws DataError where it cannot be told which folder is trained on.
 */
export function findParts(tree: PhotoTree, root: string): Parts {
  const base = baseOf(tree);
  const at = base.path === '' ? root : `${root}/${base.path}`;
  const splits = splitsIn(base);
  const plain = withImages(base).filter((folder) => !splits.has(folder));
  const named = withImages(base).filter((folder) => splits.has(folder));
  const training = named.filter((folder) => splits.get(folder) === 'train');
  const [split, second] = training.filter(hasClasses);
  if (second)
    throw new DataError(
      at,
      `has two training folders, '${nameOf(split!)}' and '${nameOf(second)}'. Name one of them instead of ${at}, or remove the other.`,
    );
  if (split && plain.length > 0 && named.length === 1)
    throw new DataError(
      at,
      `has class folders in '${nameOf(split)}' and, beside it, images in ${quoted(plain)}. Name ${at}/${nameOf(split)} itself, or give '${nameOf(split)}' another name if it is a class.`,
    );
  const validation = preferred(named, splits, ['validation', 'test']);
  if (split) return { train: partIn(split), validation: validation && partIn(validation) };
  // One folder of images called 'train' among others, as beside 'bus' and 'car', is a class.
  const classes = plain.length > 0 && named.length === 1 && training.length === 1 ? training : [];
  const alone = plain.length === 0 || (plain.length === 1 && validation);
  if (alone && classes.length === 0 && named.length > 0) throw noTraining(at, named, validation);
  const folders = [...base.folders.values()].filter((f) => !splits.has(f) || classes.includes(f));
  return classFirst(base, folders) ?? { train: part(base, folders), validation: validation && partIn(validation) };
}

/**
 * The part to score a model on: the validation part where there is one, else the class folders.
 * @param known names of classes: folders of these names are no splits
 */
export function findLabelledPart(tree: PhotoTree, known: readonly string[]): Part {
  const base = innermost(tree, (inner) => !isKnown(inner, known) && splitOf(nameOf(inner)) === null);
  const splits = new Map([...splitsIn(base)].filter(([folder]) => !isKnown(folder, known)));
  const named = withImages(base).filter((folder) => splits.has(folder));
  const found = preferred(named, splits, ['validation', 'test', 'train']);
  const plain = [...base.folders.values()].filter((folder) => !splits.has(folder));
  // Only beside 'train', or alone, does a split stand for the whole.
  const stands = found && (plain.every((f) => f.count === 0) || named.some((f) => splits.get(f) === 'train'));
  return stands ? partIn(found) : part(base, plain);
}

/**
 * The class folders directly in `tree`, as torchvision's ImageFolder takes them.
 * @param known names of classes: folders of these names are no splits
 * @throws DataError where there are splits instead.
 */
export function findClassPart(tree: PhotoTree, root: string, known: readonly string[]): Part {
  const splits = splitsIn(tree);
  const folders = [...tree.folders.values()].filter((f) => !splits.has(f) || isKnown(f, known));
  const named = withImages(tree).filter((f) => splits.has(f) && !folders.includes(f));
  if (folders.every((f) => f.count === 0) && named.length > 0)
    throw new DataError(
      root,
      `has folders of a split (${quoted(named)}), not of classes. Name one of them, or use openImageFolders.`,
    );
  return part(tree, folders);
}

const isKnown = (folder: PhotoTree, known: readonly string[]) =>
  known.some((name) => name.normalize('NFC') === nameOf(folder).normalize('NFC'));

/** The folders in `base` that are named as splits. */
function splitsIn(base: PhotoTree): Splits {
  const folders = [...base.folders.values()];
  const full = splitsAmong(withImages(base).map(nameOf));
  const all = folders.map((f) => [f, f.count > 0 ? full.get(nameOf(f)) : splitOf(nameOf(f))] as const);
  return new Map(all.filter((pair): pair is [PhotoTree, Split] => !!pair[1]));
}

/** A split holds folders of images; a few images may lie beside those. A flat folder is unlabelled, also in one of its own name. */
function hasClasses(folder: PhotoTree): boolean {
  const inner = innermost(folder);
  const classes = withImages(inner).filter((f) => nameOf(f) !== nameOf(inner));
  return classes.length >= (inner.images.length === 0 ? 1 : 2);
}

/** The first split with classes in it, in the order of `kinds`. */
function preferred(named: readonly PhotoTree[], splits: Splits, kinds: readonly Split[]): PhotoTree | null {
  const found = kinds.map((kind) => named.find((folder) => splits.get(folder) === kind && hasClasses(folder)));
  return found.find((folder) => folder !== undefined) ?? null;
}

/** The part whose class folders are in `split`. One that says it is unlabelled, beside two classes or more, is none: IMDB's `train/unsup`. */
function partIn(split: PhotoTree): Part {
  const inner = innermost(split);
  const all = [...inner.folders.values()];
  const labelled = all.filter((folder) => splitOf(nameOf(folder)) !== 'unlabelled');
  return part(inner, withImages(inner).filter((folder) => labelled.includes(folder)).length > 1 ? labelled : all);
}

function part(folder: PhotoTree, folders: readonly PhotoTree[]): Part {
  return { folder, classes: folders.filter((f) => !isOutput(f)).map((f) => [nameOf(f).normalize('NFC'), f]) };
}

/** What a run leaves in its folder, from its lock on, and weights of other programs. */
const OUTPUT = /(?:^|\/)run\.lock$|\.(?:safetensors|pth?|ckpt|h5|keras|onnx)$/i;

/** A folder of runs or weights: no images in it or below. */
export function isOutput(folder: PhotoTree): boolean {
  return folder.count === 0 && othersOf(folder).some((path) => OUTPUT.test(path));
}

/** The parts of `ants/train`, `ants/val`, `bees/train` …: every class with splits of its own. */
function classFirst(base: PhotoTree, folders: readonly PhotoTree[]): Parts | null {
  const filled = folders.filter((folder) => folder.count > 0);
  const inner = filled.map((folder) => ({ folder, splits: splitsIn(folder), named: withImages(folder) }));
  const of = ({ splits, named }: (typeof inner)[number], kind: Split) => named.find((f) => splits.get(f) === kind);
  const whole = inner.every((c) => c.folder.images.length === 0 && c.named.every((f) => c.splits.has(f)));
  if (filled.length === 0 || !whole || !inner.every((c) => of(c, 'train'))) return null;
  const kind = (['validation', 'test'] as const).find((k) => inner.some((c) => of(c, k)));
  const classes = (k: Split): ClassFolders =>
    inner.flatMap((c) => {
      const found = of(c, k);
      return found ? [[nameOf(c.folder).normalize('NFC'), found] as const] : [];
    });
  return {
    train: { folder: base, classes: classes('train') },
    validation: kind ? { folder: base, classes: classes(kind) } : null,
  };
}

const quoted = (folders: readonly PhotoTree[]) => someOf(folders.map(nameOf));

/** Only splits, and none to train on. */
function noTraining(at: string, named: readonly PhotoTree[], labelled: PhotoTree | null): DataError {
  if (labelled)
    return new DataError(
      at,
      `has a folder '${nameOf(labelled)}' but no 'train'. Rename the training folder, or name the folder of classes itself.`,
    );
  const images = named.reduce((n, folder) => n + folder.count, 0);
  return new DataError(
    at,
    `has ${images} ${images === 1 ? 'image' : 'images'} in ${quoted(named)} but no class folders. Put the images of each class into a sub-folder of its own, as ${at}/train/cats.`,
  );
}
