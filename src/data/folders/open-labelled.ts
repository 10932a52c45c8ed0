/** Photos to score a model on: class folders, or a table, in a folder or an archive. */
import { DataError } from '../../core/errors.ts';
import { ImageDataset } from '../images/image-dataset.ts';
import type { Label } from '../labels.ts';
import { someOf } from '../some-of.ts';
import type { TableKind } from '../tables/labelling.ts';
import type { OpenImageTableOptions } from '../tables/open-image-table.ts';
import { isTable } from '../tables/read-table.ts';
import type { TransformLike } from '../transforms/compose.ts';
import type { LeftOut } from './left-out.ts';
import { openLabelledFolder } from './open-folders.ts';
import { openPhotos } from './open-photos.ts';
import { othersOf } from './photo-tree.ts';
import { openPhotoTree } from './photo-zip.ts';
import { isArchive } from './zip-source.ts';

/** The images to score a model on. */
export interface LabelledPhotos {
  /** Its labels are in the order of the model's outputs. */
  readonly images: ImageDataset<Label>;
  readonly leftOut: readonly LeftOut[];
}

/** Options of {@link openLabelledPhotos}. */
export interface OpenLabelledPhotosOptions
  extends Pick<OpenImageTableOptions, 'table' | 'files' | 'labels' | 'separator'> {
  /** What the model's outputs are. */
  readonly kind: TableKind;
  /** Their names, in their order. */
  readonly classes: readonly string[];
  /** What makes an image the model's input. */
  readonly transform: TransformLike;
}

/**
 * Opens the images that a model with these outputs can be scored on: the validation part where a folder, a table or a column tells one, else
 * all of them.
 * @throws DataError for a class or label that the model does not know, for other numbers than it has, and where there are no images.
 */
export async function openLabelledPhotos(root: string, options: OpenLabelledPhotosOptions): Promise<LabelledPhotos> {
  const { kind, classes, transform, ...columns } = options;
  const { tree } = await openPhotoTree(root);
  const hasTable = Object.keys(columns).length > 0 || othersOf(tree).some(isTable);
  if (kind === 'classes' && !hasTable && !(await isArchive(root)))
    return openLabelledFolder(root, { classes, transform });
  const labels = columns.labels ?? (kind === 'values' ? classes : undefined);
  const open = (as?: TableKind) =>
    openPhotos(root, { ...columns, ...(labels && { labels }), ...(as && { kind: as }), validation: 0, transform });
  // Classes may be those of folders, of which none can be asked to be labels or numbers.
  const found = await open(kind === 'classes' ? undefined : kind);
  const photos = found.kind === kind ? found : await open(kind);
  const { names, leftOut } = photos;
  const images: ImageDataset<Label> = photos.validation.length > 0 ? photos.validation : photos.train;
  return { images: inOrderOf(images, root, { kind, names, classes }), leftOut };
}

/** The same images with their labels in the order of a model's outputs. */
function inOrderOf(
  images: ImageDataset<Label>,
  root: string,
  { kind, names, classes }: { kind: TableKind; names: readonly string[]; classes: readonly string[] },
): ImageDataset<Label> {
  const places = names.map((name) => classes.indexOf(name));
  const unknown = names.filter((_, k) => places[k]! < 0);
  const [one, many] =
    kind === 'classes' ? ['class', 'classes'] : kind === 'labels' ? ['label', 'labels'] : ['value', 'values'];
  if (unknown.length > 0)
    throw new DataError(
      root,
      `has ${unknown.length === 1 ? one : many} ${someOf(unknown)}, which the model does not know: it knows ${someOf(classes)}.`,
    );
  if (kind === 'values' && names.length < classes.length)
    throw new DataError(root, `has no column for ${someOf(classes.filter((name) => !names.includes(name)))}.`);
  const moved = (label: Label): Label => {
    if (typeof label === 'number') return places[label]!;
    const row = new Float32Array(classes.length);
    for (const [k, value] of label.entries()) row[places[k]!] = value;
    return row;
  };
  const samples = images.samples.map(({ path, label }) => ({ path, label: moved(label) }));
  return new ImageDataset(images.root, kind === 'values' ? [] : classes, samples, images.transform);
}
