/** Which file is the mask of which photo: by folders named for masks, or by endings of names. */
import { byCodePoint, imagesOf, type PhotoTree } from '../folders/photo-tree.ts';
import { type Split, splitOf, splitsAmong } from '../folders/split-names.ts';

/** A photo and its mask, by their paths in the tree. */
export interface MaskPair {
  readonly image: string;
  readonly mask: string;
  readonly split: Split | null;
}

/** What {@link pairMasks} found. */
export interface Pairs {
  readonly pairs: readonly MaskPair[];
  /** Photos without a mask. */
  readonly images: readonly string[];
  /** Masks without a photo. */
  readonly masks: readonly string[];
}

/** Words of folders that hold masks, and of folders that hold photos. */
const MASK_FOLDER =
  /segmentation_?class(?:raw|aug)?|segmentations?|ground_?truths?|annotations?|annots?|(?<!un)labels?(?!l?ed)|masks?|gt_?fine|(?<![a-z])gt(?![a-z])/gi;
const IMAGE_FOLDER = /jpegimages|leftimg8bit|images?|imgs?|photos?|pictures?|frames?|inputs?|originals?/gi;
/** Ends of names of masks, and of photos beside them. */
const MASK_END =
  /[_-](?:gtFine_label(?:Train)?Ids|masks?|labels?|label_?ids|seg(?:mentation)?|gt|ground_?truth|annot(?:ation)?|L|P)$/;
const IMAGE_END = /[_-](?:leftImg8bit|image|img|sat|rgb)$/;

interface Named {
  readonly path: string;
  /** Folders without words for photos or masks, and the stem without its ending. */
  readonly folders: readonly string[];
  readonly stem: string;
}

/** Pairs photos and masks of one name, in folders or in one. */
export function pairMasks(tree: PhotoTree): Pairs {
  const paths = imagesOf(tree);
  const stems = new Set(paths.map((path) => stemOf(path).replace(IMAGE_END, '')));
  const [masks, images] = [[] as Named[], [] as Named[]];
  for (const path of paths) {
    const mask = isMask(path, stems);
    (mask ? masks : images).push(named(path, mask));
  }
  const bySame = grouped(images, ({ folders, stem }) => [...folders, stem].join('/'));
  const byStem = grouped(images, ({ stem }) => stem);
  const masksByStem = grouped(masks, ({ stem }) => stem);
  const taken = new Map<string, Named>();
  const alone: Named[] = [];
  for (const mask of masks) {
    const same = bySame.get([...mask.folders, mask.stem].join('/')) ?? [];
    const others = byStem.get(mask.stem) ?? [];
    // Folders of other names: where the name is there once on both sides.
    const found = same.length > 0 ? same : masksByStem.get(mask.stem)!.length === 1 ? others : [];
    if (found.length === 1 && !taken.has(found[0]!.path)) taken.set(found[0]!.path, mask);
    else alone.push(mask);
  }
  const splits = splitsOfFolders(images);
  const pairs = images.flatMap((image): MaskPair[] => {
    const mask = taken.get(image.path);
    return mask ? [{ image: image.path, mask: mask.path, split: splits(image) }] : [];
  });
  return {
    pairs: pairs.sort((a, b) => byCodePoint(a.image, b.image)),
    images: images.filter(({ path }) => !taken.has(path)).map(({ path }) => path),
    masks: alone.map(({ path }) => path),
  };
}

const partsOf = (path: string) => path.split('/').slice(0, -1);
const stemOf = (path: string) => path.slice(path.lastIndexOf('/') + 1).replace(/(?<=.)\.[^.]*$/, '');

/** Whether a file is a mask, by its folders, or by the end of its name where there is a photo of that name without it. */
function isMask(path: string, stems: ReadonlySet<string>): boolean {
  const stem = stemOf(path);
  const ends = MASK_END.test(stem) && stems.has(stem.replace(MASK_END, ''));
  return ends || partsOf(path).some((part) => part.search(MASK_FOLDER) >= 0);
}

function named(path: string, mask: boolean): Named {
  const [words, end] = mask ? [MASK_FOLDER, MASK_END] : [IMAGE_FOLDER, IMAGE_END];
  const bare = (part: string) =>
    part
      .replace(words, '')
      .replace(/^[\s_.-]+|[\s_.-]+$/g, '')
      .replace(/[\s_.-]+/g, '_');
  // Masks in a folder of photos keep its words.
  const folders = partsOf(path).map((part) => bare(part).replace(IMAGE_FOLDER, ''));
  return {
    path,
    folders: folders.filter((part) => part !== ''),
    stem: stemOf(path).replace(end, '').replace(IMAGE_END, ''),
  };
}

function grouped(all: readonly Named[], key: (one: Named) => string): Map<string, Named[]> {
  const groups = new Map<string, Named[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}

/** Tells the split by the outermost folder that is named so, or that differs from its siblings by such a name. */
function splitsOfFolders(images: readonly Named[]): (image: Named) => Split | null {
  const among = splitsAmong([...new Set(images.flatMap(({ folders }) => folders.slice(0, 1)))]);
  return ({ folders }) => {
    const first = folders[0] === undefined ? undefined : among.get(folders[0]);
    // 'prepped_test' has a word before.
    const told = folders.map((part) => splitOf(part) ?? splitOf(part.slice(part.lastIndexOf('_') + 1)));
    return first ?? told.find((split) => split !== null) ?? null;
  };
}
