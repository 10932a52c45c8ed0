/**
 * Zip archives of a model as tools export them: Teachable Machine's (TF.js: `model.json`, shards, `metadata.json`; Keras:
 * `keras_model.h5`, `labels.txt`), a folder that somebody packed. Its files are read as they would be beside the archive.
 */
import { WeightFileError } from '../../core/errors.ts';
import { type ByteSource, bytesSource } from '../../device/byte-source.ts';
import { listed } from '../base/bytes.ts';
import { HEAD_BYTES, type ModelFormat } from '../base/format.ts';
import { withLabels } from '../keras/labels.ts';
import { isZip, readZipDirectory, readZipEntry, type ZipEntry } from './zip.ts';

type Directory = ReadonlyMap<string, ZipEntry>;

const TOPOLOGY = /(^|\/)model\.json$/i;

/** Paths of the models in an archive; what macOS puts beside them counts for nothing. */
function modelsIn(directory: Directory, formats: readonly ModelFormat[]): string[] {
  const names = [...directory.keys()].filter((name) => !/(^|\/)(__MACOSX\/|\._)/.test(name));
  // Files that others name are no models, and shards are called .bin too.
  const endings = formats.filter((f) => !f.filesBeside).flatMap(({ extensions }) => extensions);
  const isWeights = (name: string) => endings.some((e) => e !== '.bin' && name.toLowerCase().endsWith(e));
  const weights = names.filter(isWeights);
  return weights.length > 0 ? weights : names.filter((name) => TOPOLOGY.test(name));
}

/** @param formats What may be inside: no such archive again, which might go on for ever. */
export function modelZip(formats: readonly ModelFormat[]): ModelFormat {
  return {
    name: 'zip of a model',
    extensions: ['.zip'],
    holds: 'layers',
    async matches(head, source) {
      return isZip(head) && modelsIn(await readZipDirectory(source), formats).length > 0;
    },
    async read(source, options) {
      const directory = await readZipDirectory(source);
      const models = modelsIn(directory, formats);
      if (models.length > 1)
        throw new WeightFileError(
          source.name,
          `holds ${models.length} models (${listed(models)}). Unpack it and name one.`,
        );
      const inner = await entrySource(source, directory, models[0]!);
      const head = await inner.read(0, Math.min(HEAD_BYTES, inner.size));
      for (const format of formats)
        if (await format.matches(head, inner)) return withLabels(await format.read(inner, options), inner);
      throw new WeightFileError(inner.name, 'is of no known weight format.');
    },
  };
}

async function entrySource(archive: ByteSource, directory: Directory, path: string): Promise<ByteSource> {
  const entry = directory.get(path);
  if (!entry) throw new WeightFileError(archive.name, `has no '${path}'.`);
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const bytes = await readZipEntry(archive, entry);
  return {
    ...bytesSource(bytes, `${archive.name}/${path}`),
    beside: (name) => entrySource(archive, directory, `${folder}${name}`),
  };
}
