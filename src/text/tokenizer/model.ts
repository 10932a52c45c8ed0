/** What turns a word into tokens: the `model` of tokenizer.json. */
import { shown } from '../../io/base/bytes.ts';
import { bpe } from './bpe.ts';
import type { Section } from './section.ts';
import type { TokenModel } from './token-model.ts';
import { unigram } from './unigram.ts';
import { wordLevel, wordPiece } from './word-piece.ts';

/** The model of a section. @throws WeightFileError for one that is not known or does not fit together. */
export function modelOf(section: Section): TokenModel {
  const type = section.textOrNone('type') ?? typeOf(section);
  switch (type) {
    case 'WordPiece':
      return wordPiece(section, vocabularyOf(section));
    case 'WordLevel':
      return wordLevel(section, vocabularyOf(section));
    case 'BPE':
      return bpe(section, vocabularyOf(section));
    case 'Unigram':
      return unigram(section);
    default:
      return section.fail(`is '${type}', which is not known.`, 'type');
  }
}

/** Files of old versions do not tell. */
function typeOf({ fields }: Section): string {
  if ('merges' in fields) return 'BPE';
  if (Array.isArray(fields.vocab)) return 'Unigram';
  return 'continuing_subword_prefix' in fields ? 'WordPiece' : 'WordLevel';
}

function vocabularyOf(section: Section): Map<string, number> {
  const vocabulary = new Map<string, number>();
  for (const [token, id] of Object.entries(section.section('vocab').fields)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) {
      section.fail(`has the id ${shown(id)} for '${shown(token)}': expected a whole number, 0 or more.`, 'vocab');
    }
    vocabulary.set(token, id as number);
  }
  return vocabulary;
}
