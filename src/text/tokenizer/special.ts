/** What tokenizer_config.json and special_tokens_map.json say of special tokens. */
import { isRecord } from '../../io/base/json.ts';
import { type AddedToken, addedToken } from './added-tokens.ts';
import { Section } from './section.ts';

/** The special tokens that have a part to play, by the names that Hugging Face's files give them; those that there are. */
export type SpecialName =
  | 'bos_token'
  | 'eos_token'
  | 'unk_token'
  | 'sep_token'
  | 'pad_token'
  | 'cls_token'
  | 'mask_token';

const NAMES: readonly SpecialName[] = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
];

/** The tokens that have those parts. */
export type Special = Readonly<Partial<Record<SpecialName, string>>>;

/** The tokens that the files name, the first that names one before the others. */
export function specialOf(...files: readonly Readonly<Record<string, unknown>>[]): Special {
  const found: Partial<Record<SpecialName, string>> = {};
  for (const name of NAMES) {
    for (const file of files) {
      const value = file[name];
      const content = isRecord(value) ? value.content : value;
      if (typeof content === 'string' && content !== '') found[name] ??= content;
    }
  }
  return found;
}

/** The tokens of `added_tokens_decoder`, which are written there under their ids. */
export function addedByConfig(name: string, config: Readonly<Record<string, unknown>>): readonly AddedToken[] {
  const listed = new Section(name, '', config).sectionOrNone('added_tokens_decoder');
  if (!listed) return [];
  return Object.keys(listed.fields).map((id) => addedToken(listed.section(id), Number(id)));
}
