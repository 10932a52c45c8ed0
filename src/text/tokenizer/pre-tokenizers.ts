/** How a text is split into what the model takes at once, words mostly: the `pre_tokenizer` of tokenizer.json. */
import { type AlignedText, widthAt } from './aligned-text.ts';
import { asBytes, WORDS } from './byte-level.ts';
import { type Behavior, literal, patternOf, split, WORDS_AND_SIGNS } from './pattern.ts';
import type { Section } from './section.ts';

export type PreTokenizer = (text: AlignedText) => readonly AlignedText[];

/** The pre-tokenizer of a section. @throws WeightFileError for one that is not known. */
export function preTokenizerOf(section: Section): PreTokenizer {
  const make = PRE_TOKENIZERS[section.type];
  return make ? make(section) : section.fail(`is '${section.type}', which is not known.`, 'type');
}

const BEHAVIORS: readonly string[] = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];
const SPACE = /\p{White_Space}/gu;
/** Punctuation of Unicode, and what ASCII has besides: $+<=>^`|~ */
const PUNCTUATION = /[\p{P}$+<=>^`|~]/gu;
const NUMERIC = /\p{N}/gu;

const PRE_TOKENIZERS: Readonly<Record<string, (section: Section) => PreTokenizer>> = {
  Sequence(section) {
    const all = section.sections('pretokenizers').map(preTokenizerOf);
    return (text) => all.reduce<readonly AlignedText[]>((parts, one) => parts.flatMap(notEmpty(one)), [text]);
  },
  BertPreTokenizer: () => (text) =>
    split(text, SPACE, 'Removed').flatMap((word) => split(word, PUNCTUATION, 'Isolated')),
  ByteLevel(section) {
    const prefix = section.flag('add_prefix_space');
    const words = section.flag('use_regex', true);
    return (text) => {
      const whole = prefix && !text.text.startsWith(' ') ? text.prepend(' ') : text;
      return (words ? split(whole, WORDS, 'Isolated') : [whole]).map(asBytes);
    };
  },
  Metaspace: metaspace,
  Whitespace: () => (text) => split(text, WORDS_AND_SIGNS, 'Removed', true),
  WhitespaceSplit: () => (text) => split(text, SPACE, 'Removed'),
  CharDelimiterSplit(section) {
    const delimiter = literal(section.text('delimiter'));
    return (text) => split(text, delimiter, 'Removed');
  },
  Split(section) {
    const [pattern, behavior, inverted] = [patternOf(section), behaviorOf(section), section.flag('invert', false)];
    return (text) => split(text, pattern, behavior, inverted);
  },
  Punctuation(section) {
    const behavior = behaviorOf(section, 'Isolated');
    return (text) => split(text, PUNCTUATION, behavior);
  },
  Digits(section) {
    const behavior = section.flag('individual_digits', false) ? 'Isolated' : 'Contiguous';
    return (text) => split(text, NUMERIC, behavior);
  },
  FixedLength(section) {
    const length = section.number('length', 5);
    if (!(Number.isInteger(length) && length > 0))
      section.fail(`must be a whole number, 1 or more, got ${length}.`, 'length');
    return (text) => inChunks(text, length);
  },
};

const notEmpty = (one: PreTokenizer) => (text: AlignedText) => one(text).filter((part) => part.text !== '');

function behaviorOf(section: Section, ...byDefault: [string?]): Behavior {
  const behavior = section.text('behavior', ...byDefault);
  return BEHAVIORS.includes(behavior)
    ? (behavior as Behavior)
    : section.fail(`must be one of ${BEHAVIORS.join(', ')}, got '${behavior}'.`, 'behavior');
}

/** Spaces as ▁, one before the text too, which stays with the word behind it. */
function metaspace(section: Section): PreTokenizer {
  const mark = section.text('replacement');
  const byDefault = section.fields.add_prefix_space === false ? 'never' : 'always';
  const scheme = section.text('prepend_scheme', byDefault);
  if (!['always', 'first', 'never'].includes(scheme)) {
    section.fail(`must be always, first or never, got '${scheme}'.`, 'prepend_scheme');
  }
  const splits = section.flag('split', true);
  const [space, word] = [literal(' '), literal(mark)];
  return (text) => {
    let marked = text.replace(space, mark);
    const first = scheme === 'always' || (scheme === 'first' && text.origin === 0);
    if (first && !marked.text.startsWith(mark)) marked = marked.prepend(mark);
    return splits ? split(marked, word, 'MergedWithNext') : [marked];
  };
}

function inChunks(text: AlignedText, length: number): readonly AlignedText[] {
  const parts: AlignedText[] = [];
  let [start, count] = [0, 0];
  for (let i = 0; i < text.text.length; ) {
    i += widthAt(text.text, i);
    if (++count < length && i < text.text.length) continue;
    parts.push(text.slice(start, i));
    [start, count] = [i, 0];
  }
  return parts;
}
