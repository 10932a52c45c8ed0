/** Which special tokens stand around a text, or two: the `post_processor` of tokenizer.json. */
import { isRecord } from '../../io/base/json.ts';
import type { Section } from './section.ts';

/** A part of what comes out: one of the texts, or a special token. */
export type TemplatePart =
  | { readonly sequence: 0 | 1; readonly typeId: number }
  | { readonly ids: readonly number[]; readonly tokens: readonly string[]; readonly typeId: number };

export interface PostProcessor {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
  /** Whether offsets leave out the spaces around a token, and whether one before the first word is none of the text's. */
  readonly trim?: { readonly prefixSpace: boolean };
}

const FIRST: TemplatePart = { sequence: 0, typeId: 0 };
const SECOND: TemplatePart = { sequence: 1, typeId: 1 };
/** No special tokens. */
const PLAIN: PostProcessor = { single: [FIRST], pair: [FIRST, SECOND] };

/** The post-processor of a section. @throws WeightFileError for one that is not known. */
export function postProcessorOf(section: Section | undefined): PostProcessor {
  if (!section) return PLAIN;
  switch (section.type) {
    case 'Sequence':
      return sequence(section);
    case 'ByteLevel':
      return { ...PLAIN, ...trimOf(section) };
    case 'TemplateProcessing': {
      const tokens = section.sectionOrNone('special_tokens');
      return {
        single: section.sections('single').map((part) => partOf(part, tokens)),
        pair: section.sections('pair').map((part) => partOf(part, tokens)),
      };
    }
    case 'BertProcessing': {
      const [cls, sep] = [special(section, 'cls', 0), special(section, 'sep', 0)];
      return { single: [cls, FIRST, sep], pair: [cls, FIRST, sep, SECOND, { ...sep, typeId: 1 }] };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [special(section, 'cls', 0), special(section, 'sep', 0)];
      const second: TemplatePart = { sequence: 1, typeId: 0 };
      return { single: [cls, FIRST, sep], pair: [cls, FIRST, sep, sep, second, sep], ...trimOf(section) };
    }
    default:
      return section.fail(`is '${section.type}', which is not known.`, 'type');
  }
}

/** One that trims offsets and one that puts special tokens there may follow one another. */
function sequence(section: Section): PostProcessor {
  let out = PLAIN;
  for (const one of section.sections('processors')) {
    const { trim, ...rest } = postProcessorOf(one);
    if (one.type !== 'ByteLevel') {
      if (out.single !== PLAIN.single) one.fail('puts special tokens around those of another, which is not known.');
      out = { ...out, ...rest };
    }
    if (trim) out = { ...out, trim };
  }
  return out;
}

function trimOf(section: Section): { readonly trim?: { readonly prefixSpace: boolean } } {
  return section.flag('trim_offsets', true) ? { trim: { prefixSpace: section.flag('add_prefix_space', true) } } : {};
}

function partOf(section: Section, tokens: Section | undefined): TemplatePart {
  const text = section.sectionOrNone('Sequence');
  if (text) return { sequence: text.text('id') === 'A' ? 0 : 1, typeId: text.number('type_id') };
  const token = section.section('SpecialToken');
  const name = token.text('id');
  const found = tokens?.fields[name];
  if (!isRecord(found) || !Array.isArray(found.ids) || !Array.isArray(found.tokens)) {
    return token.fail(`is '${name}', which special_tokens does not have.`, 'id');
  }
  return { ids: found.ids, tokens: found.tokens, typeId: token.number('type_id') };
}

/** `["[CLS]", 101]` */
function special(section: Section, key: string, typeId: number) {
  const [token, id] = section.list(key);
  if (typeof token !== 'string' || typeof id !== 'number') return section.fail('must be a token and its id.', key);
  return { ids: [id], tokens: [token], typeId };
}
