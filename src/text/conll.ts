/** Sentences with a tag a token, as CoNLL's files have them: a token a line, columns between, an empty line behind a sentence. */
import { DataError } from '../core/errors.ts';
import type { SourceLike } from '../device/byte-source.ts';
import { readText } from './read-text.ts';

/** A sentence. */
export interface TaggedSentence {
  readonly tokens: readonly string[];
  /** One a token. */
  readonly tags: readonly string[];
  /** The line of its first token, from 1 on. */
  readonly line: number;
}

/** What {@link readConll} gives. */
export interface TaggedText {
  readonly sentences: readonly TaggedSentence[];
  /** All tags, sorted. */
  readonly tags: readonly string[];
  /** Tokens of the longest sentence: thousands tell of sentences without empty lines between them. */
  readonly longest: number;
}

/** Options of {@link readConll}. */
export interface ReadConllOptions {
  /** The token's column, from 0 on; negative ones count from the last. Default: 0. */
  readonly tokenColumn?: number;
  /** The tag's column. Default: -1, the last. */
  readonly tagColumn?: number;
}

/**
 * Reads a file of CoNLL's form: columns with tabs between them, or with spaces where a line has no tab. Lines of `-DOCSTART-` are left out.
 * @param source the file
 * @param options which columns are read
 * @throws DataError if it cannot be read, has no sentence, or a line has another number of columns than those before, or only one.
 * @example
 * const { sentences, tags } = await readConll('wnut17train.conll');
 */
export async function readConll(source: SourceLike, options: ReadConllOptions = {}): Promise<TaggedText> {
  const { tokenColumn = 0, tagColumn = -1 } = options;
  const { name, text } = await readText(source);
  const sentences: TaggedSentence[] = [];
  let [tokens, tags, line]: [string[], string[], number] = [[], [], 0];
  const finish = () => {
    if (tokens.length > 0) sentences.push({ tokens, tags, line });
    [tokens, tags] = [[], []];
  };
  let width = 0;
  for (const [i, row] of text.split('\n').entries()) {
    if (row.trim() === '' || row.startsWith('-DOCSTART-')) {
      finish();
      continue;
    }
    const columns = row.includes('\t') ? row.split('\t').map((cell) => cell.trim()) : row.trim().split(/ +/);
    width ||= columns.length;
    if (columns.length !== width || width === 1) throw new DataError(name, wrongWidth(i + 1, columns.length, width));
    const [token, tag] = [columns.at(tokenColumn), columns.at(tagColumn)];
    if (!token || !tag) {
      throw new DataError(
        name,
        `line ${i + 1} has no ${token ? 'tag' : 'token'} in column ${token ? tagColumn : tokenColumn}.`,
      );
    }
    if (tokens.length === 0) line = i + 1;
    tokens.push(token);
    tags.push(tag);
  }
  finish();
  if (sentences.length === 0) throw new DataError(name, 'has no sentences. Expected a token and its tag a line.');
  return {
    sentences,
    tags: [...new Set(sentences.flatMap((sentence) => sentence.tags))].sort(),
    longest: sentences.reduce((most, sentence) => Math.max(most, sentence.tokens.length), 0),
  };
}

const wrongWidth = (line: number, columns: number, before: number): string =>
  columns === 1
    ? `line ${line} has one column: expected a token and its tag.`
    : `line ${line} has ${columns} columns, those before have ${before}. An empty line separates sentences.`;
