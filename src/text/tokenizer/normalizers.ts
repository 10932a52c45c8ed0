/** What is done to a text before it is split: the `normalizer` of tokenizer.json. */
import type { AlignedText } from './aligned-text.ts';
import { asBytes } from './byte-level.ts';
import { patternOf } from './pattern.ts';
import { CharacterMap } from './precompiled.ts';
import type { Section } from './section.ts';
import { inForm } from './unicode-forms.ts';

export type Normalizer = (text: AlignedText) => AlignedText;

/** The normaliser of a section. @throws WeightFileError for one that is not known. */
export function normalizerOf(section: Section): Normalizer {
  const make = NORMALIZERS[section.type];
  return make ? make(section) : section.fail(`is '${section.type}', which is not known.`, 'type');
}

/** One after another. */
function sequence(all: readonly Normalizer[]): Normalizer {
  return (text) => all.reduce((before, normalizer) => normalizer(before), text);
}

const NORMALIZERS: Readonly<Record<string, (section: Section) => Normalizer>> = {
  Sequence: (section) => sequence(section.sections('normalizers').map(normalizerOf)),
  BertNormalizer: bert,
  NFC: () => (text) => inForm(text, 'NFC'),
  NFD: () => (text) => inForm(text, 'NFD'),
  NFKC: () => (text) => inForm(text, 'NFKC'),
  NFKD: () => (text) => inForm(text, 'NFKD'),
  Lowercase: () => lowercase,
  StripAccents: () => (text) => without(text, /\p{M}/u),
  Strip: (section) => {
    const [left, right] = [section.flag('strip_left'), section.flag('strip_right')];
    return (text) => strip(text, left, right);
  },
  Replace: (section) => {
    const [pattern, content] = [patternOf(section), section.text('content')];
    return (text) => text.replace(pattern, content);
  },
  Prepend: (section) => {
    const prefix = section.text('prepend');
    return (text) => text.prepend(prefix);
  },
  ByteLevel: () => asBytes,
  Nmt: () => nmt,
  Precompiled: precompiled,
};

/** Characters that BERT drops: control, format, private use. */
const DROPPED = /[\0\ufffd\p{Cf}\p{Co}]|(?![\t\n\r])\p{Cc}/u;
const OTHER_SPACE = /(?! )\p{White_Space}/gu;
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/u;

function bert(section: Section): Normalizer {
  const lower = section.flag('lowercase', true);
  const steps: Normalizer[] = [];
  if (section.flag('clean_text', true)) {
    steps.push((text) => {
      const kept = without(text, DROPPED);
      return kept.with(kept.text.replace(OTHER_SPACE, ' '));
    });
  }
  if (section.flag('handle_chinese_chars', true)) {
    steps.push((text) => (CHINESE.test(text.text) ? text.map((c) => (CHINESE.test(c) ? ` ${c} ` : c)) : text));
  }
  if (section.flag('strip_accents', lower)) steps.push((text) => without(inForm(text, 'NFD'), /\p{Mn}/u));
  if (lower) steps.push(lowercase);
  return sequence(steps);
}

/** Without the characters that match. */
function without(text: AlignedText, pattern: RegExp): AlignedText {
  return pattern.test(text.text) ? text.filter((c) => !pattern.test(c)) : text;
}

/** Character by character: a word's last sigma is no other than the rest, and İ becomes two characters. */
function lowercase(text: AlignedText): AlignedText {
  if (/[Σİ]/.test(text.text)) return text.map((c) => c.toLowerCase());
  return text.with(text.text.toLowerCase());
}

/** Without white space at its ends. */
function strip(text: AlignedText, left: boolean, right: boolean): AlignedText {
  const start = left ? (/^\p{White_Space}+/u.exec(text.text)?.[0].length ?? 0) : 0;
  let end = text.text.length;
  while (right && end > start && /\p{White_Space}/u.test(text.text[end - 1]!)) end--;
  // Not a slice, whose beginning would count as another place in the original.
  return end - start === text.text.length ? text : text.rewrite((to) => to.copy(text.text.slice(start, end), start));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is dropped
const NMT_DROPPED = /[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/u;
const NMT_SPACE = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

function nmt(text: AlignedText): AlignedText {
  const kept = without(text, NMT_DROPPED);
  return kept.with(kept.text.replace(NMT_SPACE, ' '));
}

function precompiled(section: Section): Normalizer {
  const encoded = section.textOrNone('precompiled_charsmap') ?? '';
  if (encoded === '') return (text) => text;
  try {
    const map = new CharacterMap(Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)));
    return (text) => map.apply(text);
  } catch {
    return section.fail('is no map of characters as SentencePiece compiles them.', 'precompiled_charsmap');
  }
}
