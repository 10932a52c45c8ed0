/** Patterns of tokenizer files, which are regular expressions of Oniguruma, as those of JavaScript. */
import type { AlignedText } from './aligned-text.ts';
import type { Section } from './section.ts';

/** What becomes of the matches when a text is split. */
export type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

const SPACE = '\\p{White_Space}';
/** What is part of a word, for a class. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';
/** Classes that mean more in Oniguruma, or less, than in JavaScript: outside of brackets, and inside. */
const CLASSES: Readonly<Record<string, readonly [outside: string, inside: string]>> = {
  s: [SPACE, SPACE],
  S: ['\\P{White_Space}', '\\P{White_Space}'],
  d: ['\\p{Nd}', '\\p{Nd}'],
  D: ['\\P{Nd}', '\\P{Nd}'],
  w: [`[${WORD}]`, WORD],
  W: [`[^${WORD}]`, ''],
  h: ['[0-9a-fA-F]', '0-9a-fA-F'],
  A: ['^', ''],
  z: ['$', ''],
};

/** Words, and what is neither word nor space. */
export const WORDS_AND_SIGNS: RegExp = new RegExp(`[${WORD}]+|[^${WORD}${SPACE}]+`, 'gu');

/** `text` as a pattern that matches it and nothing else. */
export function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
}

/** The pattern `{ String }` or `{ Regex }` of a section. @throws WeightFileError for what cannot be translated. */
export function patternOf(section: Section): RegExp {
  const value = section.fields.pattern;
  if (typeof value === 'string') return literal(value);
  const pattern = section.section('pattern');
  if (typeof pattern.fields.String === 'string') return literal(pattern.fields.String);
  const source = pattern.text('Regex');
  try {
    return new RegExp(translated(source), 'gu');
  } catch {
    return pattern.fail(`'${source}' has no counterpart among JavaScript's regular expressions.`, 'Regex');
  }
}

/** Oniguruma's spelling to JavaScript's, which has other classes, no `(?i:…)` in older engines and no possessive repetition. */
function translated(source: string): string {
  let out = '';
  let inside = false;
  let open = 0;
  /** How many parentheses were open where `(?i:` began. */
  let ignoring = -1;
  /** Whether what stands before is a repetition. */
  let repeated = false;
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    const repeats = repeated;
    repeated = false;
    if (c === '\\') {
      const [whole, bare] = /^\\([pP]\{[^}]*\}|[ux][0-9a-fA-F]+|.)/su.exec(source.slice(i)) ?? ['\\', ''];
      i += whole.length - 1;
      const known = CLASSES[bare!];
      if (known) out += known[inside ? 1 : 0];
      else if (/^([pPux].+|[0-9bBnrtfv^$\\.*+?()[\]{}|/])$/.test(bare!) || (inside && bare === '-')) out += whole;
      else out += bare;
      continue;
    }
    if (!inside && source.startsWith('(?i:', i)) {
      if (ignoring < 0) ignoring = open;
      open++;
      out += '(?:';
      i += 3;
      continue;
    }
    if (inside) inside = c !== ']';
    else if (c === '[') inside = true;
    else if (c === '(') open++;
    else if (c === ')') {
      if (--open === ignoring) ignoring = -1;
    } else if (c === '+' && repeats) continue;
    else repeated = /[*+?}]/.test(c);
    if (ignoring >= 0 && /[a-z]/i.test(c)) {
      const both = c.toLowerCase() + c.toUpperCase();
      out += inside ? both : `[${both}]`;
    } else out += c;
  }
  return out;
}

/**
 * The parts of a text between and of the matches of a pattern.
 * @param inverted what lies between the matches is what counts as matched
 */
export function split(source: AlignedText, pattern: RegExp, behavior: Behavior, inverted = false): AlignedText[] {
  const parts: { start: number; end: number; matched: boolean }[] = [];
  let done = 0;
  for (const match of source.text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (match.index > done) parts.push({ start: done, end: match.index, matched: inverted });
    if (end > match.index) parts.push({ start: match.index, end, matched: !inverted });
    done = end;
  }
  if (done < source.text.length) parts.push({ start: done, end: source.text.length, matched: inverted });
  return joined(parts, behavior).map(({ start, end }) => source.slice(start, end));
}

interface Part {
  start: number;
  end: number;
  readonly matched: boolean;
}

function joined(parts: readonly Part[], behavior: Behavior): readonly Part[] {
  if (behavior === 'Isolated') return parts;
  if (behavior === 'Removed') return parts.filter(({ matched }) => !matched);
  const backwards = behavior === 'MergedWithNext';
  const out: Part[] = [];
  let before = false;
  for (const part of backwards ? parts.toReversed() : parts) {
    const last = out.at(-1);
    const joins = behavior === 'Contiguous' ? part.matched === before : part.matched && !before;
    if (!joins || !last) out.push({ ...part });
    else if (backwards) last.start = part.start;
    else last.end = part.end;
    before = part.matched;
  }
  return backwards ? out.reverse() : out;
}
