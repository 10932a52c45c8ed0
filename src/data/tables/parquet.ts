/** Parquet, as Hugging Face's hub keeps data sets. */
import { causeOf } from '../../core/cause.ts';
import { DataError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { isRecord } from '../../io/base/json.ts';
import { type Cells, checkCells, ofRecords } from './read-table.ts';

/** Bytes of a page beyond which a file is made to fill the memory. */
const MAX_PAGE = 1 << 28;

/** Whether a file is Parquet, by the end of its name. */
export const isParquet = (path: string): boolean => /\.parquet$/i.test(path);

/**
 * Reads a table of Parquet. Numbers of classes become their names where the file has Hugging Face's description of its columns.
 * @throws DataError where it is damaged, or has more cells than are read.
 */
export async function readParquet(source: ByteSource, file: string): Promise<Cells> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const buffer = {
    byteLength: source.size,
    async slice(start: number, end = source.size) {
      const bytes = await source.read(start, end - start);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    },
  };
  try {
    const metadata = await parquetMetadataAsync(buffer);
    checkCells(metadata.schema.length - 1, Number(metadata.num_rows), file);
    const bounded = Object.entries(compressors).map(([name, unpack]) => [
      name,
      (packed: Uint8Array, length: number) => {
        if (length <= MAX_PAGE) return unpack!(packed, length);
        throw new DataError(file, `has a page of ${length.toLocaleString('en')} bytes, more than is read.`);
      },
    ]);
    const rows = await parquetReadObjects({ file: buffer, metadata, compressors: Object.fromEntries(bounded) });
    const described = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
    const names = classNames(described);
    return ofRecords(
      rows.map((row, i) => [i + 1, withNames(row, names)]),
      file,
    );
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(file, `is no Parquet that can be read (${causeOf(error)}). Get it again, or save it as CSV.`);
  }
}

/** Names of classes by column, in the order of their numbers. */
type ClassNames = ReadonlyMap<string, readonly string[]>;

function classNames(described: string | undefined): ClassNames {
  const names = new Map<string, readonly string[]>();
  if (described === undefined) return names;
  const json: unknown = JSON.parse(described);
  const info = isRecord(json) ? json.info : undefined;
  const features = isRecord(info) ? info.features : undefined;
  for (const [column, feature] of Object.entries(isRecord(features) ? features : {})) {
    const list = isRecord(feature) && feature._type === 'ClassLabel' ? feature.names : undefined;
    if (Array.isArray(list) && list.every((name) => typeof name === 'string')) names.set(column, list);
  }
  return names;
}

function withNames(row: Readonly<Record<string, unknown>>, names: ClassNames): Readonly<Record<string, unknown>> {
  if (names.size === 0) return row;
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, names.get(column)?.[Number(value)] ?? value]),
  );
}
