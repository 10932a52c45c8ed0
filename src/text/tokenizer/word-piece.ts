/** BERT's model: the longest pieces of a word, from its beginning on. And whole words, the simplest of models. */
import { DataError } from '../../core/errors.ts';
import { shown } from '../../io/base/bytes.ts';
import { widthAt } from './aligned-text.ts';
import type { Section } from './section.ts';
import type { TokenModel } from './token-model.ts';

/** @throws WeightFileError if the unknown token is not in the vocabulary. */
export function wordPiece(section: Section, vocabulary: ReadonlyMap<string, number>): TokenModel {
  const name = section.text('unk_token', '[UNK]');
  const unknown =
    vocabulary.get(name) ?? section.fail(`is '${name}', which the vocabulary does not have.`, 'unk_token');
  const prefix = section.text('continuing_subword_prefix', '##');
  const longest = section.number('max_input_chars_per_word', 100);
  return {
    vocabulary,
    tokenize(word, emit) {
      const pieces = charactersOf(word) > longest ? undefined : piecesOf(word, vocabulary, prefix);
      let start = 0;
      for (const [id, end] of pieces ?? [[unknown, word.length] as const]) {
        emit(id, start, end);
        start = end;
      }
    },
  };
}

/** Ids and ends of the pieces; undefined if there is none for some place. */
function piecesOf(word: string, vocabulary: ReadonlyMap<string, number>, prefix: string) {
  const pieces: [id: number, end: number][] = [];
  for (let start = 0; start < word.length; ) {
    let end = word.length;
    let id: number | undefined;
    for (; end > start; end -= widthBefore(word, end)) {
      id = vocabulary.get(start === 0 ? word.slice(0, end) : prefix + word.slice(start, end));
      if (id !== undefined) break;
    }
    if (id === undefined) return undefined;
    pieces.push([id, end]);
    start = end;
  }
  return pieces;
}

const widthBefore = (text: string, end: number): number => (end > 1 && widthAt(text, end - 2) === 2 ? 2 : 1);

function charactersOf(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i += widthAt(text, i)) count++;
  return count;
}

/** A token a word. Words that are not in the vocabulary need its unknown token. */
export function wordLevel(section: Section, vocabulary: ReadonlyMap<string, number>): TokenModel {
  const name = section.text('unk_token', '<unk>');
  const unknown = vocabulary.get(name);
  return {
    vocabulary,
    tokenize(word, emit) {
      const id = vocabulary.get(word) ?? unknown;
      if (id === undefined) {
        throw new DataError(
          section.file,
          `has no token for '${shown(word)}', and no unknown token: '${name}' is not in its vocabulary.`,
        );
      }
      emit(id, 0, word.length);
    },
  };
}
