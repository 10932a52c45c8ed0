/** Texts in files, a folder a class: `pos/1.txt`, `neg/2.txt`, with `train` and `test` around them or not. */
import { DataError } from '../../core/errors.ts';
import { concurrently } from '../concurrently.ts';
import { bytesOf, type DataFiles } from '../folders/data-files.ts';
import { type FolderLayout, type LaidOutImage, layOut } from '../folders/folder-layout.ts';
import { byReason } from '../folders/left-out.ts';
import { imagesOf, othersOf, photoTree } from '../folders/photo-tree.ts';
import type { Split } from '../folders/split-names.ts';
import { reasonOf } from '../images/image-dataset.ts';
import { count } from '../some-of.ts';
import type { TextSample } from './text-dataset.ts';
import type { FoundTexts } from './text-tables.ts';

/** A text that is longer is a file of another kind. */
const MAX_BYTES = 1 << 24;

/**
 * Reads the texts of class folders. Their files end in `.txt`; where none does, all files are texts.
 * @throws DataError where there are no class folders, and where a file cannot be read.
 */
export async function readTextFolders(files: DataFiles): Promise<FoundTexts> {
  const paths = [...imagesOf(files.tree), ...othersOf(files.tree)];
  const endings = paths.some((path) => /\.txt$/i.test(path)) ? ['.txt'] : [''];
  const layout = found(() => layOut(photoTree(paths, endings), files.root));
  const unread: [reason: string, path: string][] = [];
  const read = async (images: readonly LaidOutImage[]): Promise<TextSample[]> => {
    const samples: (TextSample | null)[] = [];
    await concurrently(16, images, async ({ path, label }, i) => {
      samples[i] = await textAt(files, path, label).catch((error) => {
        if (!(error instanceof DataError)) throw error;
        unread.push([reasonOf(error, files.nameOf(path)).replace(/\.$/, ''), path]);
        return null;
      });
    });
    return samples.filter((sample) => sample !== null);
  };
  const parts = new Map<Split | null, readonly TextSample[]>([
    [layout.validation ? 'train' : null, await read(layout.train.images)],
  ]);
  if (layout.validation) parts.set('validation', await read(layout.validation.images));
  const { classes, notes } = layout;
  return {
    ...{ kind: 'classes', names: classes, parts, columns: null, notes },
    leftOut: [...byReason(unread.sort(([, a], [, b]) => (a < b ? -1 : 1))), ...layout.leftOut],
    how: `${files.root}: a folder a class (${count(classes.length, 'class')})`,
  };
}

async function textAt(files: DataFiles, path: string, label: number): Promise<TextSample> {
  const bytes = await bytesOf(files, path, MAX_BYTES);
  const text = decoded(bytes).trim();
  if (text === '') throw new DataError(files.nameOf(path), 'an empty text.');
  return { path, text, label };
}

/** UTF-8, or what texts from before it are in. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** The layout, with errors that speak of texts. */
function found(layout: () => FolderLayout): FolderLayout {
  try {
    return layout();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const text = error.message.slice(error.path.length + 2).replaceAll('images', 'texts');
    throw new DataError(
      error.path,
      `${text} Or put them into a table: a .csv with a column of texts and one of labels.`,
    );
  }
}
