/** Entities out of tags, as seqeval finds them. */
import { ArgumentError } from '../../core/errors.ts';
import { shown } from '../../core/options.ts';

/**
 * How tags tell where entities are. `conlleval` takes whatever tags there are and is what is usually reported (seqeval's default): an entity
 * begins at B- and S-, at I- and E- behind O or another type. The others count only what is well formed: B- and I- (`IOB2`); B-, I-, E- and
 * S- for a single token (`IOBES`); the same with L- for E- and U- for S- (`BILOU`).
 */
export type TagScheme = 'conlleval' | 'IOB2' | 'IOBES' | 'BILOU';

/** Tokens [start, end) of one type. */
export interface Entity {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

interface Tag {
  /** B, I, O, E or S. */
  readonly prefix: string;
  /** `_` where the tag has none. */
  readonly type: string;
}

const PREFIXES: Readonly<Record<TagScheme, string>> = {
  conlleval: 'BIOES',
  IOB2: 'BIO',
  IOBES: 'BIOES',
  BILOU: 'BILOU',
};
/** BILOU's letters as those of IOBES. */
const SAME: Readonly<Record<string, string>> = { L: 'E', U: 'S' };
const OUTSIDE: Tag = { prefix: 'O', type: '_' };

/**
 * The entities of a sentence.
 * @param tags `B-PER`, `I-PER`, `O` …
 * @throws ArgumentError for what is no tag of the scheme.
 */
export function entitiesOf(tags: readonly string[], scheme: TagScheme = 'conlleval'): Entity[] {
  const parsed = tags.map((tag) => parse(tag, scheme));
  return scheme === 'conlleval' ? loosely(parsed) : strictly(parsed, scheme !== 'IOB2');
}

function parse(tag: string, scheme: TagScheme): Tag {
  const [, prefix, type] = /^([A-Z])(?:-(.*))?$/s.exec(tag) ?? [];
  if (prefix !== undefined && PREFIXES[scheme].includes(prefix) && (prefix !== 'O' || type === undefined)) {
    return { prefix: SAME[prefix] ?? prefix, type: type || '_' };
  }
  const known = [...PREFIXES[scheme]].map((letter) => (letter === 'O' ? 'O' : `${letter}-…`)).join(', ');
  throw new ArgumentError(`entitiesOf: expected tags of ${scheme} (${known}), got ${shown(tag)}.`);
}

/** The rules of CoNLL's evaluation. */
function loosely(tags: readonly Tag[]): Entity[] {
  const entities: Entity[] = [];
  let start = -1;
  let before = OUTSIDE;
  for (const [i, tag] of [...tags, OUTSIDE].entries()) {
    const ended = 'ES'.includes(before.prefix);
    const begins = 'BS'.includes(tag.prefix) || (tag.prefix !== 'O' && (ended || before.prefix === 'O'));
    const changes = begins || tag.prefix === 'O' || ended || tag.type !== before.type;
    if (before.prefix !== 'O' && changes) entities.push({ type: before.type, start, end: i });
    if (tag.prefix !== 'O' && changes) start = i;
    before = tag;
  }
  return entities;
}

/** Entities that begin as they should and, where the scheme marks ends, end so. */
function strictly(tags: readonly Tag[], marksEnds: boolean): Entity[] {
  const entities: Entity[] = [];
  for (let i = 0; i < tags.length; ) {
    const { prefix, type } = tags[i]!;
    const start = i++;
    if (prefix !== 'B' && prefix !== 'S') continue;
    let last = prefix;
    while (i < tags.length && 'BI'.includes(last) && 'IE'.includes(tags[i]!.prefix) && tags[i]!.type === type)
      last = tags[i++]!.prefix;
    if (!marksEnds || 'ES'.includes(last)) entities.push({ type, start, end: i });
  }
  return entities;
}
