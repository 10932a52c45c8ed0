/** What a run's photos are: classes with their counts, where the validation part came from, what was left out, equal photos. */
import type { BadImage, ImageDataset } from '../images/image-dataset.ts';
import type { Label } from '../labels.ts';
import type { TableKind } from '../tables/labelling.ts';
import type { LeftOut } from './left-out.ts';
import type { ValidationSource } from './open-folders.ts';
import { byCodePoint } from './photo-tree.ts';

/**
 * Groups of files with equal bytes, by where they lie. A group is listed once, at the most serious place; its first two files show
 * what is wrong with it.
 */
export interface EqualPhotos {
  /** With different labels: one of them is wrong. */
  readonly acrossClasses: readonly (readonly string[])[];
  /** In training and validation: what is validated was learned by heart. */
  readonly acrossParts: readonly (readonly string[])[];
  /** Twice or more with one label in one part. */
  readonly withinClass: readonly (readonly string[])[];
}

/** Photos that were opened, however they came. */
export interface OpenedPhotos {
  /** 'classes' by default. */
  readonly kind?: TableKind | undefined;
  readonly train: ImageDataset<Label>;
  readonly validation: ImageDataset<Label>;
  readonly validationFrom: ValidationSource;
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
}

/** What {@link accountFor} found. JSON-able. Paths are relative to the folder that was opened. */
export interface PhotoAccount {
  /** Whether a photo has a class, labels or numbers. */
  readonly kind: TableKind;
  readonly train: number;
  readonly validation: number;
  /** Of classes and labels: how many photos have each. */
  readonly classes: readonly { readonly name: string; readonly train: number; readonly validation: number }[];
  readonly validationFrom: ValidationSource;
  readonly leftOut: readonly LeftOut[];
  /** What is odd about the layout and yet may be meant, a sentence each. */
  readonly notes: readonly string[];
  readonly equal: EqualPhotos;
}

/**
 * The account of photos that were opened, and perhaps verified.
 * @param relative a file's path as it is to be shown
 * @param bad what {@link ImageDataset.verify} left out of them
 */
export async function accountFor(
  { kind = 'classes', train, validation, validationFrom, leftOut, notes }: OpenedPhotos,
  relative: (path: string) => string,
  bad: readonly BadImage[] = [],
): Promise<PhotoAccount> {
  const counts = [train, validation].map((part) => part.classCounts());
  const unreadable = bad.map(({ path }) => relative(path));
  return {
    ...{ kind, train: train.length, validation: validation.length },
    classes: train.classes.map((name, c) => ({ name, train: counts[0]![c]!, validation: counts[1]![c]! })),
    validationFrom,
    leftOut: unreadable.length > 0 ? [...leftOut, { reason: 'not readable', paths: unreadable }] : leftOut,
    notes,
    equal: equalPhotos(await photosOf([train, validation], relative)),
  };
}

/** A photo with the digest of its bytes. */
interface Photo {
  readonly path: string;
  /** As text, since float targets are rows. */
  readonly label: string;
  readonly part: number;
  readonly digest: string;
}

async function photosOf(parts: readonly ImageDataset<Label>[], relative: (path: string) => string): Promise<Photo[]> {
  const photos: Photo[] = [];
  for (const [p, part] of parts.entries()) {
    const digests = await part.digests();
    for (const [i, { path, label }] of part.samples.entries())
      photos.push({ path: relative(path), label: String(label), part: p, digest: digests[i]! });
  }
  return photos;
}

function equalPhotos(photos: readonly Photo[]): EqualPhotos {
  const groups = new Map<string, Photo[]>();
  for (const photo of photos) {
    const group = groups.get(photo.digest);
    if (group) group.push(photo);
    else groups.set(photo.digest, [photo]);
  }
  const found = { acrossClasses: [] as string[][], acrossParts: [] as string[][], withinClass: [] as string[][] };
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const [first, ...others] = group.sort((a, b) => byCodePoint(a.path, b.path));
    const differing = (key: 'label' | 'part') => others.find((photo) => photo[key] !== first![key]);
    const place = differing('label') ? 'acrossClasses' : differing('part') ? 'acrossParts' : 'withinClass';
    const second = differing('label') ?? differing('part') ?? others[0]!;
    const rest = others.filter((photo) => photo !== second);
    found[place].push([first!, second, ...rest].map(({ path }) => path));
  }
  return found;
}
